"""Weights that are dead before the first step of training: a quantizer whose half step exceeds them turns them all into zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ModelError

DEAD = 0.99
"""From this share of zeros a layer counts as dead: what is left passes next to nothing on. Ternary and pruned kernels stay well below."""


@dataclass(frozen=True)
class Start:
    """What a quantizer makes of a kernel before training.

    Attributes:
        zeroed: share of the weights other than 0 that quantize to 0.
        half_step: half the distance between two levels (the largest of all channels).
        largest, median: magnitudes of the weights other than 0.
    """

    zeroed: float
    half_step: float
    largest: float
    median: float

    @property
    def dead(self) -> bool:
        """Whether training should not begin like this."""
        return self.zeroed >= DEAD

    def error(self, layer: str, quantizer: str) -> ModelError:
        """The refusal, with the numbers and the way out."""
        return ModelError(
            f"{100 * self.zeroed:.4g} % of the weights of '{layer}' quantize to 0 before training: half a step of {quantizer} is "
            f"{self.half_step:.3g}, the largest weight {self.largest:.3g}, the median {self.median:.3g}",
            expected="half a step below the largest weights",
            do="use kernel_integer: auto, more bits, or quantize.dead_start: rescale",
        )


def start_of(before: np.ndarray, after: np.ndarray, step: float) -> Start:
    """Compare a kernel with what its quantizer delivers.

    Args:
        before: real weights.
        after: the same quantized, same shape.
        step: distance between two levels.
    """
    counted = before != 0
    size = np.abs(before[counted])
    if not size.size:
        return Start(0.0, step / 2, 0.0, 0.0)
    return Start(float(np.mean(after[counted] == 0)), step / 2, float(size.max()), float(np.median(size)))
