"""Self-distillation from the student's own moving average (Tarvainen, Valpola, Mean teachers, arXiv:1703.01780)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..average import ANSWER, Average
from ..losses import soft_cross_entropy


@METHODS.register("ema")
def ema(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * KL`` to the student with averaged weights, on the same samples; no teacher is asked.

    ``average += (1 - d) * (weights - average)`` behind each update, ``d = min(decay, (1 + t) / (10 + t))`` after t updates, for all
    weights, moving statistics and learned bits. The average is quantized as the student is, and has its zeros. Unlike the paper, which
    compares probabilities by squares, it is the loss of ``logits``, in nats.

    Options:
        decay (default 0.999): of the average, below 1.
    """
    options = options_of(section, decay=0.999)
    if options["decay"] >= 1:
        raise ModelError(f"distill.options.decay is {options['decay']}", expected="a number of at least 0 and below 1")

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return soft_cross_entropy(student, batch[ANSWER], section.temperature)

    remedy = "the student hardly differs from its average; raise alpha or decay, or train with a larger learning rate"
    average = Average(options["decay"])
    return Objective(1.0 - section.alpha, (Term("ema", section.alpha, (), loss, companion=average, near=True, remedy=remedy),))
