"""Soft targets: the student matches the teacher's softened class probabilities (Hinton et al., arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import binary_cross, soft_cross_entropy, standardise


@METHODS.register("logits")
def logits(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * KL``.

    Options:
        scale (default "none"): "standardise" gives both logits mean 0 and deviation 1 in each sample first (arXiv:2403.01427), so that a
            student whose logits have another scale than the teacher's is not punished for it; "learned" multiplies the student's by a
            positive number that is trained with it.
        form (default "softmax"): "sigmoid" compares class by class, for labels that do not exclude each other.
    """
    options = options_of(section, scale="none", form="softmax")
    for name, allowed in (("scale", ("none", "standardise", "learned")), ("form", ("softmax", "sigmoid"))):
        if options[name] not in allowed:
            raise ModelError(f"distill.options.{name} is '{options[name]}'", expected=f"one of {', '.join(allowed)}")
    compare = soft_cross_entropy if options["form"] == "softmax" else binary_cross
    tf, how = load().tf, options["scale"]
    scale = tf.Variable(0.0, name="distill_scale") if how == "learned" else None

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        teacher = batch["teacher_logits"]
        if how == "standardise":
            student, teacher = standardise(student), standardise(teacher)
        if scale is not None:
            student = student * tf.exp(scale)
        return compare(student, teacher, section.temperature)

    trained = () if scale is None else (scale,)
    return Objective(1.0 - section.alpha, (Term("distill", section.alpha, (lesson.logits(),), loss, variables=trained),))
