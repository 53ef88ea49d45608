"""Pooling (``nnet_pooling.h`` of hls4ml 1.3): the maximum, or the sum in the accumulator's type divided towards zero at its least bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...integer.types import FixedType
from ...integer.windows import pads_and_shape, pooled_sum, window_counts
from .builder import GraphBuilder, accumulator_precision
from .weighted import padding_of, pads_of, spatial


def _maximum(layer: Any, source: str, net: GraphBuilder, shape: tuple[int, ...], params: dict[str, Any]) -> str:
    if params["padding"] != "valid" and not net[source].out.signed:
        raise UnsupportedError(
            f"layer '{layer.name}': a maximum of unsigned values with padding, which wins in hls4ml's C++", expected="padding 'valid'"
        )
    pooled = net.same_type(layer.name, "maxpool", source, shape, params)
    return net.cast(f"{layer.name}_accumulator", pooled, accumulator_precision(layer))


def _average(layer: Any, source: str, net: GraphBuilder, shape: tuple[int, ...], params: dict[str, Any]) -> str:
    accumulator, kind, found = accumulator_precision(layer), net[source].out, net.range(source)
    window = (params["pool_size"], params["strides"], params["padding"])
    low = int(pooled_sum(np.minimum(found.low, 0)[None], *window).min())  # of the sum after any number of its terms
    high = int(pooled_sum(np.maximum(found.high, 0)[None], *window).max())
    if accumulator.acting(low, high, kind.fraction) is not None:
        raise UnsupportedError(
            f"{accumulator.where} is {accumulator}, which changes some sums over the window",
            expected=f"at least {FixedType.holding(low, high, kind.fraction)}",
        )
    counts = np.unique(window_counts(net[source].shape[:-1], *window)).tolist()
    bits = max(n.bit_length() for n in counts) - 1
    if all(n & (n - 1) == 0 for n in counts) and accumulator.plain.fraction >= kind.fraction + bits:
        return net.exact_avgpool(layer.name, source, shape, params, bits)
    if found.bounds[0] < 0:
        raise UnsupportedError(
            f"layer '{layer.name}': averages of negative values over {counts} elements, which hls4ml's C++ rounds towards zero",
            expected="values that are not negative, or a power of two of elements and an accumulator with bits for the quotient",
        )
    rounded = FixedType(accumulator.width, accumulator.integer, accumulator.signed)
    return net.avgpool(layer.name, source, shape, params, rounded)


_OPERATIONS = {"Max": _maximum, "Average": _average}


def _pooling(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    (source,), name = sources, layer.name
    operation = str(layer.get_attr("pool_op"))
    window, strides = spatial(layer, "pool_{}", "stride_{}")
    *size, channels = net[source].shape
    pads = pads_of(layer)
    padding = padding_of(size, window, strides, pads)
    if padding is None or padding == "causal" or (layer.get_attr("count_pad") and operation == "Average" and padding != "valid"):
        raise UnsupportedError(f"layer '{name}': pooling with padding {pads}", expected="'valid', or 'same' without counting the padding")
    shape = (*pads_and_shape(size, window, strides, padding)[1], channels)
    params = {"pool_size": window, "strides": strides, "padding": padding}
    return net.result(layer, _OPERATIONS[operation](layer, source, net, shape, params))


def _global(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    (source,) = sources
    *size, channels = net[source].shape
    params = {"pool_size": size, "strides": size, "padding": "valid"}
    pooled = _OPERATIONS[str(layer.get_attr("pool_op"))](layer, source, net, (*[1] * len(size), channels), params)
    return net.result(layer, net.same_type(f"{layer.name}_flat", "flatten", pooled, (channels,)))


RULES = dict.fromkeys(("Pooling1D", "Pooling2D"), _pooling) | dict.fromkeys(("GlobalPooling1D", "GlobalPooling2D"), _global)
