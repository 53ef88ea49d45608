"""Be your own teacher: the student's depths teach its shallows (Zhang et al., arXiv:1905.08094)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..features import inner_layers, shape_of
from ..heads import Linear, pooled
from ..losses import soft_cross_entropy


@METHODS.register("exits")
def exits(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * mean over exits of ((1 - alpha) * cross entropy + alpha * T^2 * KL)``; no teacher is asked.

    An exit is a dense layer from the means of an inner activation's channels to the classes. It learns from the labels and from the
    student's own logits, which it does not move; its gradient does reach the layers below. Exits are thrown away with the training. The
    paper's have convolutions of their own, compare features, too, and learn at T = 1. All are nats; alpha is the share of the student's
    logits in what an exit learns.

    Options:
        weight (default 1.0): of the exits.
        layers (default []): activations of the student.
        count (default 0): so many activations, evenly over the depth, when ``layers`` is empty; 0: all.
    """
    options, tf = options_of(section, weight=1.0, layers=[], count=0), load().tf
    student, rng = lesson.student, lesson.rng
    names = inner_layers(student, options["layers"], options["count"])
    classes = int(student.output_shape[-1])
    heads = [Linear(shape_of(student, name)[-1], classes, f"exit{number}", rng) for number, name in enumerate(names)]

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        deep, total = tf.stop_gradient(student), 0.0
        for name, head in zip(names, heads):
            logits = head(pooled(batch[f"student/{name}"]))
            total += (1.0 - section.alpha) * batch["labels"](logits)
            total += section.alpha * soft_cross_entropy(logits, deep, section.temperature)
        return total / len(heads)

    trained = tuple(v for head in heads for v in head.variables)
    return Objective(1.0, (Term("exits", options["weight"], (), loss, tuple(names), trained),))
