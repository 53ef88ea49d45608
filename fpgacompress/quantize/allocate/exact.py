"""Exact allocation: an integer programme over the sensitivity table, solved by HiGHS through scipy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import optimize, sparse

from ..sensitivity.tensors import Tensor
from .costs import CostModel
from .greedy import greedy

SECONDS = 60.0
_GAP, _TOLERANCE = 1e-6, 1e-6


def exact(losses: Mapping[Tensor, Mapping[int, float]], costs: CostModel, budget: float, seconds: float = SECONDS) -> dict[Tensor, int]:
    """The widths of least summed loss whose cost is at most ``budget``.

    One binary variable for each tensor and width. A cost that depends on several tensors gets one variable for each combination of their
    widths; its sums along each axis equal the tensor's own variables, which makes the product exact, without any big-M.

    The solver counts a constraint as kept within a relative 1e-6. An answer beyond the budget is solved again with that much less.

    Args:
        losses: tensor to the loss at each width.
        costs: the cost model.
        budget: at least the cost of the narrowest choice.
        seconds: after which the solver stops with the best found; greedy takes its place when it found nothing.
    """
    for margin in (0.0, 10 * _TOLERANCE):
        choice = _solved(losses, costs, budget * (1 - margin), seconds)
        if choice is not None and costs.of(choice) <= budget:
            return choice
    return greedy(losses, costs, budget)  # no time, or nothing between the narrowest choice and the budget


def _solved(losses: Mapping[Tensor, Mapping[int, float]], costs: CostModel, budget: float, seconds: float) -> dict[Tensor, int] | None:
    """The best widths by the solver's own tolerance; None when it found none."""
    place: dict[tuple[Tensor, int], int] = {}
    for tensor, widths in costs.options.items():
        for bits in widths:
            place[tensor, bits] = len(place)
    loss = [losses[tensor][bits] for tensor, bits in place]
    cost = [0.0] * len(place)
    rows: list[tuple[list[int], list[float], float]] = []  # columns, coefficients, right-hand side of each equation
    for tensor, widths in costs.options.items():
        rows.append(([place[tensor, b] for b in widths], [1.0] * len(widths), 1.0))
    for term in costs.terms:
        if len(term.tensors) == 1:
            for bits, value in zip(costs.options[term.tensors[0]], term.table):
                cost[place[term.tensors[0], bits]] += value
            continue
        first = np.arange(term.table.size).reshape(term.table.shape) + len(cost)
        cost += term.table.ravel().tolist()
        for axis, tensor in enumerate(term.tensors):
            for i, bits in enumerate(costs.options[tensor]):
                columns = np.take(first, i, axis=axis).ravel().tolist()
                rows.append(([*columns, place[tensor, bits]], [1.0] * len(columns) + [-1.0], 0.0))
    size = len(cost)
    scale = max(budget, 1.0)
    equations = sparse.csr_array(
        (
            [v for _, values, _ in rows for v in values],
            ([i for i, (columns, *_) in enumerate(rows) for _ in columns], [c for columns, *_ in rows for c in columns]),
        ),
        shape=(len(rows), size),
    )
    right = [value for *_, value in rows]
    solved = optimize.milp(
        np.concatenate([loss, np.zeros(size - len(loss))]),
        integrality=np.concatenate([np.ones(len(loss)), np.zeros(size - len(loss))]),  # combinations follow from the widths
        bounds=optimize.Bounds(0, 1),
        constraints=[
            optimize.LinearConstraint(equations, right, right),
            optimize.LinearConstraint(np.array(cost)[None] / scale, -np.inf, budget / scale),
        ],
        options={"time_limit": seconds, "mip_rel_gap": _GAP},
    )
    if solved.x is None:
        return None
    return {tensor: max(widths, key=lambda b, t=tensor: solved.x[place[t, b]]) for tensor, widths in costs.options.items()}
