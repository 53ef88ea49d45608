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
    return net.add(net.free_name(layer.name), sources)
