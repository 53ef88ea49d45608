"""Integer bits fitted to real weights and activations (numpy only)."""

from __future__ import annotations

import math

import numpy as np

from ..integer.types import FixedType


def kernel_type(bits: int, integer: int) -> FixedType:
    """The type of QKeras' ``quantized_bits(bits, integer, alpha=1)``: signed, half to even, saturating."""
    return FixedType(bits, integer + 1, True, "RND_CONV", "SAT")


def relu_type(bits: int, integer: int) -> FixedType:
    """The type of QKeras' ``quantized_relu(bits, integer)``: unsigned, half to even, saturating."""
    return FixedType(bits, integer, False, "RND_CONV", "SAT")


def _top(values: np.ndarray) -> int:
    largest = float(np.max(np.abs(values), initial=0.0))
    return math.ceil(math.log2(largest)) if largest > 0 else 0


def fit_integer(values: np.ndarray, bits: int, *, signed: bool, ranges: str = "max") -> int:
    """Integer bits (sign not counted) fitted to ``values``.

    "max" takes the smallest range that holds the largest magnitude. "mse" takes the power-of-two range of least mean squared error, which
    may let a few values saturate; ties go to the wider range. QKeras' straight-through gradient is 1 also where a value saturates, so
    weights beyond the range keep moving without effect; training therefore starts best with "max".

    Args:
        values: real samples of what is quantized, any shape.
        bits: total bits.
        signed: weights (True) or outputs of a ReLU (False).
        ranges: "max" or "mse".

    Returns:
        The ``integer`` argument of ``quantized_bits`` or ``quantized_relu``.
    """
    values = np.asarray(values, np.float64).ravel()
    values = values[values != 0]
    if values.size == 0:
        return 0
    top = _top(values)
    if ranges == "max":
        return top
    best, best_error = top, math.inf
    for integer in range(top + 1, top - 6, -1):
        kind = kernel_type(bits, integer) if signed else relu_type(bits, integer)
        error = float(np.mean((kind.to_float(kind.quantize(values)) - values) ** 2))
        if error < best_error * (1 - 1e-9):
            best, best_error = integer, error
    return best


def fit_bias(values: np.ndarray, headroom: int = 1) -> int:
    """Integer bits (sign not counted) that hold every bias with ``headroom`` spare bits for training."""
    return _top(values) + headroom if np.any(values) else 0
