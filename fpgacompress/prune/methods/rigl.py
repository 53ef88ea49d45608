"""RigL: the network is sparse from the first update, and weights grow where the gradient is large (Evci et al., arXiv:1911.11134)."""

from __future__ import annotations

from typing import Any

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of
from ..dynamic import Dynamic, regrown
from ..held import Moment
from ..probe import Arrays


@METHODS.register("rigl")
def rigl(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Every ``frequency`` updates up to ``end``, a share of each layer's smallest weights dies, and as many come where ``|gradient|`` is largest.

    The share falls from ``drop`` to 0 along a cosine. New weights start from 0. ``begin`` and ``schedule`` do not matter; the paper's
    sparsities are ``allocation: erk``.

    Options:
        drop (default 0.3): share of the living weights that is exchanged at first.
        start (default "random"): which weights live at first; "magnitude" keeps the largest ones, for a student that is trained already.
        batches (default 1): over which the gradient is averaged.
    """
    options = options_of(section, drop=0.3, start="random", batches=1)

    def grow(moment: Moment) -> Arrays:
        return moment.probe.gradients(options["batches"])

    return Dynamic(model, section, steps, seed, regrown(options["drop"], grow), options["start"])
