"""Attention transfer on gradients: both losses change with the same inputs (Zagoruyko, Komodakis, arXiv:1612.03928, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import input_direction


@METHODS.register("gradient_attention")
def gradient_attention(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * mean |j(student) - j(teacher)|^2``, ``j = J / |J|`` J the derivative of the cross entropy by the input.

    J is that for the true label, one number for each input of a sample. Unlike the paper, which takes J itself, each sample's J has length
    1: the size of J says how wrong a model is, and a student that is trained well would have to be as wrong as its teacher. The distance is
    a number between 0 and 4; unrelated directions have 2. It is differentiated once more for the student's weights: an update takes several
    times as long. The teacher's are computed once.

    Options:
        weight (default 0.5): beta.
    """
    options, tf = options_of(section, weight=0.5), load().tf
    here, there = (math.prod(model.input_shape[1:]) for model in (lesson.student, lesson.teacher.model))
    if here != there:
        raise ModelError(f"the student has {here} inputs, the teacher {there}", expected="the same inputs", do="choose another method")
    array = lesson.input_gradient()

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        mine = input_direction(batch["forward"], batch["x"], batch["y"])
        return tf.reduce_mean(tf.reduce_sum(tf.square(mine - tf.cast(batch[array], tf.float32)), -1))

    return Objective(1.0, (Term("gradient_attention", options["weight"], (array,), loss, again=True),))
