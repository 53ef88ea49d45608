"""The presets of ``quantize.preset``, as data: bits that the recipe's own entries overwrite, field by field.

Biases are wide enough to cost no accuracy: they are added once per output, so their bits are cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..recipe import LayerBits


def _bits(kernel: int | Literal["ternary", "binary"], bias: int, activation: int) -> LayerBits:
    return LayerBits(kernel=kernel, kernel_integer="auto", bias=bias, bias_integer="auto", activation=activation, activation_integer="auto")


@dataclass(frozen=True)
class Preset:
    """Bits of a whole network.

    Attributes:
        default: bits of every layer, all fields given.
        ends: bits of the first and the last layer with weights; they win over ``default`` and over the recipe's default.
    """

    default: LayerBits
    ends: LayerBits = field(default_factory=LayerBits)


PRESETS: dict[str | None, Preset] = {
    None: Preset(_bits(6, 10, 6)),
    "int8": Preset(_bits(8, 16, 8)),
    "int4": Preset(_bits(4, 12, 4)),
    "w4a6": Preset(_bits(4, 12, 6)),
    "ternary": Preset(_bits("ternary", 12, 6)),
    "binary": Preset(_bits("binary", 12, 6)),
    "first-and-last-8": Preset(_bits(6, 10, 6), ends=LayerBits(kernel=8, bias=16, activation=8)),
}
"""By the names recipes use; None is a recipe without preset."""
