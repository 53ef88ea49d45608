"""How well two sensitivity tables agree on what matters (numpy and scipy only)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from .table import BITS, Sensitivity


@dataclass(frozen=True)
class Agreement:
    """Two tables of the same tensors and widths.

    Attributes:
        spearman: rank correlation of all entries (tensor and width), -1 to 1; NaN when one table is constant.
        by_bits: rank correlation over the tensors at each width.
        same_worst: share of the widths at which the same tensor loses most.
        entries: number of entries compared.
    """

    spearman: float
    by_bits: dict[int, float]
    same_worst: float
    entries: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def text(self) -> str:
        """One line."""
        each = ", ".join(f"{bits} bits {value:.2f}" for bits, value in self.by_bits.items())
        return (
            f"rank correlation (Spearman) {self.spearman:.3f} over {self.entries} entries ({each}); "
            f"the same tensor is the most sensitive at {100 * self.same_worst:.0f} % of the widths\n"
        )


def agreement(one: Sensitivity, other: Sensitivity, by: str = "loss") -> Agreement:
    """Compare two tables entry by entry; entries that only one of them has are left out.

    Args:
        one: its ``by`` ("loss" or "divergence") is compared.
        other: with its loss.

    Widths with fewer than three tensors have no rank correlation of their own.
    """
    left = {(r.tensor, int(r.value)): getattr(r, by) for r in one.rows if r.what == BITS}
    right = {(r.tensor, int(r.value)): r.loss for r in other.rows if r.what == BITS}
    shared = [key for key in left if key in right and (left[key], right[key]) != (0.0, 0.0)]  # a width that changes nothing ranks nothing
    by_bits, same = {}, []
    for bits in sorted({b for _, b in shared}, reverse=True):
        keys = [key for key in shared if key[1] == bits]
        a, b = [left[k] for k in keys], [right[k] for k in keys]
        if len(keys) > 1:
            same.append(int(np.argmax(a)) == int(np.argmax(b)))
        if len(keys) > 2:
            by_bits[bits] = _spearman(a, b)
    every = _spearman([left[k] for k in shared], [right[k] for k in shared])
    return Agreement(every, by_bits, float(np.mean(same)) if same else float("nan"), len(shared))


def _spearman(a: list[float], b: list[float]) -> float:
    if len(set(a)) < 2 or len(set(b)) < 2:
        return float("nan")
    return float(stats.spearmanr(a, b).statistic)
