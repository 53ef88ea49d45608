"""Dynamic sparsity: as many weights live from the first update on, and some are exchanged now and then."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError
from ..recipe import PruneSection
from .held import Held, Moment, Rule, Score, largest
from .masks import kernels_of
from .schedules import bounds, counted
from .targets import PER_LAYER, kept, shapes_of, targets


class Dynamic(Held):
    """Sparse from the first update.

    Args:
        model: to prune.
        section: of the recipe; the last exchange is at ``end``, one comes every ``frequency`` updates.
        steps: updates of the training.
        seed: of the first masks and of what the rule draws.
        rule: exchanges weights.
        start: "random" or "magnitude".

    Raises:
        ModelError: another start, one threshold for all layers, or what :func:`.targets.targets` refuses.
    """

    def __init__(self, model: Any, section: PruneSection, steps: int, seed: int, rule: Rule, start: str) -> None:
        if start not in ("random", "magnitude"):
            raise ModelError(f"prune.options.start is '{start}'", expected="random or magnitude")
        kernels = kernels_of(model)
        _, end, frequency = bounds(section.model_copy(update={"begin": 0.0}), steps)
        places = np.arange(0, end + 1, frequency)
        super().__init__(kernels, counted(places, (0.0,) * len(places)), targets(section, shapes_of(kernels), PER_LAYER), rule, seed)
        self._start = start

    def begin(self) -> None:
        """The first masks."""
        rng, found = np.random.default_rng(self.seed), {}
        for name, kernel in self.masks.kernels.items():
            scores = rng.random(kernel.shape) if self._start == "random" else np.abs(kernel.numpy())
            found[name] = largest(scores, kept(scores.size, self.final[name]))
        self.masks.assign(found)

    def due(self, step: int) -> bool:
        """Nothing is exchanged in front of the first update."""
        return step > 0 and super().due(step)


def regrown(drop: float, grow: Score) -> Rule:
    """A rule that lets the smallest living weights die, and as many come that were not alive, those with the largest ``|grow|``.

    Args:
        drop: share of the living weights, falling to 0 along a cosine as sparsity's schedule goes from 0 to its end.
        grow: score of the weights that are not alive.

    Raises:
        ModelError: a share that is none.
    """
    if not 0 < drop < 1:
        raise ModelError(f"prune.options.drop is {drop:g}", expected="above 0 and below 1")

    def rule(moment: Moment) -> dict[str, np.ndarray]:
        kernels, scores, found = moment.kernels(), grow(moment), {}
        share = drop / 2 * (1 + np.cos(np.pi * moment.progress))
        for name, mask in moment.masks.items():
            alive = int(mask.sum())
            count = min(int(share * alive), mask.size - alive, alive - 1)
            living = largest(np.where(mask, np.abs(kernels[name]), -1.0), alive - count)
            found[name] = living | largest(np.where(mask, -1.0, np.abs(scores[name])), count)
        return found

    return rule
