"""What a fitted law leaves over near real results: a kernel smoother of its log errors, whose prior weight makes it exactly zero far from all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .facts import LayerFacts
from .laws import levels_per_cycle, multiplier_limit, tree_levels, wide_products
from .setting import Setting

WIDTHS, PRIORS = (0.15, 0.25, 0.4, 0.7, 1.0), (0.3, 1.0, 3.0, 10.0, 30.0)
"""Widths of the kernel (in standard deviations of the rows) and prior weights (in rows) that are tried."""

_SIZES = {"inputs": 0.5, "outputs": 0.5, "weight bits": 1.0, "input bits": 1.0, "clock": 0.5, "part": 0.01, "tool": 0.01}
_SHARED = {"reuse": 0.5}
_UNROLLED = {"reuse above 1": 0.25, "turns": 0.5, "cycles": 0.5, "density": 0.1, "products in LUT": 0.1, "products in DSP": 0.1}


def axes(head: str) -> dict[str, float]:
    """Names of a law's axes, in order, and the least scale of each: axes on which all rows are alike are measured in it.

    Part family and tool are on so fine a scale that rows of others never count.
    """
    return _SIZES | (_SHARED if head.startswith("resource_") else _UNROLLED)


def position(head: str, facts: LayerFacts, reuse: int, setting: Setting) -> np.ndarray:
    """Where a layer lies (float64, one per name in :func:`axes`): sizes and factors as logarithms to base 2, bits, ns, shares of the weights."""
    wide, sizes = wide_products(facts, setting.mapping), [math.log2(facts.n_in), math.log2(facts.n_out), facts.w_bits, facts.x_bits]
    place = [*sizes, setting.clock_ns, setting.ultrascale, setting.vivado]
    if head.startswith("resource_"):
        return np.array([*place, math.log2(reuse)], np.float64)
    turns = math.log2(max(facts.products / multiplier_limit(facts, reuse), 1))
    cycles, live = tree_levels(facts) / levels_per_cycle(setting.clock_ns, setting.ultrascale), max(facts.nonzeros, 1)
    shares = [facts.nonzeros / facts.n_weights, (facts.products - wide) / live, wide / live]
    return np.array([*place, reuse > 1, turns, cycles, *shares], np.float64)


def _apart(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Mean over the axes of squared distances, shape (rows of ``a``, rows of ``b``)."""
    a, b = a / scale, b / scale
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0) / len(scale)


def _sums(apart: np.ndarray, width: float, shares: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Sum of the kernel, and of the kernel times the errors, shape (rows, 2)."""
    return np.exp(-apart / (2 * width**2)) @ np.stack([shares, shares * errors], 1)


@dataclass(frozen=True)
class Residual:
    """Log errors of a law at layers of the table.

    Attributes:
        centres: positions of the layers, shape (n, axes).
        shares: part that each layer has in its design's predicted value (1 where it is alone), shape (n,).
        errors: ``log(measured / predicted)`` of its design, shape (n,).
        scale: of each axis, shape (axes,).
        width, prior: of :data:`WIDTHS` and :data:`PRIORS`.
    """

    centres: np.ndarray
    shares: np.ndarray
    errors: np.ndarray
    scale: np.ndarray
    width: float
    prior: float

    def at(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Correction ``sum(k e) / (prior + sum(k))`` (a logarithm) and support ``sum(k) / (prior + sum(k))``, from 0 far from all rows to
        nearly 1, at positions of shape (m, axes)."""
        sums = _sums(_apart(places, self.centres, self.scale), self.width, self.shares, self.errors)
        return sums[:, 1] / (self.prior + sums[:, 0]), sums[:, 0] / (self.prior + sums[:, 0])

    def to_json(self, head: str) -> dict[str, Any]:
        """Plain dictionary; "rows" has one line of text per centre: its position, share and error."""
        rows = np.column_stack([self.centres, self.shares, self.errors])
        scale = {name: float(f"{v:.4g}") for name, v in zip(axes(head), self.scale)}
        text = [" ".join(f"{v:.4g}" for v in row) for row in rows.tolist()]
        return {"width": self.width, "prior": self.prior, "scale": scale, "rows": text}

    @classmethod
    def from_json(cls, head: str, data: dict[str, Any]) -> Residual:
        """Inverse of :meth:`to_json` (up to its four digits)."""
        rows = np.array([line.split() for line in data["rows"]], np.float64)
        scale = np.array([data["scale"][name] for name in axes(head)], np.float64)
        return cls(rows[:, :-2], rows[:, -2], rows[:, -1], scale, data["width"], data["prior"])


@dataclass(frozen=True)
class Rows:
    """Layers of measured designs and what a law predicts of them.

    Attributes:
        places: positions of all layers, shape (layers, axes).
        owner: index of each layer's design (int, shape (layers,)).
        values: what the law says of each layer, LUT or FF, shape (layers,).
        y: measured LUT or FF of the designs, shape (designs,).
    """

    places: np.ndarray
    owner: np.ndarray
    values: np.ndarray
    y: np.ndarray

    @property
    def law(self) -> np.ndarray:
        """Prediction of each design by the law alone."""
        return self.corrected(np.zeros(len(self.owner)))

    def corrected(self, logs: np.ndarray) -> np.ndarray:
        """Predictions with corrections (logarithms) of the layers."""
        return np.maximum(np.bincount(self.owner, self.values * np.exp(logs), len(self.y)), 1e-9)

    def per_design(self, layers: np.ndarray) -> np.ndarray:
        """Mean of a quantity of layers by their part in the design's value."""
        return np.bincount(self.owner, layers * self.values, len(self.y)) / self.law

    def only(self, designs: np.ndarray) -> Rows:
        """The rows of some designs (bool mask)."""
        layers, number = designs[self.owner], np.cumsum(designs) - 1
        return Rows(self.places[layers], number[self.owner[layers]], self.values[layers], self.y[designs])

    def residual(self, head: str, width: float, prior: float) -> Residual:
        """The smoother of these rows."""
        scale = np.maximum(self.places.std(0), list(axes(head).values()))
        errors = np.log(self.y / self.law)[self.owner]
        return Residual(self.places, self.values / self.law[self.owner], errors, scale, width, prior)


def log_error(predicted: np.ndarray, y: np.ndarray) -> float:
    """Mean absolute logarithm of measured over predicted: what the smoother is chosen by."""
    return float(np.mean(np.abs(np.log(y / predicted))))


def choose(head: str, rows: Rows, groups: np.ndarray) -> tuple[float, float] | None:
    """Width and prior with the least :func:`log_error` when each design is corrected by those of other groups; None: no correction is better."""
    bare = rows.residual(head, 1.0, 1.0)
    apart = _apart(rows.places, rows.places, bare.scale)
    apart[groups[rows.owner][:, None] == groups[rows.owner][None]] = np.inf
    best, found = log_error(rows.law, rows.y), None
    for width in WIDTHS:
        sums = _sums(apart, width, bare.shares, bare.errors)
        for prior in PRIORS:
            error = log_error(rows.corrected(sums[:, 1] / (prior + sums[:, 0])), rows.y)
            if error < best:
                best, found = error, (width, prior)
    return found
