"""Coefficients of the LUT and FF laws: non-negative, of least relative error."""

from __future__ import annotations

import numpy as np

from .area import FIXED, HEADS


def fit(x: np.ndarray, y: np.ndarray, known: np.ndarray | float = 0.0, rounds: int = 0) -> np.ndarray:
    """Non-negative coefficients of least squared relative error; with ``rounds`` of reweighting, of least absolute one (Schlossmacher
    1973).

    ``known`` is a part of ``y`` that is not fitted. Absolute errors keep a few odd rows from pulling (registers of unrolled layers: rows whose
    pipeline is one cycle shorter); squared ones keep every physical term.
    """
    weights = 1 / y
    found = _non_negative(x * weights[:, None], (y - known) * weights)
    for _ in range(rounds):
        error = np.abs(x @ found + known - y) / y
        weights = 1 / (y * np.sqrt(np.maximum(error, 0.02)))
        found = _non_negative(x * weights[:, None], (y - known) * weights)
    return found


def _non_negative(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares; the feature with the most negative coefficient is dropped until none is negative."""
    used = [i for i in range(x.shape[1]) if np.any(x[:, i])]
    result = np.zeros(x.shape[1])
    while used:
        found = np.linalg.lstsq(x[:, used], y, rcond=None)[0]
        if (found >= 0).all():
            result[used] = found
            break
        used.pop(int(np.argmin(found)))
    return result


def fit_law(head: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coefficients of a law: those of :data:`.area.FIXED` as they are, the others fitted to what is left.

    Args:
        x: features of whole designs, shape (designs, features).
        y: measured LUT or FF, shape (designs,).
    """
    fixed = FIXED.get(head, {})
    known = np.array([fixed.get(name, 0.0) for name in HEADS[head]])
    free = np.array([name not in fixed for name in HEADS[head]])
    return known + fit(np.where(free, x, 0.0), y, x @ known, 12 if head.startswith("latency_ff") else 0)
