"""Activations to powers of two (``quantized_po2``, ``quantized_relu_po2``) as step functions with exact edges.

Both compute ``2 ** clip(round(log(|x|) / log(2)), lowest, highest)`` in float32, so the step from ``2**k`` to ``2**(k+1)`` lies at
``2**(k + 1/2)``, give or take the error of the float32 logarithm. Which of the few integers next to it are already beyond is asked of the
quantizer itself, in TensorFlow's vector code and in its scalar code; where the two disagree, the activation is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isqrt, log2
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .dyadic import power_of_two
from .steps import MANTISSA, Step, Threshold, at_least

_LOG_ERROR = 8 * 2.0**-MANTISSA
"""Relative error allowed to TensorFlow's float32 ``log(x) / log(2)``: 4 units in the last place."""
_LANES = 32
"""A tensor of this many equal values is computed by vector instructions alone."""


def _beyond(quantizer: Any, x: np.ndarray, level: float) -> np.ndarray:
    return np.abs(np.asarray(quantizer(x.astype(np.float32)), np.float64)) > level


def _edge(quantizer: Any, exponent: int, slope: int, sign: int, where: str) -> Callable[[int], int]:
    """Smallest magnitude (stored integer) whose level is beyond ``2**exponent``, for inputs of one sign times ``2**slope``."""

    def edge(fraction: int) -> int:
        twice = 2 * (exponent + fraction - slope) + 1
        root = isqrt(2**twice) + 1 if twice >= 0 else 1  # the first integer beyond 2**(twice / 2), which is irrational
        if root >= 2**MANTISSA:
            return root
        near = ceil(root * _LOG_ERROR * (abs(exponent) + 1)) + 1
        window = np.arange(max(root - near, 1), root + near + 1)
        x, level = sign * window * 2.0**-fraction, 2.0 ** (exponent + 0.5)
        vector = _beyond(quantizer, np.repeat(x[:, None], _LANES, 1), level)
        scalar = np.array([_beyond(quantizer, v[None], level)[0] for v in x])
        first = int(np.argmax(scalar))
        if not (vector == scalar[:, None]).all() or not scalar[first:].all():
            raise UnsupportedError(
                f"{where}: near {x[first]:g} the result of '{type(quantizer).__name__}' depends on how TensorFlow computes its logarithm",
                do="quantize the input of this activation to fewer bits",
            )
        return int(window[first])

    return edge


def _below_zero(edge: Callable[[int], int]) -> Callable[[int], int]:
    """Magnitudes from ``edge`` on lie below the step."""
    return lambda fraction: 1 - edge(fraction)


def po2_steps(quantizer: Any, where: str) -> list[Step]:
    """``quantized_po2`` (0 counts as positive) and ``quantized_relu_po2`` (its lowest level for all x <= 0 unless it has a slope).

    Raises:
        UnsupportedError: levels finer than float32's logarithm can tell from zero.
    """
    lowest, highest = int(quantizer._min_exp), int(quantizer._max_exp)
    if quantizer.max_value:
        highest = min(highest, max(lowest, round(log2(float(quantizer.max_value)))))
    if lowest < 1 - MANTISSA:
        raise UnsupportedError(
            f"{where} has the quantizer '{type(quantizer).__name__}' with levels down to 2**{lowest}",
            do="use at most 5 bits, or max_value=1",
        )
    exponents = range(lowest, highest)
    levels = [2.0**e for e in range(lowest, highest + 1)]
    up = [_edge(quantizer, e, 0, 1, where) for e in exponents]
    if not hasattr(quantizer, "negative_slope"):
        slope: int | None = 0
    else:
        slope = power_of_two(quantizer.negative_slope) if quantizer.negative_slope else None
    if slope is None:
        return [Threshold(up, levels)]
    down = [_below_zero(_edge(quantizer, e, slope, -1, where)) for e in reversed(exponents)]
    return [Threshold([*down, at_least(0), *up], [*(-v for v in reversed(levels)), *levels])]
