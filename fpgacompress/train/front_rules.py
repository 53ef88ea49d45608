"""What a front's training decides: its settings, the price of an epoch, when accuracy is broken, which models become points (numpy only)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

MARKS = 4
"""Marks per factor of two of the cost at which the ramp keeps a model."""
_BREAK, _FEW = 0.5, 5
TREND, _AHEAD = 5, 2.0
"""Epochs the trend of the cost is taken from, and how many times as far it is followed."""


@dataclass(frozen=True)
class FrontConfig:
    """Settings of a training with learned bits.

    Attributes:
        epochs: of the ramp, at most; it ends when accuracy breaks.
        settle_epochs: of each point, behind the ramp: bits are learned on at the point's own cost (beta is steered), because the ramp leaves
            each cost before weights and bits have settled.
        tune_epochs: of each point, then, with its bits fixed.
        descent_sweeps: over all weights and bits of each point, one by one, in the end (:mod:`.descent`), where the point is small enough.
        points: how many points are tuned.
        batch_size, seed, balanced, augment: as in :class:`.loop.TrainConfig`.
        learning_rate: highest rate of Adam in the ramp, for weights and bits; settling and tuning start at a third of it and fall to 0 (cosine).
        cycles: how often the rate falls in the ramp.
        beta: first and last weight of the cost (as a share of that at the start); it grows by the same factor in each epoch.
        target: cost to be reached and held instead of a ramp: beta is steered (see :func:`steered`).
        rounding: of hidden activations in the students.
        monitor: validation figure that picks the epoch of a point.
    """

    epochs: int = 300
    settle_epochs: int = 0
    tune_epochs: int = 40
    descent_sweeps: int = 0
    points: int = 10
    batch_size: int = 256
    learning_rate: float = 5e-3
    cycles: int = 30
    seed: int = 1
    beta: tuple[float, float] = (0.1, 50.0)
    target: float | None = None
    rounding: Literal["nearest", "truncate"] = "nearest"
    monitor: str = "accuracy"
    balanced: bool = False
    augment: str = "none"


@dataclass
class Kept:
    """A model of the ramp.

    Attributes:
        epoch: of the ramp.
        cost: of the differentiable cost function.
        row: figures of the epoch: means of the loss and its terms, validation figures, cost, beta.
        weights: all variables, in the order of the training.
    """

    epoch: int
    cost: float
    row: dict[str, float]
    weights: list[np.ndarray] = field(repr=False)


def ramped(config: FrontConfig, epoch: int) -> float:
    """Beta of an epoch of the ramp."""
    first, last = config.beta
    return first * (last / first) ** (epoch / max(config.epochs - 1, 1))


def steered(beta: float, cost: float, target: float, bounds: tuple[float, float], gain: float = 0.5, most: float = 0.1) -> float:
    """The next beta of a controller that holds the cost at ``target``: it grows by at most ``most`` an epoch while the cost is above, and
    shrinks below.

    The step is ``gain`` times the logarithm of the ratio, so that the steering is the same for all sizes.
    """
    step = max(-most, min(most, gain * math.log(max(cost, 1.0) / target)))
    return max(bounds[0], min(bounds[1], beta * math.exp(step)))


def foreseen(costs: list[float]) -> float:
    """The cost of the next few epochs as the last ones lead to it; the price acts on bits only after many updates, and what was pruned seldom
    comes back, so that steering by the cost of the last epoch alone overshoots.

    Args:
        costs: of the epochs so far, at least one; the last ``TREND + 1`` count.
    """
    before = costs[max(len(costs) - 1 - TREND, 0)]
    return costs[-1] * (costs[-1] / max(before, 1.0)) ** _AHEAD


def broken(history: list[dict[str, float]], chance: float, cycle: int) -> bool:
    """Whether the last whole cycle (or five epochs) was closer to guessing the most frequent class than to the best epoch, or no bit is left."""
    if history and history[-1]["cost"] < 1:
        return True
    window = max(cycle, _FEW)
    if len(history) % cycle or len(history) < 2 * window:
        return False
    accuracies = [row["val_accuracy"] for row in history]
    return max(accuracies[-window:]) < _floor(accuracies, chance)


def _floor(accuracies: list[float], chance: float) -> float:
    """Accuracy below which it is broken: half way from the best to guessing."""
    best = max(accuracies)
    return best - _BREAK * max(best - chance, 0.0)


def chosen(kept: dict[int, Kept], points: int, chance: float, target: float | None = None) -> list[Kept]:
    """Up to ``points`` models, evenly spaced over the logarithm of their costs, dearest first, down to where accuracy breaks; for a target the
    best one that holds it."""
    by_cost = sorted(kept.values(), key=lambda k: -k.cost)
    if target is not None:
        within = [k for k in by_cost if k.cost <= target] or by_cost[-1:]
        return [min(within[: 2 * MARKS], key=lambda k: k.row["val_loss"])]
    accuracies = [k.row["val_accuracy"] for k in by_cost]
    sound = [i for i, accuracy in enumerate(accuracies) if accuracy >= _floor(accuracies, chance)]
    by_cost = by_cost[: sound[-1] + 1]
    logs = np.log([k.cost for k in by_cost])
    wanted = np.linspace(logs.max(), logs.min(), points)
    places = dict.fromkeys(int(np.argmin(np.abs(logs - w))) for w in wanted)
    return [by_cost[i] for i in places]
