"""Layers with several inputs."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from ..builder import Builder, layers


@layers.register("Add")
def add(layer: Any, sources: list[str], net: Builder) -> str:
    """Exact sum; the type grows by the bits it needs."""
    shapes = {net[s].shape for s in sources}
    if len(shapes) != 1:
        raise UnsupportedError(f"layer '{layer.name}' (Add) joins shapes {sorted(shapes)}", expected="equal shapes")
    return net.add(layer.name, sources)


@layers.register("Concatenate")
def concatenate(layer: Any, sources: list[str], net: Builder) -> str:
    """Joined along one axis; the type holds every input."""
    shape = list(net[sources[0]].shape)
    axis = layer.axis - 1 if layer.axis > 0 else layer.axis + len(shape)
    if layer.axis == 0 or not 0 <= axis < len(shape):
        raise UnsupportedError(
            f"layer '{layer.name}' (Concatenate) has axis={layer.axis}", expected="an axis of the sample, not of the batch"
        )
    shape[axis] = sum(net[s].shape[axis] for s in sources)
    return net.concatenate(layer.name, sources, tuple(shape), axis)
