"""Attention transfer: student and teacher look at the same places (Zagoruyko, Komodakis, arXiv:1612.03928)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..features import shape_of
from ..losses import attention_map
from ..teacher import Reduction
from .hints import reduction


@METHODS.register("attention")
def attention(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * mean over pairs of |Q(student) - Q(teacher)|^2``, Q the normalised sum of squares over the channels.

    Maps of the teacher are brought to the student's height and width. Dense layers have no map.

    Options:
        weight (default 2.0): beta, of a distance between 0 and 2.
        layers (default {}): student's layer to teacher's layer; empty: by depth.
        count (default 1): pairs when ``layers`` is empty.
    """
    options, tf = options_of(section, weight=2.0, layers={}, count=1), load().tf
    pairs = []
    for mine, theirs in lesson.pairs(options["layers"], options["count"], spatial=True):
        here, there = shape_of(lesson.student, mine), shape_of(lesson.teacher.model, theirs)
        if len(here) < 2 or len(here) != len(there):
            raise ModelError(
                f"attention between '{mine}' {here} and the teacher's '{theirs}' {there}", expected="two feature maps of as many axes"
            )
        size = reduction(here, there)
        pairs.append((mine, lesson.feature(theirs, Reduction(f"attention-{size.name}", _map_behind(size)))))

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        apart = [
            tf.reduce_mean(tf.reduce_sum(tf.square(attention_map(batch[f"student/{m}"]) - tf.cast(batch[t], tf.float32)), -1))
            for m, t in pairs
        ]
        return tf.add_n(apart) / len(apart)

    needs, reads = tuple(dict.fromkeys(t for _, t in pairs)), tuple(dict.fromkeys(m for m, _ in pairs))
    return Objective(1.0, (Term("attention", options["weight"], needs, loss, reads),))


def _map_behind(size: Reduction) -> Any:
    return lambda feature: attention_map(size.apply(feature))
