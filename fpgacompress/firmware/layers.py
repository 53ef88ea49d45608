"""Each operation of an integer network as the dictionary that hls4ml's converters would write for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import IntegerNetwork, Node, Tensor
from ..integer.types import FixedType
from ..integer.windows import pads_and_shape

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


def floats(tensor: Tensor) -> np.ndarray:
    """Real values (float64) of integer weights."""
    return tensor.type.to_float(tensor.values)


def paddings(node: Node, size: tuple[int, ...], window: list[int]) -> dict[str, int]:
    """hls4ml's names for the zero rows around the input."""
    pads, _ = pads_and_shape(size, window, node.params["strides"], node.params["padding"])
    (left, right), *above = reversed(pads)
    found = {"pad_left": left, "pad_right": right}
    if above:
        found |= {"pad_top": above[0][0], "pad_bottom": above[0][1]}
    return found


def _dense(node: Node, source: Node) -> dict[str, Any]:
    return {"class_name": "Dense", "n_in": source.shape[-1], "n_out": node.shape[-1]}


def _conv1d(node: Node, source: Node) -> dict[str, Any]:
    assert node.kernel is not None
    width = node.kernel.values.shape[0]
    return {
        "class_name": "Conv1D",
        "in_width": source.shape[0],
        "n_chan": source.shape[1],
        "out_width": node.shape[0],
        "n_filt": node.shape[1],
        "filt_width": width,
        "stride_width": node.params["strides"][0],
        "padding": node.params["padding"],
        **paddings(node, source.shape[:1], [width]),
    }


def _conv2d(node: Node, source: Node) -> dict[str, Any]:
    assert node.kernel is not None
    height, width = node.kernel.values.shape[:2]
    return {
        "class_name": "Conv2D",
        "in_height": source.shape[0],
        "in_width": source.shape[1],
        "n_chan": source.shape[2],
        "out_height": node.shape[0],
        "out_width": node.shape[1],
        "n_filt": node.shape[2],
        "filt_height": height,
        "filt_width": width,
        "stride_height": node.params["strides"][0],
        "stride_width": node.params["strides"][1],
        "padding": node.params["padding"],
        **paddings(node, source.shape[:2], [height, width]),
    }


def _maxpool(node: Node, source: Node) -> dict[str, Any]:
    pool, strides = node.params["pool_size"], node.params["strides"]
    pads = paddings(node, source.shape[:-1], pool)
    if len(pool) == 1:
        sizes = {
            "n_in": source.shape[0],
            "n_out": node.shape[0],
            "n_filt": node.shape[1],
            "pool_width": pool[0],
            "stride_width": strides[0],
        }
        return {"class_name": "MaxPooling1D", "padding": node.params["padding"], **sizes, **pads}
    return {
        "class_name": "MaxPooling2D",
        "in_height": source.shape[0],
        "in_width": source.shape[1],
        "out_height": node.shape[0],
        "out_width": node.shape[1],
        "n_filt": node.shape[2],
        "pool_height": pool[0],
        "pool_width": pool[1],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding": node.params["padding"],
        **pads,
    }


def _reshape(node: Node, source: Node) -> dict[str, Any]:
    return {"class_name": "Reshape", "target_shape": list(node.shape)}


def _quantize(node: Node, source: Node) -> dict[str, Any]:
    """A cast: hls4ml's relu and linear both assign to the result type, which rounds and saturates. Unsigned and saturating is a relu."""
    relu = not node.out.signed and node.out.overflow != "WRAP"  # wrapping keeps the low bits of negative values, a relu does not
    return {"class_name": "Activation", "activation": "relu" if relu else "linear", "n_in": int(np.prod(node.shape))}


def _add(node: Node, source: Node) -> dict[str, Any]:
    if len(node.inputs) != 2:
        raise UnsupportedError(f"layer '{node.name}' adds {len(node.inputs)} tensors", expected="2 in hls4ml", do="chain Add layers")
    return {"class_name": "Merge", "op": "add"}


_LAYERS: dict[str, Callable[[Node, Node], dict[str, Any]]] = {
    "dense": _dense,
    "conv1d": _conv1d,
    "conv2d": _conv2d,
    "maxpool": _maxpool,
    "flatten": _reshape,
    "reshape": _reshape,
    "quantize": _quantize,
    "add": _add,
}


def layer_list(network: IntegerNetwork) -> list[dict[str, Any]]:
    """The network as hls4ml's converters write it: one dictionary per layer.

    Raises:
        UnsupportedError: an operation that hls4ml cannot compute; names the layer.
    """
    names = cpp_names(network)
    found: list[dict[str, Any]] = []
    for node in network.nodes:
        common: dict[str, Any] = {"name": names[node.name], "data_format": "channels_last"}
        if node.op == "input":
            found.append(common | {"class_name": "InputLayer", "input_shape": list(node.shape)})
            continue
        if node.op not in _LAYERS:
            raise UnsupportedError(f"layer '{node.name}': operation '{node.op}' has no hls4ml layer", expected=", ".join(_LAYERS))
        entry = common | _LAYERS[node.op](node, network.node(node.inputs[0]))
        entry["inputs"] = [names[i] for i in node.inputs]
        if node.kernel is not None:
            entry["weight_data"] = floats(node.kernel)
            entry["bias_data"] = None if node.bias is None else floats(node.bias)
        found.append(entry)
    return found
