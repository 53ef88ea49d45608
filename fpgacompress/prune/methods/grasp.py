"""GraSP: what is pruned should leave the gradient flowing (Wang, Zhang, Grosse, arXiv:2002.07376)."""

from __future__ import annotations

from typing import Any

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("grasp")
def grasp(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``w * (H g)`` with gradient g and Hessian H of the loss: how much the squared norm of the gradient loses with the weight.

    Weights go whose loss makes the gradient larger. The paper prunes once, before training, over the whole network: ``schedule: one-shot,
    begin: 0, allocation: global``. Its logits are divided by a temperature of 200, which is left out here.

    Options:
        batches (default 4): over which gradient and Hessian are averaged.
    """
    batches = options_of(section, batches=4)["batches"]

    def score(moment: Moment) -> Arrays:
        gradients = moment.probe.gradients(batches)
        products = moment.probe.hessian_products(gradients, batches)
        return {name: kernel * products[name] for name, kernel in moment.kernels().items()}

    return scored(score, model, section, steps, seed)
