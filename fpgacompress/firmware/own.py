"""Operations computed by our own C++ (``nnet_utils/nnet_fc_*.h``): each as the layer dictionary that :mod:`.extension` understands.

An image of one spatial axis is an image of height 1. Why not hls4ml's own: it truncates averages, lets padding win a maximum of unsigned
values (``pad_val`` of ``nnet_pooling.h``), pools streams only where the strides equal the pool, fuses batch normalizations and some
transposes into their neighbours, and has no clip, shift or steps between thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import Node, Tensor
from ..integer.operations.casts import each_bounds
from ..integer.types import ROUNDINGS, FixedType
from ..integer.windows import pads_and_shape
from .extension import LAYER


def operation(
    node: Node, function: str, settings: dict[str, Any], tables: dict[str, tuple[np.ndarray, FixedType]] | None = None
) -> dict[str, Any]:
    """Layer dictionary of one of our own operations.

    Args:
        node: gives the shape.
        function: C++ function in namespace nnet.
        settings: members of its configuration struct: whole numbers, or types as text.
        tables: constant arrays the function is called with, in order, by name: real values and type.
    """
    return {"class_name": LAYER, "function": function, "shape": list(node.shape), "settings": settings, "tables": tables or {}}


def _word(type: FixedType) -> str:
    return f"ap_{'int' if type.signed else 'uint'}<{type.width}>"


def _map(node: Node, op: str, settings: dict[str, Any], tables: dict[str, tuple[np.ndarray, FixedType]] | None = None) -> dict[str, Any]:
    sizes = {"n": int(np.prod(node.shape)), "n_chan": node.shape[-1], "period": node.shape[-1]}
    sizes |= {name: len(values) for name, (values, _) in zip(("n_a", "n_b"), (tables or {}).values())}
    return operation(node, "fc_map", sizes | settings | {"op": f"nnet::{op}<CONFIG>"}, tables)


def _clip(node: Node, source: Node) -> dict[str, Any]:
    low, high = max(node.params["low"], node.out.low), min(node.params["high"], node.out.high)  # beyond the type nothing is to be cut
    return _map(node, "fc_clip", {"low": low, "high": high, "out_word": _word(node.out)})


def _leaky_relu(node: Node, source: Node) -> dict[str, Any]:
    return _map(node, "fc_leaky_relu", {"in_word": _word(source.out), "out_word": _word(node.out)})


def _shift(node: Node, source: Node) -> dict[str, Any]:
    return _map(node, "fc_shift", {"in_word": _word(source.out), "out_word": _word(node.out)})


def _real(tensor: Tensor) -> tuple[np.ndarray, FixedType]:
    return tensor.type.to_float(tensor.values), FixedType(tensor.type.width, tensor.type.integer, tensor.type.signed)


def _scale(node: Node, source: Node) -> dict[str, Any]:
    assert node.kernel is not None
    bias = node.bias or Tensor(np.zeros_like(node.kernel.values), FixedType(1, 1, False))
    return _map(node, "fc_scale", {}, {"kernel": _real(node.kernel), "bias": _real(bias)})


def _threshold(node: Node, source: Node) -> dict[str, Any]:
    tables = {
        name: _real(Tensor(np.asarray(node.params[name], np.int64), type))
        for name, type in (("thresholds", source.out), ("values", node.out))
    }
    return _map(node, "fc_threshold", {}, tables)


def _quantize_each(node: Node, source: Node) -> dict[str, Any]:
    _, low, high = each_bounds(node)
    tables = {name: _real(Tensor(np.ravel(values), node.out)) for name, values in (("low", low), ("high", high))}
    return _map(node, "fc_quantize_each", {"period": int(low.size), "out_word": f"ap_int<{node.out.width + 1}>"}, tables)


def _image(shape: tuple[int, ...], prefix: str) -> dict[str, int]:
    height, width = (1, *shape[:-1]) if len(shape) == 2 else shape[:-1]
    return {f"{prefix}_height": height, f"{prefix}_width": width}


def _pair(values: list[int], one: int, *names: str) -> dict[str, int]:
    """Settings per spatial axis; ``one`` for the height of an image with one axis."""
    return dict(zip(names, values if len(values) == 2 else [one, *values], strict=True))


def _pool(node: Node, source: Node) -> dict[str, Any]:
    pool, strides = node.params["pool_size"], node.params["strides"]
    pads, _ = pads_and_shape(source.shape[:-1], pool, strides, node.params["padding"])
    count, moved = int(np.prod(pool)).bit_length(), node.out.fraction - source.out.fraction
    width = max(source.out.width + count + max(moved, 0), count + max(-moved, 0)) + 2  # the doubled rest and a sign
    settings: dict[str, Any] = {"n_chan": node.shape[-1], "reuse_factor": 1}
    settings |= _image(source.shape, "in") | _image(node.shape, "out")
    settings |= _pair(pool, 1, "pool_height", "pool_width") | _pair(strides, 1, "stride_height", "stride_width")
    settings |= _pair([before for before, _ in pads], 0, "pad_top", "pad_left")
    settings |= {"up": max(moved, 0), "down": max(-moved, 0), "rounding": ROUNDINGS.index(node.out.rounding)}
    settings |= {"word": f"ap_int<{width}>", "in_word": _word(source.out), "exact": f"ap_fixed<{width}, {width - node.out.fraction}>"}
    op = {"maxpool": "fc_maximum", "sumpool": "fc_sum", "avgpool": "fc_average"}[node.op]
    return operation(node, "fc_pool", settings | {"op": f"nnet::{op}<CONFIG>"})


def _permute(node: Node, source: Node) -> dict[str, Any]:
    axes = node.params["axes"]
    if len(axes) > 4:
        raise UnsupportedError(f"layer '{node.name}' permutes {len(axes)} axes", expected="at most 4 in firmware")
    strides = [int(np.prod(source.shape[a + 1 :])) for a in axes]
    ahead = 4 - len(axes)
    settings = {f"n{i}": n for i, n in enumerate([1] * ahead + list(node.shape))}
    return operation(node, "fc_permute", settings | {f"stride{i}": s for i, s in enumerate([0] * ahead + strides)})


def _grid(node: Node, source: Node) -> dict[str, Any]:
    return {"n_chan": node.shape[-1]} | _image(source.shape, "in") | _image(node.shape, "out")


def _upsample(node: Node, source: Node) -> dict[str, Any]:
    return operation(node, "fc_upsample", _grid(node, source) | _pair(node.params["size"], 1, "size_height", "size_width"))


def padded(source: Node, pads: list[tuple[int, int]]) -> dict[str, Any]:
    """Zeros around the spatial axes of what ``source`` gives, (before, after) each."""
    shape = (*(n + before + after for n, (before, after) in zip(source.shape, pads)), source.shape[-1])
    node = Node("", "zeropad", (), source.out, shape)
    settings = _grid(node, source) | _pair([before for before, _ in pads], 0, "pad_top", "pad_left")
    return operation(node, "fc_zeropad", settings)


def _zeropad(node: Node, source: Node) -> dict[str, Any]:
    return padded(source, [(int(before), int(after)) for before, after in node.params["pads"]])


def repack(node: Node, source: Node) -> dict[str, Any]:
    """A stream whose words get another size (flatten, reshape)."""
    return operation(node, "fc_repack", {"n": int(np.prod(node.shape))})


OPERATIONS: dict[str, Callable[[Node, Node], dict[str, Any]]] = {
    "avgpool": _pool,
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "maxpool": _pool,
    "permute": _permute,
    "quantize_each": _quantize_each,
    "scale": _scale,
    "shift": _shift,
    "sumpool": _pool,
    "threshold": _threshold,
    "upsample": _upsample,
    "zeropad": _zeropad,
}
"""Builders by operation: (node, what it reads) -> layer dictionary. ``maxpool`` here is the general one."""
