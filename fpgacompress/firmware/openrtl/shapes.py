"""Layers that move values (reshaping, transposing, padding, repeating) and those that join two tensors."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from .builder import GraphBuilder
from .weighted import pads_of


def _shape(layer: Any) -> tuple[int, ...]:
    return tuple(map(int, layer.get_output_variable().shape))


def _reshape(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    """The same values: with ``io_parallel`` hls4ml makes nothing of it, whatever its result type."""
    (source,), shape = sources, _shape(layer)
    return net.same_type(layer.name, "flatten" if len(shape) == 1 else "reshape", source, shape)


def _transpose(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    axes = [int(axis) for axis in layer.get_attr("perm")]
    return net.result(layer, net.same_type(layer.name, "permute", sources[0], _shape(layer), {"axes": axes}))


def _zero_padding(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    pads = [list(p) for p in pads_of(layer)]
    return net.result(layer, net.same_type(layer.name, "zeropad", sources[0], _shape(layer), {"pads": pads}))


def _resize(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    size, out = net[sources[0]].shape[:-1], _shape(layer)
    if layer.get_attr("algorithm") != "nearest" or any(b % a for a, b in zip(size, out)):
        raise UnsupportedError(f"layer '{layer.name}': {layer.get_attr('algorithm')} from {size} to {out[:-1]}", expected="whole repeats")
    factors = [b // a for a, b in zip(size, out)]
    return net.result(layer, net.same_type(layer.name, "upsample", sources[0], out, {"size": factors}))


def _concatenate(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    axis, shape = int(layer.get_attr("axis")), _shape(layer)
    axis = axis - 1 if axis > 0 else axis % len(shape)
    return net.result(layer, net.concatenate(layer.name, sources, shape, axis))


def _merge(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    operation = str(layer.get_attr("op")).lower()
    shapes = [net[source].shape for source in sources]
    if operation not in ("add", "average") or len(set(shapes)) > 1:
        raise UnsupportedError(f"layer '{layer.name}': {operation} of shapes {shapes}", expected="add or average of equal shapes")
    joined = net.add(layer.name, sources)
    return net.result(layer, net.shift(f"{layer.name}_half", joined, -1) if operation == "average" else joined)


RULES = {
    "Reshape": _reshape,
    "Transpose": _transpose,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
    "Resize": _resize,
    "Concatenate": _concatenate,
    "Merge": _merge,
}
