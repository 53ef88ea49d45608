"""Subclass distillation: the student learns what a teacher tells apart in a class (Mueller, Kornblith, Hinton, arXiv:2002.03936)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..features import last_features, shape_of
from ..heads import Linear, pooled
from ..losses import class_sums, soft_cross_entropy


@METHODS.register("subclass")
def subclass(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * KL(classes) + weight * T^2 * KL(subclasses)``.

    The paper trains a teacher with some logits for each class, on the sums of their probabilities, and with a loss that keeps samples
    apart; its student has the same logits. Here the teacher is there already and ends in one logit for each class, so only a linear map
    from the features in front of that is fitted to the paper's two losses (:mod:`fpgacompress.distill.subclasses`): subclasses are what
    those features tell apart, which were learned without them. The student keeps its logits, which learn the teacher's sums by class
    (column "sums"); a linear map of its own last features, thrown away afterwards, learns the subclasses (column "subclass"), and its
    gradient reaches the layers below. All are nats.

    Options:
        subclasses (default 2): of each class.
        contrast (default 1.0): weight of the paper's auxiliary loss, for the teacher.
        heat (default 0.5): temperature of that loss; the smaller, the farther apart samples are kept.
        weight (default 1.0): of the subclasses, for the student.
    """
    options, tf = options_of(section, subclasses=2, contrast=1.0, heat=0.5, weight=1.0), load().tf
    number, t = options["subclasses"], section.temperature
    if number < 1 or not options["heat"]:
        raise ModelError(f"distill.options: subclasses is {number}, heat {options['heat']}", expected="at least 1, and above 0")
    name, classes = last_features(lesson.student), int(lesson.student.output_shape[-1])
    head = Linear(shape_of(lesson.student, name)[-1], classes * number, "subclass", lesson.rng)
    array = lesson.subclasses(number, float(options["contrast"]), float(options["heat"]))

    def taught(batch: Mapping[str, Any]) -> Any:
        return tf.cast(batch[array], tf.float32)

    def sums(student: Any, batch: Mapping[str, Any]) -> Any:
        return soft_cross_entropy(student, class_sums(taught(batch), classes), t)

    def parts(student: Any, batch: Mapping[str, Any]) -> Any:
        return soft_cross_entropy(head(pooled(batch[f"student/{name}"])), taught(batch), t)

    apart = Term("subclass", options["weight"], (array,), parts, (name,), head.variables)
    return Objective(1.0 - section.alpha, (Term("sums", section.alpha, (array,), sums), apart))
