"""Intervals of the fitted laws: split conformal (Lei et al. 2018), wide where no real result is near and narrower where some are."""

from __future__ import annotations

import numpy as np

GRAIN = 32.0
"""LUT or FF (two words of 16 bits) added to both sides before a ratio is taken: what a layer of a few dozen cells misses is not scaled up to large ones."""


def log_ratio(predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logarithm of measured over predicted, each with :data:`GRAIN`."""
    return np.log((y + GRAIN) / (predicted + GRAIN))


def conformal(scores: np.ndarray, coverage: float = 0.9) -> float:
    """Bound that holds ``coverage`` of further scores (finite-sample corrected; the largest where there are too few)."""
    rank = min(int(np.ceil((len(scores) + 1) * coverage)), len(scores)) - 1
    return float(np.sort(scores)[rank])


def half_width(far: float, near: float, support: np.ndarray | float) -> np.ndarray | float:
    """Half width of an interval (a logarithm) by the support of the smoother (:meth:`.residual.Residual.at`)."""
    return far + (near - far) * support


def bounds(far: np.ndarray, near: np.ndarray, support: np.ndarray) -> tuple[float, float]:
    """Half widths (logarithms) at support 0 and 1.

    At support 0 it bounds errors of families left out; at 1 it is the least with which the interval between them holds errors of architectures left
    out, at their support; not less than the median of those, and not more than the first.

    Args:
        far: :func:`log_ratio` of the law alone, families left out.
        near: the same of what is told, architectures left out.
        support: of the latter.
    """
    first, errors = conformal(np.abs(far)), np.abs(near)
    known = support > 1e-6
    if not known.any():
        return first, first
    needed = np.where(errors <= first, -np.inf, np.inf)
    needed[known] = (errors[known] - first * (1 - support[known])) / support[known]
    return first, float(min(max(conformal(needed), np.median(errors)), first))


def covered(far: np.ndarray, near: np.ndarray, support: np.ndarray, pools: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is inside an interval made without its group from rows of its pool (kind of part): with its architecture left out of law
    and smoother, and with its family left out (bool arrays). A pool of one group has no other row to make one of: outside."""
    inside = np.zeros((2, len(far)), bool)
    for pool, group in dict.fromkeys(zip(pools.tolist(), groups.tolist())):
        own, others = (pools == pool) & (groups == group), (pools == pool) & (groups != group)
        if others.any():
            ends = bounds(far[others], near[others], support[others])
            inside[0, own] = np.abs(near[own]) <= half_width(*ends, support[own])
            inside[1, own] = np.abs(far[own]) <= ends[0]
    return inside[0], inside[1]
