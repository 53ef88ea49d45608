"""Layers that move values and change none: Flatten, Reshape, Dropout and its family."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ..builder import Builder, layers


@layers.register("Flatten")
def flatten(layer: Any, sources: list[str], net: Builder) -> str:
    """One axis, row by row, channels last."""
    (source,) = sources
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedError(f"layer '{layer.name}' (Flatten) has data_format={layer.data_format!r}", expected="channels_last")
    if len(net[source].shape) == 1:
        return source
    return net.same_type(net.free_name(layer.name), "flatten", source, (int(np.prod(net[source].shape)),))


@layers.register("Reshape")
def reshape(layer: Any, sources: list[str], net: Builder) -> str:
    """A new shape of the same values; one -1 is filled in."""
    (source,) = sources
    shape = np.empty(net[source].shape, np.bool_).reshape(layer.target_shape).shape
    return net.same_type(net.free_name(layer.name), "reshape", source, tuple(int(n) for n in shape))


def _identity(layer: Any, sources: list[str], net: Builder) -> str:
    """Does nothing outside training."""
    (source,) = sources
    return source


for _kind in ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"):
    layers.register(_kind)(_identity)
