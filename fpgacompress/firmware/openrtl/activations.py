"""Activations that are sums, casts and comparisons (``nnet_activation.h`` of hls4ml 1.3); those that read a table are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from .builder import GraphBuilder, result_precision
from .constants import constant, trimmed
from .precisions import is_kind

KNOWN = "linear, relu, relu1, relu6, leaky_relu (a power of two), hard_sigmoid, hard_tanh or binary_tanh"


def _refused(layer: Any, what: str) -> UnsupportedError:
    return UnsupportedError(f"layer '{layer.name}': activation {what}", expected=KNOWN)


def _relu(layer: Any, source: str, net: GraphBuilder) -> str:
    """Positive values assigned to the result's type; a cast alone where that is unsigned and saturates at 0."""
    low, high = net.range(source).bounds
    precision, fraction = result_precision(layer), net[source].out.fraction
    if low >= 0:
        return net.result(layer, source)
    kind = precision.acting(min(low, 0), max(high, 0), fraction)
    if kind is not None and not precision.signed and precision.overflow != "WRAP":
        return net.quantize(layer.name, source, kind)
    return net.result(layer, net.relu(layer.name, source))


def _clipped_relu(layer: Any, source: str, net: GraphBuilder, most: int) -> str:
    source = net.finer(layer.name, source, 0)
    return net.result(layer, net.clip(layer.name, source, 0, most << net[source].out.fraction))


def _binary(layer: Any, source: str, net: GraphBuilder) -> str:
    previous = layer.get_input_node()
    if any(base.__name__ == "BatchNormalization" for base in type(previous).__mro__):
        raise UnsupportedError(f"layer '{layer.name}': binary_tanh after a batch normalization", expected="the activation alone")
    if is_kind(layer.get_output_variable().type.precision, "Xnor"):
        raise UnsupportedError(f"layer '{layer.name}': a result of hls4ml's one-bit type", expected="int<2>")
    return net.result(layer, net.threshold(layer.name, source, [0], [-1, 1], 0))


def _activation(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    (source,), name = sources, str(layer.get_attr("activation")).lower()
    match name:
        case "linear":
            return net.result(layer, source)
        case "relu":
            return _relu(layer, source, net)
        case "relu1" | "relu6":
            return _clipped_relu(layer, source, net, int(name[-1]))
        case "binary_tanh":
            return _binary(layer, source, net)
    raise _refused(layer, f"'{name}'")


def _parametrized(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    (source,), name = sources, layer._get_act_function_name()
    if name != "leaky_relu":
        raise _refused(layer, f"'{name}'")
    stored, fraction = constant(
        layer.get_attr("activ_param"), layer.get_attr("param_t").precision, f"layer '{layer.name}': the slope's type"
    )
    shift = fraction - stored.bit_length() + 1
    if stored < 1 or stored & (stored - 1) or shift < 0:
        raise _refused(layer, f"leaky_relu of slope {math.ldexp(stored, -fraction)}")
    return net.result(layer, net.leaky_relu(layer.name, source, shift) if shift else source)


def _hard(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    """``min(max(slope * x + shift, 0), 1)``, and twice that less 1 for hard_tanh."""
    (source,), name = sources, layer.name
    shape = net[source].shape
    (slope, slope_fraction), (shift, shift_fraction) = (
        constant(layer.get_attr(part), layer.get_attr(f"{part}_t").precision, f"layer '{name}': the type of the {part}")
        for part in ("slope", "shift")
    )
    kernel, bias = trimmed(np.full(shape[-1], slope), slope_fraction), trimmed(np.full(shape[-1], shift), shift_fraction)
    line = net.finer(name, net.weighted(f"{name}_line", "scale", source, shape, kernel, bias), 0)
    clipped = net.clip(name, line, 0, 1 << net[line].out.fraction)
    if layer.get_attr("activation") == "hard_tanh":
        one = np.ones(shape[-1], np.int64)
        clipped = net.weighted(f"{name}_tanh", "scale", clipped, shape, trimmed(2 * one, 0), trimmed(-one, 0))
    elif layer.get_attr("activation") != "hard_sigmoid":
        raise _refused(layer, f"'{layer.get_attr('activation')}'")
    return net.result(layer, clipped)


def _table(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    raise _refused(layer, f"'{layer.get_attr('activation')}'")


RULES = {
    "Activation": _activation,
    "ParametrizedActivation": _parametrized,
    "HardActivation": _hard,
    "PReLU": _table,
    "TernaryTanh": _table,
}
