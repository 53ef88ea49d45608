"""What keeps distillation from acting, or makes it act wrongly, noticed on the teacher's outputs and on the history of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..metrics.task import correct
from . import Objective

INERT = 0.01
"""Share of the loss below which a term does nothing."""
SCALES = {"256": 256.0, "255": 255.0, "1/256": 1 / 256, "1/255": 1 / 255}
"""What inputs may have been multiplied by when the teacher was trained."""
_SURE = 2.0
"""Standard errors by which an accuracy must be above guessing."""


def accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    """Share of the samples whose largest logit is the right one."""
    return float(np.mean(correct(logits, y)))


def guesses(logits: np.ndarray, y: np.ndarray) -> bool:
    """Whether a teacher is no better than the most frequent class, within two standard errors."""
    chance = float(np.bincount(y).max() / len(y))
    return accuracy(logits, y) < chance + _SURE * math.sqrt(chance * (1 - chance) / len(y))


def teacher_notes(
    logits: np.ndarray,
    y: np.ndarray,
    student: float | None = None,
    asked: Callable[[float], np.ndarray] | None = None,
    who: str = "the teacher",
) -> list[str]:
    """What is wrong with a teacher, one sentence each.

    Args:
        logits: of the validation samples, ``(n, classes)``.
        y: their labels ``(n,)``.
        student: validation accuracy of the student without a teacher.
        asked: logits of the same samples with their inputs multiplied by a number; used if the teacher guesses.
        who: what sentences call it.
    """
    found = []
    if np.all(logits >= 0) and np.allclose(np.sum(logits, axis=1), 1, atol=1e-3):
        found.append(f"{who}'s outputs are probabilities, not logits: a temperature on top of its softmax makes all classes nearly alike")
    reached = accuracy(logits, y)
    if guesses(logits, y):
        note = f"{who} guesses: {reached:.4f} of {len(y):,} validation samples"
        scales = {name: accuracy(asked(factor), y) for name, factor in SCALES.items()} if asked else {}
        if scales and max(scales.values()) > reached + 0.1:
            name = max(scales, key=lambda n: scales[n])
            note += f"; with its inputs times {name} it has {scales[name]:.4f}, so it was trained on inputs of another scale"
        found.append(note)
    elif student is not None and reached < student:
        found.append(f"{who} ({reached:.4f} of the validation samples) is worse than the float student ({student:.4f})")
    return found


def training_notes(history: Sequence[Mapping[str, float]], objective: Objective) -> list[str]:
    """Terms that were below 1 % of the loss for at least one epoch, one sentence each; what lives beside the student is none of its loss.

    A distance to what is near is as small as the square of its gradient: such a term is told where it was below 1 % of 1 % in every epoch.

    Args:
        history: rows of :func:`fpgacompress.train.fit` with "loss" and a column for each term.
        objective: of that training.
    """
    found = []
    for term in (t for t in objective.terms if not t.beside):
        shares = [float(term.weight) * row[term.name] / row["loss"] for row in history if row.get("loss")]
        least = INERT**2 if term.near else INERT
        low = [i + 1 for i, share in enumerate(shares) if abs(share) < least]
        if low and (not term.near or len(low) == len(shares)):
            found.append(
                f"the term '{term.name}' was below {100 * least:g}% of the loss in {len(low)} of {len(shares)} epochs"
                f" (least {min(map(abs, shares)):.1e}, first in epoch"
                f" {low[0]}): it does nothing there; {term.remedy}"
            )
    return found
