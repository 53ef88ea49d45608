"""SNIP: connection sensitivity (Lee, Ajanthan, Torr, arXiv:1810.02340)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("snip")
def snip(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``|w * mean gradient|``, the change of the loss (nats) per share of a weight that is taken away.

    The paper prunes once, before training, over the whole network: ``schedule: one-shot, begin: 0, allocation: global``.

    Options:
        batches (default 8): over which the gradient is averaged.
    """
    batches = options_of(section, batches=8)["batches"]

    def score(moment: Moment) -> Arrays:
        gradients = moment.probe.gradients(batches)
        return {name: np.abs(kernel * gradients[name]) for name, kernel in moment.kernels().items()}

    return scored(score, model, section, steps, seed)
