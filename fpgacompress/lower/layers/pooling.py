"""Max pooling: picks values, so types stay."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from ...integer.windows import pads_and_shape
from ..builder import Builder, layers


@layers.register("MaxPooling1D")
@layers.register("MaxPooling2D")
def maxpool(layer: Any, sources: list[str], net: Builder) -> str:
    """Maximum over windows; "same" padding never wins."""
    (source,) = sources
    if layer.data_format != "channels_last":
        raise UnsupportedError(f"layer '{layer.name}' has data_format={layer.data_format!r}", expected="channels_last")
    axes = len(net[source].shape) - 1
    pool, strides = ([int(v) for v in _per_axis(value, axes)] for value in (layer.pool_size, layer.strides))
    _, out = pads_and_shape(net[source].shape[:-1], pool, strides, layer.padding)
    params = {"pool_size": pool, "strides": strides, "padding": layer.padding}
    return net.same_type(net.free_name(layer.name), "maxpool", source, (*out, net[source].shape[-1]), params)


def _per_axis(value: Any, axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else list(value)
