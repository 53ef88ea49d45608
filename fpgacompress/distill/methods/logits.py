"""Soft targets: the student matches the teacher's softened class probabilities (Hinton et al., arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...recipe import DistillSection
from .. import METHODS, Objective, Term
from ..losses import soft_cross_entropy, standardise


@METHODS.register("logits")
def logits(section: DistillSection) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * KL``.

    Options:
        standardise (bool, default False): give both logits mean 0 and deviation 1 in each sample first, so that a student whose
            logits have another scale than the teacher's is not punished for it.
    """
    unknown = set(section.options) - {"standardise"}
    if unknown:
        raise ModelError(f"distill.options: '{sorted(unknown)[0]}' is not an option of 'logits'", expected="standardise")
    alike = bool(section.options.get("standardise", False))

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        teacher = batch["teacher_logits"]
        if alike:
            student, teacher = standardise(student), standardise(teacher)
        return soft_cross_entropy(student, teacher, section.temperature)

    return Objective(1.0 - section.alpha, (Term("distill", section.alpha, ("teacher_logits",), loss),))
