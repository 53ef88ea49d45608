"""Label refinery: the teacher's probabilities take the place of the labels (Bagherinezhad et al., arXiv:1805.02641)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import soft_cross_entropy


@METHODS.register("refinery")
def refinery(section: DistillSection, lesson: Lesson) -> Objective:
    """``KL(teacher || student)`` of the probabilities as they are, in nats: neither labels nor alpha nor temperature.

    Together with another method there are no labels, either. In the paper each student refines the labels for the next (``generations``).
    """
    options_of(section)

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return soft_cross_entropy(student, batch["teacher_logits"], 1.0)

    return Objective(0.0, (Term("refinery", 1.0, (lesson.logits(),), loss),))
