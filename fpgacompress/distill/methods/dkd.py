"""Decoupled distillation: right class and wrong classes weighted apart (Zhao et al., arXiv:2203.08679)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import decoupled


@METHODS.register("dkd")
def dkd(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * (target * KL(right against rest) + others * KL(among the wrong classes))``.

    With two classes there is one wrong class, and the second part is 0.

    Options:
        target (default 1.0), others (default 2.0): the paper's alpha and beta (8 on CIFAR-100).
    """
    options = options_of(section, target=1.0, others=2.0)

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return sum(decoupled(student, batch["teacher_logits"], batch["y"], section.temperature, options["target"], options["others"]))

    return Objective(1.0 - section.alpha, (Term("distill", section.alpha, (lesson.logits(),), loss),))
