"""DIST: the student's probabilities correlate with the teacher's, class by class and sample by sample (Huang et al., arXiv:2205.10536)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import correlation_distance


@METHODS.register("dist")
def dist(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * (inter * d(rows) + intra * d(columns))`` with ``d`` = 1 - Pearson's r of softmax(logits / T).

    Options:
        inter (default 1.0): weight of the relation between the classes of a sample.
        intra (default 1.0): weight of the relation between the samples of a batch for a class.
    """
    options, tf = options_of(section, inter=1.0, intra=1.0), load().tf

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        s, t = (tf.nn.softmax(v / section.temperature) for v in (student, batch["teacher_logits"]))
        rows, columns = correlation_distance(s, t), correlation_distance(tf.transpose(s), tf.transpose(t))
        return section.temperature**2 * (options["inter"] * rows + options["intra"] * columns)

    return Objective(1.0 - section.alpha, (Term("distill", section.alpha, (lesson.logits(),), loss),))
