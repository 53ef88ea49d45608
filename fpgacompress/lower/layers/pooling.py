"""Pooling: a maximum picks values, so types stay; an average is exact, or rounded once by the quantizer that reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...integer.network import Tensor
from ...integer.windows import pads_and_shape
from ..averages import check_multiplied_back, counts, exact_average, pool_name, shaped
from ..builder import Average, Builder, layers
from ..weights import quantized_tensor
from .activations import attached_activation
from .shapes import channels_last


def _per_axis(value: Any, axes: int) -> list[int]:
    return [int(value)] * axes if np.ndim(value) == 0 else [int(v) for v in value]


def _pooling(layer: Any, source: str, net: Builder) -> Average:
    """Window and shapes of a pooling layer, global or not."""
    channels_last(layer)
    *spatial, channels = net[source].shape
    if "Global" in type(layer).__name__:
        params = {"pool_size": list(spatial), "strides": list(spatial), "padding": "valid"}
        pooled = (*([1] * len(spatial)), channels)
        return Average(layer.name, source, pooled, pooled if layer.keepdims else (channels,), params)
    pool, strides = (_per_axis(value, len(spatial)) for value in (layer.pool_size, layer.strides))
    _, out = pads_and_shape(spatial, pool, strides, layer.padding)
    shape = (*out, channels)
    return Average(layer.name, source, shape, shape, {"pool_size": pool, "strides": strides, "padding": layer.padding})


@layers.register("MaxPooling1D")
@layers.register("MaxPooling2D")
@layers.register("GlobalMaxPooling1D")
@layers.register("GlobalMaxPooling2D")
def maxpool(layer: Any, sources: list[str], net: Builder) -> str:
    """Maximum over windows; "same" padding never wins."""
    found = _pooling(layer, sources[0], net)
    pool = net.same_type(pool_name(layer.name, found), "maxpool", found.source, found.pooled, found.params)
    return shaped(net, layer.name, found, pool)


@layers.register("AveragePooling1D")
@layers.register("AveragePooling2D")
@layers.register("GlobalAveragePooling1D")
@layers.register("GlobalAveragePooling2D")
def average(layer: Any, sources: list[str], net: Builder) -> str:
    """Average over the real elements of each window."""
    found = _pooling(layer, sources[0], net)
    return exact_average(net, layer.name, found) or net.await_rounding(found)


@layers.register("QAveragePooling2D")
@layers.register("QGlobalAveragePooling2D")
def quantized_average(layer: Any, sources: list[str], net: Builder) -> str:
    """``sum * average_quantizer(1 / area)``, then the activation; without ``average_quantizer`` a plain average and the activation.

    QKeras divides in float32 and multiplies by the area again (``qpooling.py``), which is not always the sum: every sum the input allows is
    tried, and the layer refused where one gives another result.
    """
    found = _pooling(layer, sources[0], net)
    if not layer.average_quantizer:
        return attached_activation(layer, average(layer, sources, net), net)
    where = f"layer '{layer.name}'"
    area = int(np.prod(found.params["pool_size"]))
    if counts(net, found.source, found.params).tolist() != [area]:
        raise UnsupportedError(
            f"{where} multiplies averages at the border by its whole area, where fewer elements are averaged", do="use padding='valid'"
        )
    factor = quantized_tensor(1.0 / area, layer.average_quantizer_internal, f"the average_quantizer of {where}")
    pool = net.sumpool(f"{layer.name}_sum", found.source, found.pooled, found.params)
    check_multiplied_back(net, pool, area, float(factor.type.to_float(factor.values)), layer.activation, where)
    kernel = Tensor(np.full(found.pooled[-1:], int(factor.values)), factor.type)
    scaled = net.weighted(pool_name(layer.name, found), "scale", pool, found.pooled, kernel, None)
    return attached_activation(layer, shaped(net, layer.name, found, scaled), net)
