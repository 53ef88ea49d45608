"""Deep mutual learning: a cohort teaches itself (Zhang et al., arXiv:1706.00384)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack.floats import float_copy
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..peers import Peers, agreement

ANSWER = "mutual/logits"


@METHODS.register("mutual")
def mutual(section: DistillSection, lesson: Lesson) -> Objective:
    """``(1 - alpha) * cross entropy + alpha * mean over peers of T^2 * KL`` to each peer; no teacher is asked.

    Peers are float models of the student's architecture with weights and seeds of their own. In the same updates each minimises
    ``cross entropy + T^2 * KL`` to the mean of the probabilities of all others, the student included (column "peers": their mean).
    Nobody's gradient reaches another. All are nats. The paper's cohort learns at T = 1.

    Options:
        peers (default 1): how many.
    """
    options = options_of(section, peers=1)
    if not options["peers"]:
        raise ModelError("distill.options.peers is 0", expected="at least 1")
    peers = Peers(ANSWER, [float_copy(lesson.student, seed) for seed in lesson.seeds(options["peers"])])
    t = section.temperature

    def student_loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return sum(agreement(student, [peer], t) for peer in batch[ANSWER]) / len(batch[ANSWER])

    def peers_loss(student: Any, batch: Mapping[str, Any]) -> Any:
        total, everybody = peers.penalties(), [student, *batch[ANSWER]]
        for number, own in enumerate(everybody[1:], 1):
            total += batch["labels"](own) + agreement(own, everybody[:number] + everybody[number + 1 :], t)
        return total / len(peers.models)

    learns = Term("mutual", section.alpha, (), student_loss, companion=peers)
    return Objective(
        1.0 - section.alpha, (learns, Term("peers", 1.0, (), peers_loss, variables=peers.variables, companion=peers, beside=True))
    )
