"""SET: sparse evolutionary training, weights grow at random (Mocanu et al., arXiv:1707.04780)."""

from __future__ import annotations

from typing import Any

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of
from ..dynamic import Dynamic, regrown
from ..held import Moment
from ..probe import Arrays


@METHODS.register("set")
def sparse_evolution(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """As ``rigl``, and weights grow anywhere. The paper exchanges the same share throughout, a cosine lets the network settle.

    Options:
        drop (default 0.3): share of the living weights that is exchanged at first.
        start (default "random"): which weights live at first; "magnitude" keeps the largest ones.
    """
    options = options_of(section, drop=0.3, start="random")

    def grow(moment: Moment) -> Arrays:
        return {name: moment.rng.random(mask.shape) + 1e-9 for name, mask in moment.masks.items()}

    return Dynamic(model, section, steps, seed, regrown(options["drop"], grow), options["start"])
