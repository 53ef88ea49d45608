"""Fisher pruning: second-order change of the loss with the diagonal of the empirical Fisher information (Theis et al., arXiv:1801.05787)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("fisher")
def fisher(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``w^2 * F / 2 - w * g``: the loss (nats) rises by so much without the weight, F the mean squared gradient of small batches.

    The optimal brain damage (LeCun et al., 1990) with Fisher information in place of the Hessian, and the gradient, which is not zero in
    the middle of a training.

    Options:
        batches (default 16): over which F and g are averaged; the mean of a batch's samples has a smaller square than each sample, so F
            counts by the batch.
    """
    batches = options_of(section, batches=16)["batches"]

    def score(moment: Moment) -> Arrays:
        squares, gradients = moment.probe.gradients(batches, squared=True), moment.probe.gradients(batches)
        kernels = moment.kernels()
        return {n: np.abs(k) * np.abs(0.5 * k * squares[n] * moment.probe.batch_size - gradients[n]) for n, k in kernels.items()}

    return scored(score, model, section, steps, seed)
