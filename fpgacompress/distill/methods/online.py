"""Online distillation: the teacher learns in the same updates as the student."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack.floats import float_copy
from ...keras_stack.graph import rebuilt
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..peers import Peers, agreement

ANSWER = "online/logits"


@METHODS.register("online")
def online(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * T^2 * KL`` to what the teacher says now.

    The teacher, a copy of the recipe's, minimises ``cross entropy + back * T^2 * KL`` to what the student says now (column "teacher"), with
    the student's learning rate. Neither's gradient reaches the other. With ``back`` it is deep mutual learning (Zhang et al.,
    arXiv:1706.00384) of two architectures. All are nats.

    Options:
        start (default "trained"): "fresh" gives the teacher new weights.
        back (default 0.0): weight of what the teacher learns from the student.
    """
    options = options_of(section, start="trained", back=0.0)
    if options["start"] not in ("trained", "fresh"):
        raise ModelError(f"distill.options.start is '{options['start']}'", expected="trained or fresh")
    given, t = lesson.teacher.model, section.temperature
    teacher = Peers(ANSWER, [rebuilt(given)[0] if options["start"] == "trained" else float_copy(given, *lesson.seeds(1))])

    def student_loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return agreement(student, batch[ANSWER], t)

    def teacher_loss(student: Any, batch: Mapping[str, Any]) -> Any:
        (own,) = batch[ANSWER]
        back = options["back"] * agreement(own, [student], t) if options["back"] else 0.0
        return batch["labels"](own) + back + teacher.penalties()

    learns = Term("online", section.alpha, (), student_loss, companion=teacher)
    return Objective(
        1.0 - section.alpha, (learns, Term("teacher", 1.0, (), teacher_loss, variables=teacher.variables, companion=teacher, beside=True))
    )
