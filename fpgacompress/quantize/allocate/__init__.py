"""Bits per layer for a budget: greedy or exact from a sensitivity table, or searched.

costs = cost_model(candidates, "ebops")
found = allocate(table, costs, budget=60_000, method="exact")
section = candidates.recipe(found.choice)      # recipe section 'quantize' with these widths
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ..sensitivity.table import Sensitivity
from ..sensitivity.tensors import Choice, Tensor
from .costs import UNITS, CostModel, cost_model
from .exact import exact
from .greedy import greedy
from .search import Evaluate, after_ptq, after_training, search

METHODS = ("greedy", "exact", "optuna")
_FROM_TABLE: dict[str, Callable[[Mapping[Tensor, Mapping[int, float]], CostModel, float], dict[Tensor, int]]] = {
    "greedy": greedy,
    "exact": exact,
}


@dataclass(frozen=True)
class Allocation:
    """Widths for a budget.

    Attributes:
        method: one of :data:`METHODS`.
        budget, cost: asked for and reached before training, in the unit of the cost model.
        unit: of both.
        loss: summed over the table (greedy, exact: nats of what was asked for), or measured with all tensors quantized (optuna).
        choice: tensor to bits.
        seconds: that it took, the table not counted.
        front: loss against cost of the trials nobody beats (optuna).
    """

    method: str
    budget: float
    cost: float
    unit: str
    loss: float
    choice: dict[Tensor, int]
    seconds: float
    front: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        bits = [{"layer": t.layer, "kind": t.kind, "bits": b} for t, b in self.choice.items()]
        told = {k: getattr(self, k) for k in ("method", "budget", "cost", "unit", "loss", "seconds")}
        return told | {"bits": bits, "front": list(self.front)}


def allocate(table: Sensitivity, costs: CostModel, budget: float, method: str = "greedy", by: str | None = None) -> Allocation:
    """Bits per tensor with the least summed loss of a sensitivity table within a budget.

    Losses of tensors are added up, as if they did not act on each other.

    Args:
        table: measured or estimated, all tensors and widths of ``costs``.
        costs: the cost model.
        budget: in its unit.
        method: "greedy" or "exact".
        by: what is summed: "divergence" (taken when the table has it; steadier where the validation samples are few or unlike the training
            samples) or "loss".

    Raises:
        ModelError: a budget below the narrowest choice, an unknown method, or a table that lacks a tensor.
    """
    if method not in _FROM_TABLE:
        raise ModelError(f"allocation method '{method}'", expected=f"one of {', '.join(_FROM_TABLE)}")
    check_budget(costs, budget)
    started = time.perf_counter()
    by = by or ("loss" if any(row.divergence is None for row in table.rows) else "divergence")
    losses = {tensor: table.losses(tensor, widths, by) for tensor, widths in costs.options.items()}
    choice = _FROM_TABLE[method](losses, costs, budget)
    loss = sum(losses[tensor][bits] for tensor, bits in choice.items())
    return Allocation(method, budget, costs.of(choice), costs.unit, loss, choice, time.perf_counter() - started)


def searched(evaluate: Evaluate, costs: CostModel, budget: float, *, trials: int, seed: int = 1, folder: Path | None = None) -> Allocation:
    """Bits per tensor with the least measured loss within a budget, found by :func:`search`."""
    check_budget(costs, budget)
    started = time.perf_counter()
    choice, loss, front = search(evaluate, costs, budget, trials=trials, seed=seed, folder=folder)
    return Allocation("optuna", budget, costs.of(choice), costs.unit, loss, choice, time.perf_counter() - started, tuple(front))


def check_budget(costs: CostModel, budget: float) -> None:
    """Refuse a budget that even the narrowest choice exceeds.

    Raises:
        ModelError: with the least and the most that can be asked for.
    """
    least, most = costs.of(costs.extreme(-1)), costs.of(costs.extreme(0))
    if budget < least:
        raise ModelError(
            f"a budget of {budget:,.6g} {costs.unit}",
            expected=f"at least {least:,.6g}, which the narrowest widths cost (the widest cost {most:,.6g})",
            do="allow fewer bits, prune, or take a smaller model",
        )


__all__ = [
    "METHODS",
    "UNITS",
    "Allocation",
    "Choice",
    "CostModel",
    "after_ptq",
    "after_training",
    "allocate",
    "check_budget",
    "cost_model",
    "searched",
]
