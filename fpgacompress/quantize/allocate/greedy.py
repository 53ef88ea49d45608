"""Greedy allocation: from the widest choice, always narrow the tensor that saves most cost for the loss it adds (numpy only)."""

from __future__ import annotations

from collections.abc import Mapping

from ..sensitivity.tensors import Tensor
from .costs import CostModel


def greedy(losses: Mapping[Tensor, Mapping[int, float]], costs: CostModel, budget: float) -> dict[Tensor, int]:
    """Widths whose cost is at most ``budget``.

    Each step takes, over all tensors and all their narrower widths, the one of least added loss per saved cost, until the budget holds;
    then widths are raised again where the last step saved more than was needed, the largest gain in loss first.

    Args:
        losses: tensor to the loss at each width, rising as bits fall.
        costs: the cost model.
        budget: at least the cost of the narrowest choice.
    """
    choice, spent = costs.extreme(0), costs.of(costs.extreme(0))
    while spent > budget:
        best: tuple[float, float, Tensor, int] | None = None
        for tensor, widths in costs.options.items():
            for bits in widths[widths.index(choice[tensor]) + 1 :]:
                saved = spent - costs.of(choice | {tensor: bits})
                if saved > 0:
                    added = losses[tensor][bits] - losses[tensor][choice[tensor]]
                    step = (added / saved, -saved, tensor, bits)
                    best = step if best is None or step[:2] < best[:2] else best
        assert best is not None, "the narrowest choice fits the budget, so some step saves"
        choice[best[2]] = best[3]
        spent = costs.of(choice)
    return _raised(choice, losses, costs, budget)


def _raised(choice: dict[Tensor, int], losses: Mapping[Tensor, Mapping[int, float]], costs: CostModel, budget: float) -> dict[Tensor, int]:
    while True:
        steps = []
        for tensor, widths in costs.options.items():
            for bits in widths[: widths.index(choice[tensor])]:
                gain = losses[tensor][choice[tensor]] - losses[tensor][bits]
                if gain > 0 and costs.of(choice | {tensor: bits}) <= budget:
                    steps.append((gain, tensor, bits))
        if not steps:
            return choice
        _, tensor, bits = max(steps)
        choice[tensor] = bits
