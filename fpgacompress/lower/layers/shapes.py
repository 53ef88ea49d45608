"""Layers that move values and change none: Flatten, Reshape, Permute, ZeroPadding, UpSampling, Dropout and its family."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ..builder import Builder, layers


def channels_last(layer: Any) -> None:
    """Refuse the other order of axes.

    Raises:
        UnsupportedError: ``data_format`` is not channels_last.
    """
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedError(
            f"layer '{layer.name}' ({type(layer).__name__}) has data_format={layer.data_format!r}", expected="channels_last"
        )


@layers.register("Flatten")
def flatten(layer: Any, sources: list[str], net: Builder) -> str:
    """One axis, row by row, channels last."""
    (source,) = sources
    channels_last(layer)
    if len(net[source].shape) == 1:
        return source
    return net.same_type(layer.name, "flatten", source, (int(np.prod(net[source].shape)),))


@layers.register("Reshape")
def reshape(layer: Any, sources: list[str], net: Builder) -> str:
    """A new shape of the same values; one -1 is filled in."""
    (source,) = sources
    shape = np.empty(net[source].shape, np.bool_).reshape(layer.target_shape).shape
    return net.same_type(layer.name, "reshape", source, tuple(int(n) for n in shape))


@layers.register("Permute")
def permute(layer: Any, sources: list[str], net: Builder) -> str:
    """Axes in another order; Keras counts them from 1."""
    (source,) = sources
    axes = [int(d) - 1 for d in layer.dims]
    return net.same_type(layer.name, "permute", source, tuple(net[source].shape[a] for a in axes), {"axes": axes})


@layers.register("ZeroPadding1D")
@layers.register("ZeroPadding2D")
def zeropad(layer: Any, sources: list[str], net: Builder) -> str:
    """Zeros around the spatial axes."""
    (source,) = sources
    channels_last(layer)
    given = [layer.padding] if type(layer).__name__ == "ZeroPadding1D" else layer.padding
    pads = [[int(n) for n in pair] for pair in given]
    *spatial, channels = net[source].shape
    shape = (*(n + sum(pair) for n, pair in zip(spatial, pads, strict=True)), channels)
    return net.same_type(layer.name, "zeropad", source, shape, {"pads": pads})


@layers.register("UpSampling1D")
@layers.register("UpSampling2D")
def upsample(layer: Any, sources: list[str], net: Builder) -> str:
    """Each value repeated."""
    (source,) = sources
    channels_last(layer)
    if getattr(layer, "interpolation", "nearest") != "nearest":
        raise UnsupportedError(f"layer '{layer.name}' (UpSampling2D) has interpolation={layer.interpolation!r}", expected="nearest")
    size = [int(n) for n in np.atleast_1d(layer.size)]
    *spatial, channels = net[source].shape
    shape = (*(n * times for n, times in zip(spatial, size, strict=True)), channels)
    return net.same_type(layer.name, "upsample", source, shape, {"size": size})


def _identity(layer: Any, sources: list[str], net: Builder) -> str:
    """Does nothing outside training."""
    (source,) = sources
    return source


for _kind in (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "AlphaDropout",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
):
    layers.register(_kind)(_identity)
