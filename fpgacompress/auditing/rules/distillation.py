"""Distillation that cannot act: softened outputs of a softmax are all alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import losses
from ..graph import squashing, wrapped_layers
from ..report import Finding
from ..rule import rule, share
from ..subject import Subject

ENOUGH = 0.01


def _outputs(model: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs as they are, and logits with a final softmax or sigmoid taken off; float64 (n, classes)."""
    from ...keras_stack import prepared

    x = x.reshape(-1, *model.input_shape[1:]).astype(np.float32)
    results = [np.asarray(m.predict(x, batch_size=256, verbose=0), np.float64) for m in (model, prepared(model).model)]
    return results[0].reshape(len(x), -1), results[1].reshape(len(x), -1)


@rule("inert-distillation")
def inert_distillation(subject: Subject) -> Iterator[Finding]:
    """Measured against the teacher on data where both are there; else what a student that ends in a softmax can get at best."""
    if subject.teacher is not None and subject.data is not None:
        yield from _measured(subject)
    elif subject.tail is not None and subject.quantized and (subject.classes or 0) > 1:
        layer, kind = subject.tail
        twice, proper = losses.confident_against_uniform(subject.classes, subject.temperature)
        yield Finding(
            "inert-distillation",
            "warning",
            layer.name,
            f"a student that ends in a {kind} cannot be distilled by softened outputs: confident teacher against ignorant student, "
            f"{subject.classes} classes, T={subject.temperature:g}: KL {twice:.3g} on outputs softened again, {proper:.3g} on logits "
            f"({proper / twice:.0f} times more)",
            "distill on logits with the factor T squared: end teacher and student in logits",
            {"classes": subject.classes, "temperature": subject.temperature, "on_outputs": twice, "on_logits": proper},
        )


def _measured(subject: Subject) -> Iterator[Finding]:
    few, T = subject.few, subject.temperature
    student, student_logits = _outputs(subject.model, few.x)
    teacher, teacher_logits = _outputs(subject.teacher, few.x)
    if student.shape != teacher.shape or student.shape[1] < 2:
        return
    right = few.y if few.y is not None and few.y.max() < student.shape[1] else teacher.argmax(1)
    as_they_are = losses.divergence(teacher, student, T)
    on_logits = losses.divergence(teacher_logits, student_logits, T)
    # from a fresh student, which knows nothing, training has the most to gain from the teacher
    fresh = losses.divergence(teacher, np.full_like(teacher, 1 / teacher.shape[1]), T)
    fresh_logits = losses.divergence(teacher_logits, np.zeros_like(teacher_logits), T)
    task = losses.cross_entropy(losses.softmax(student_logits), right)
    ignorant = float(np.log(student.shape[1]))
    ending = [squashing(list(wrapped_layers(m))[-1][1]) for m in (subject.model, subject.teacher)]
    numbers = {
        "temperature": T,
        "samples": len(few.x),
        "on_outputs": as_they_are,
        "on_logits": on_logits,
        "at_start_on_outputs": fresh,
        "at_start_on_logits": fresh_logits,
        "task_loss": task,
        "task_loss_at_start": ignorant,
    }
    if not any(ending) or fresh >= ENOUGH * ignorant:
        return
    yield Finding(
        "inert-distillation",
        "warning",
        subject.tail[0].name if subject.tail else None,
        f"softened at T={T:g} as they are, teacher and student differ by KL {as_they_are:.2g} (on logits {on_logits:.3g}; task loss {task:.3g}); "
        f"at the start of training it is {fresh:.2g}, {share(fresh / ignorant)} of a task loss of {ignorant:.2f} (on logits {fresh_logits:.3g}): "
        "the term does nothing",
        "distill on logits with the factor T squared: end teacher and student in logits",
        numbers,
    )
