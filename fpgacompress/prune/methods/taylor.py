"""First-order Taylor pruning (Molchanov et al., arXiv:1906.10771)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("taylor")
def taylor(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``w^2 * mean squared gradient``: the squared first-order change of the loss without the weight, averaged over batches.

    Options:
        batches (default 8): each gives one gradient.
    """
    batches = options_of(section, batches=8)["batches"]

    def score(moment: Moment) -> Arrays:
        squares = moment.probe.gradients(batches, squared=True)
        return {name: np.square(kernel) * squares[name] for name, kernel in moment.kernels().items()}

    return scored(score, model, section, steps, seed)
