"""Canonical signed digits and bit spans of integers, vectorised (numpy only)."""

from __future__ import annotations

import numpy as np


def csd_digits(values: np.ndarray) -> np.ndarray:
    """Number of non-zero canonical signed digits of each integer (int64 in, int64 out, same shape).

    The non-adjacent form of ``n`` has a non-zero digit exactly where ``3 n`` and ``n`` differ (Prodinger 2000; Booth recoding),
    so the count is the population count of ``(3 |n|) xor |n|``. Exact for ``|n| < 2**61``.
    """
    n = np.abs(np.asarray(values, np.int64)).astype(np.uint64)
    return np.bitwise_count((n * np.uint64(3)) ^ n).astype(np.int64)


def span_bits(values: np.ndarray) -> np.ndarray:
    """Bits from the lowest to the highest set bit of each magnitude, 0 for zero (int64 in, int64 out): 12 = 1100b has 2."""
    n = np.abs(np.asarray(values, np.int64))
    odd = n // np.where(n > 0, n & -n, 1)
    return np.where(n > 0, bit_length(odd), 0)


def bit_length(values: np.ndarray) -> np.ndarray:
    """Bits of each magnitude, 0 for zero (int64 in, int64 out); exact below 2**53."""
    n = np.abs(np.asarray(values, np.int64))
    return np.frexp(n.astype(np.float64))[1].astype(np.int64)
