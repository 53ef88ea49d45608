"""Pruning by a rule: now and then it says which weights live, and the others are held at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .masks import Masks
from .probe import Arrays, Probe
from .pruning import Resting
from .schedules import Schedule
from .targets import kept


@dataclass(frozen=True)
class Moment:
    """What a rule sees when masks may change.

    Attributes:
        step: number of the update that comes next.
        progress: of the masks' changes, from 0 at the first update to 1 at the last change.
        final: sparsity of each layer at the end.
        sparsity: that of each layer now.
        masks: as they are, boolean, by layer name.
        probe: gradients and more, on training samples.
        rng: of this moment.
    """

    step: int
    progress: float
    final: dict[str, float]
    sparsity: dict[str, float]
    masks: dict[str, np.ndarray]
    probe: Probe
    rng: np.random.Generator

    def kernels(self) -> Arrays:
        """The kernels of the layers that are pruned."""
        found = self.probe.kernels()
        return {name: found[name] for name in self.final}

    def count(self, name: str) -> int:
        """Weights of a layer that may live now."""
        return kept(self.masks[name].size, self.sparsity[name])


Rule = Callable[[Moment], Mapping[str, np.ndarray]]
"""Says which weights live: layer name to a boolean array."""
Score = Callable[[Moment], Arrays]
"""How much each weight matters; of weights that are pruned already the score says whether they come back."""


class Held(Resting):
    """Masks that a rule changes.

    Args:
        kernels: layer name to kernel variable, of the layers in ``final``.
        schedule: when.
        final: sparsity of each layer at the end.
        rule: which weights live.
        seed: of what the rule draws.
    """

    def __init__(self, kernels: Mapping[str, Any], schedule: Schedule, final: Mapping[str, float], rule: Rule, seed: int = 0) -> None:
        super().__init__(Masks({name: kernels[name] for name in final}), schedule)
        self.final, self.rule, self.seed = dict(final), rule, seed

    def begin(self) -> None:
        """All weights live."""
        self.masks.assign({name: np.ones(mask.shape, bool) for name, mask in self.masks.alive.items()})

    def change(self, step: int, probe: Probe) -> None:
        """Ask the rule."""
        now = {name: self.schedule.sparsity(final, step) for name, final in self.final.items()}
        rng = np.random.default_rng([self.seed, step])
        moment = Moment(step, step / max(self.schedule.updates[-1], 1), self.final, now, self.masks.arrays(), probe, rng)
        self.masks.assign(self.rule(moment))


def largest(scores: np.ndarray, count: int) -> np.ndarray:
    """A mask of the ``count`` largest scores, the first ones of equals."""
    mask = np.zeros(scores.size, bool)
    mask[np.argsort(-scores, axis=None, kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


def by_layer(score: Score) -> Rule:
    """The weights of each layer with the largest scores live."""

    def rule(moment: Moment) -> Arrays:
        return {name: largest(scores, moment.count(name)) for name, scores in score(moment).items()}

    return rule


def by_network(score: Score) -> Rule:
    """The weights of the whole network with the largest scores live, and the best one of each layer."""

    def rule(moment: Moment) -> Arrays:
        found = {name: scores.astype(np.float64) for name, scores in score(moment).items()}
        for scores in found.values():
            scores.flat[np.argmax(scores)] = np.inf
        size = sum(s.size for s in found.values())
        share = sum(moment.sparsity[n] * s.size for n, s in found.items()) / size
        whole = largest(np.concatenate([np.ravel(s) for s in found.values()]), kept(size, share))
        parts = np.split(whole, np.cumsum([s.size for s in found.values()])[:-1])
        return {name: part.reshape(found[name].shape) for name, part in zip(found, parts)}

    return rule
