"""Progressive quantization: bits fall in stages while one training goes on, for example 8, 6, then the layer's own 4.

A stage trains the same model with finer quantizers: more bits behind the binary point, the integer bits as fitted for the last stage, so
what saturates is the same in all stages and only the step shrinks. Weights, optimizer and masks go on from stage to stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..keras_stack.roles import quantizers


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes:
        bits: no kernel and no activation has fewer; 0 in the last stage, where all have their own.
        begin: its first epoch, counted from 0.
        end: the epoch behind its last.
    """

    bits: int
    begin: int
    end: int


def shared_out(epochs: int, stages: Sequence[int]) -> list[Stage]:
    """Equal shares of the epochs for each stage and the last one, which gets what is left over.

    Args:
        epochs: of the whole training.
        stages: bits of the stages before the last, falling.

    Raises:
        ModelError: fewer epochs than stages.
    """
    parts = len(stages) + 1
    if epochs < parts:
        raise ModelError(f"{epochs} epochs for {parts} stages of bits", expected="at least one epoch for each", do="raise train.epochs")
    share = epochs // parts
    return [Stage(bits, i * share, (i + 1) * share if i < parts - 1 else epochs) for i, bits in enumerate((*stages, 0))]


class StagedBits:
    """The bits of a model's kernels and activations, raised and lowered in place.

    Binary kernels have no bits that could be raised and stay as they are; biases keep theirs.
    """

    def __init__(self, model: Any) -> None:
        self._own = [
            (role.quantizer, int(role.quantizer.bits))
            for role in quantizers(model)
            if role.kind != "bias" and hasattr(role.quantizer, "integer")
        ]

    def set(self, stage_bits: int) -> None:
        """Give every quantizer ``max(its own bits, stage_bits)``; functions that were traced before keep the old ones."""
        for quantizer, own in self._own:
            quantizer.bits = max(own, stage_bits)
