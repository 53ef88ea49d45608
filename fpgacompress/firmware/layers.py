"""Each operation of an integer network as the dictionary that hls4ml's converters would write for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import IntegerNetwork, Node
from ..integer.types import FixedType
from ..integer.windows import pads_and_shape
from . import own
from .convolutions import stream_padding, weighted

JOINS = ("add", "concatenate")
"""Operations that hls4ml does for two tensors at a time."""

_RESERVED = {"input", "int", "float", "double", "bool", "auto", "return", "const", "static", "class", "new", "out", "signed", "unsigned"}


def cpp_names(network: IntegerNetwork) -> dict[str, str]:
    """Node names as C++ identifiers, unique without regard to case (hls4ml compares lower-case names)."""
    names: dict[str, str] = {}
    taken: set[str] = set(_RESERVED)
    for node in network.nodes:
        base = re.sub(r"\W", "_", node.name, flags=re.ASCII)
        base = f"layer_{base}" if not base or base[0].isdigit() or base[0] == "_" else base
        name, count = base, 1
        while name.lower() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.lower())
        names[node.name] = name
    return names


def plain(type: FixedType) -> FixedType:
    """The same type without rounding and overflow modes, for values that are exact in it."""
    return FixedType(type.width, type.integer, type.signed)


def parts(network: IntegerNetwork, stream: bool) -> dict[str, dict[str, FixedType]]:
    """Layers that hls4ml needs besides the one of the node's name, and their types, by node name.

    hls4ml joins two tensors at a time, and a convolution in a stream gets its zeros from a layer in front of it.
    """
    names = cpp_names(network)
    taken = {n.lower() for n in names.values()}
    found: dict[str, dict[str, FixedType]] = {}
    for node in network.nodes:
        types = [plain(node.out)] * (len(node.inputs) - 2) if node.op in JOINS else []
        if stream and node.kernel is not None and stream_padding(node, network.node(node.inputs[0])):
            types = [plain(network.node(node.inputs[0]).out)]
        free = (name for i in itertools.count(1) if (name := f"{names[node.name]}_part{i}").lower() not in taken)
        found[node.name] = dict(zip(itertools.islice(free, len(types)), types, strict=True))
        taken |= {name.lower() for name in found[node.name]}
    return found


def _reshape(node: Node, network: IntegerNetwork, stream: bool) -> dict[str, Any]:
    """In arrays nothing moves. A stream keeps its words, which only a dense layer reads whatever their size; others need them repacked."""
    source = network.node(node.inputs[0])
    readers = [n for n in network.nodes if node.name in n.inputs]
    if stream and (not readers or len(node.shape) > 1 or any(r.op != "dense" for r in readers)):
        return own.repack(node, source)
    return {"class_name": "Reshape", "target_shape": list(node.shape)}


def _quantize(node: Node, network: IntegerNetwork, stream: bool) -> dict[str, Any]:
    """A cast: hls4ml's relu and linear both assign to the result type, which rounds and saturates. Unsigned and saturating is a relu."""
    relu = not node.out.signed and node.out.overflow != "WRAP"  # wrapping keeps the low bits of negative values, a relu does not
    return {"class_name": "Activation", "activation": "relu" if relu else "linear", "n_in": int(np.prod(node.shape))}


def _maxpool(node: Node, network: IntegerNetwork, stream: bool) -> dict[str, Any]:
    """hls4ml's own where nothing is padded and, in streams, windows do not overlap; else ours."""
    source = network.node(node.inputs[0])
    pool, strides = node.params["pool_size"], node.params["strides"]
    pads, _ = pads_and_shape(source.shape[:-1], pool, strides, node.params["padding"])
    if any(b or a for b, a in pads) or (stream and list(pool) != list(strides)):
        return own.OPERATIONS["maxpool"](node, source)
    names = ("height", "width")[-len(pool) :]
    sizes: dict[str, Any] = {"n_filt": node.shape[-1], "padding": "valid", "pad_left": 0, "pad_right": 0}
    for name, k, s in zip(names, pool, strides, strict=True):
        sizes |= {f"pool_{name}": k, f"stride_{name}": s}
    if len(pool) == 1:
        return {"class_name": "MaxPooling1D", "n_in": source.shape[0], "n_out": node.shape[0]} | sizes
    sizes |= {"pad_top": 0, "pad_bottom": 0, "in_height": source.shape[0], "in_width": source.shape[1]}
    return {"class_name": "MaxPooling2D", "out_height": node.shape[0], "out_width": node.shape[1]} | sizes


def _join(node: Node) -> dict[str, Any]:
    """Two tensors into one."""
    if node.op == "add":
        return {"class_name": "Merge", "op": "add"}
    if len(node.shape) > 3:
        raise UnsupportedError(f"layer '{node.name}' joins tensors of {len(node.shape)} axes", expected="at most 3 in firmware")
    return {"class_name": "Concatenate", "op": f"concatenate{len(node.shape)}d", "axis": node.params["axis"] + 1}


_LAYERS: dict[str, Callable[[Node, IntegerNetwork, bool], dict[str, Any]]] = {
    "flatten": _reshape,
    "reshape": _reshape,
    "quantize": _quantize,
    "maxpool": _maxpool,
}


def _layer(node: Node, network: IntegerNetwork, stream: bool) -> dict[str, Any]:
    if node.op in _LAYERS:
        return _LAYERS[node.op](node, network, stream)
    source = network.node(node.inputs[0])
    if node.op in own.OPERATIONS:
        return own.OPERATIONS[node.op](node, source)
    if node.kernel is not None:
        return weighted(node, source, stream)
    raise UnsupportedError(f"layer '{node.name}': operation '{node.op}' has no firmware")


def layer_list(network: IntegerNetwork, io_type: str) -> list[dict[str, Any]]:
    """The network as hls4ml's converters write it: one dictionary per layer.

    Raises:
        UnsupportedError: an operation that has no firmware; names the layer.
    """
    stream = io_type == "io_stream"
    names, more = cpp_names(network), parts(network, stream)
    found: list[dict[str, Any]] = []

    def put(name: str, inputs: list[str], layer: dict[str, Any]) -> None:
        found.append({"name": name, "data_format": "channels_last"} | ({"inputs": inputs} if inputs else {}) | layer)

    for node in network.nodes:
        inputs = [names[i] for i in node.inputs]
        if node.op == "input":
            put(names[node.name], [], {"class_name": "InputLayer", "input_shape": list(node.shape)})
            continue
        for part in more[node.name]:
            if node.op in JOINS:
                put(part, inputs[:2], _join(node))
                inputs = [part, *inputs[2:]]
            else:
                source = network.node(node.inputs[0])
                put(part, inputs, own.padded(source, stream_padding(node, source) or []))
                inputs = [part]
        put(names[node.name], inputs, _join(node) if node.op in JOINS else _layer(node, network, stream))
    return found
