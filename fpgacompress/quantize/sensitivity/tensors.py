"""What can be quantized on its own: the kernel of a layer, the result of a ReLU (or other cast), the network's input (numpy only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KERNEL, ACTIVATION, INPUT = "kernel", "activation", "input"


@dataclass(frozen=True, order=True)
class Tensor:
    """One thing with a bit width of its own.

    Attributes:
        layer: name of the layer whose kernel or whose result it is; of the input layer for ``kind`` "input".
        kind: "kernel", "activation" or "input".
    """

    layer: str
    kind: str

    def __str__(self) -> str:
        return f"{self.layer} {self.kind}" if self.kind != INPUT else INPUT


Choice = Mapping[Tensor, int]
"""A bit width for each tensor."""
