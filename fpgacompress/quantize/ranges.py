"""Integer bits fitted to real weights and activations, and what the fit costs (numpy only)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..integer.types import FixedType

_BELOW, _ABOVE = 8, 2
"""Ranges tried for the least squared error: from this many powers of two below the largest magnitude to so many above."""

CHANNEL_WIDTH = 16
"""A channel's integer bits are kept so near to those of the widest channel that all channels share a type of so many bits."""


def kernel_type(bits: int, integer: int) -> FixedType:
    """The type of QKeras' ``quantized_bits(bits, integer, alpha=1)``: signed, half to even, saturating."""
    return FixedType(bits, integer + 1, True, "RND_CONV", "SAT")


def relu_type(bits: int, integer: int) -> FixedType:
    """The type of QKeras' ``quantized_relu(bits, integer)``: unsigned, half to even, saturating."""
    return FixedType(bits, integer, False, "RND_CONV", "SAT")


_TERNARY = FixedType(2, 1, True, "RND_CONV", "SAT_SYM")


@dataclass(frozen=True)
class Levels:
    """The levels of a quantizer whose range is ``2**integer``, without that factor.

    Attributes:
        low, high, step: least and largest level, and the distance between two.
        nearest: real values to their levels.
    """

    low: float
    high: float
    step: float
    nearest: Callable[[np.ndarray], np.ndarray]

    def quantize(self, values: np.ndarray, integer: Any) -> np.ndarray:
        """Levels nearest to ``values`` where the range is ``2**integer`` (an int, or an array that broadcasts); float64, exact."""
        scale = 2.0 ** np.asarray(integer, np.float64)
        return self.nearest(values / scale) * scale

    def saturated(self, values: np.ndarray, integer: Any) -> float:
        """Share of ``values`` more than half a step beyond the last level."""
        scaled = values / 2.0 ** np.asarray(integer, np.float64)
        return float(np.mean((scaled > self.high + self.step / 2) | (scaled < self.low - self.step / 2))) if scaled.size else 0.0


def _of_type(type: FixedType) -> Levels:
    return Levels(type.minimum, type.maximum, type.lsb, lambda values: type.to_float(type.quantize(values)))


def kernel_levels(kernel: int | str) -> Levels:
    """Levels of a kernel of so many bits, of "ternary" (-1/2, 0, 1/2) or of "binary" (-1/2, 1/2; 0 counts as positive)."""
    if kernel == "binary":
        return Levels(-0.5, 0.5, 1.0, lambda values: np.where(values >= 0, 0.5, -0.5))
    return _of_type(_TERNARY if kernel == "ternary" else kernel_type(int(kernel), 0))


def relu_levels(bits: int) -> Levels:
    """Levels of a ReLU's output."""
    return _of_type(relu_type(bits, 0))


@dataclass(frozen=True)
class RangeFit:
    """How one tensor was given its integer bits, and what that does to the values it was fitted to.

    Attributes:
        layer: name of the layer.
        tensor: "kernel", "depthwise", "pointwise", "bias", "activation" or "input".
        bits: total bits.
        integer: integer bits without sign; for one per channel the whole tuple.
        rule: "max", "mse", "percentile", "surviving", "headroom" (biases), "given", or "alive" (made smaller, see :mod:`.start`).
        largest: largest magnitude.
        saturation: share of the values more than half a step beyond the range.
        mse: mean squared error of the quantized values.
    """

    layer: str
    tensor: str
    bits: int
    integer: int | tuple[int, ...]
    rule: str
    largest: float
    saturation: float
    mse: float

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


def measured(layer: str, tensor: str, bits: int, integer: Any, rule: str, values: np.ndarray, levels: Levels) -> RangeFit:
    """The record of a range, measured on ``values``; ``integer`` is an int or an array that broadcasts over them."""
    values = np.asarray(values, np.float64)
    several = np.ndim(integer) > 0
    return RangeFit(
        layer,
        tensor,
        bits,
        tuple(int(i) for i in np.ravel(integer)) if several else int(integer),
        rule,
        float(np.abs(values).max(initial=0.0)),
        levels.saturated(values, integer),
        float(np.mean((levels.quantize(values, integer) - values) ** 2)) if values.size else 0.0,
    )


def _top(largest: float) -> int:
    return math.ceil(math.log2(largest)) if largest > 0 else 0


def fit_levels(values: np.ndarray, levels: Levels, rule: str = "max", percentile: float = 99.9) -> int:
    """Integer bits (sign not counted) fitted to ``values``.

    "max" takes the smallest range that holds the largest magnitude. "percentile" takes the smallest that holds this percentile of the
    magnitudes, so that no larger share lies beyond it. "mse" takes the power-of-two range of least mean squared error, which may let a few
    values saturate; ties go to the wider range. QKeras' straight-through gradient is 1 also where a value saturates, so weights beyond the
    range keep moving without effect; training therefore starts best with "max".

    Args:
        values: real samples of what is quantized, any shape.
        levels: of the quantizer.
        rule: "max", "percentile" or "mse".
        percentile: of the magnitudes, zeros included.
    """
    values = np.asarray(values, np.float64).ravel()
    size = np.abs(values)
    top = _top(float(size.max(initial=0.0)))
    if rule == "max" or not size.any():
        return top
    if rule == "percentile":
        return _top(float(np.percentile(size, percentile))) if np.percentile(size, percentile) > 0 else top
    values = values[values != 0]
    best, best_error = top, math.inf
    for integer in range(top + _ABOVE, top - _BELOW, -1):
        error = float(np.mean((levels.quantize(values, integer) - values) ** 2))
        if error < best_error * (1 - 1e-9):
            best, best_error = integer, error
    return best


def fit_channels(kernel: np.ndarray, axes: int, bits: int, fit: Callable[[np.ndarray], int]) -> np.ndarray:
    """Integer bits for each output channel of a kernel.

    Args:
        kernel: real weights.
        axes: how many of the last axes count the output channels: 1, or 2 for depthwise kernels ``(..., c, multiplier)``.
        bits: of each weight, with its sign and a 0 (2 for binary ones).
        fit: weights of one channel to integer bits.

    Returns:
        int64, shape of the last ``axes`` axes. A channel without weights other than 0 has the bits of the widest.
    """
    shape = kernel.shape[kernel.ndim - axes :]
    columns = kernel.reshape(-1, int(np.prod(shape)))
    alive = np.abs(columns).max(axis=0, initial=0.0) > 0
    if not alive.any():
        return np.zeros(shape, np.int64)
    fitted = np.array([fit(column) if lives else -(2**31) for column, lives in zip(columns.T, alive)], np.int64)
    widest = int(fitted.max())
    fitted = np.maximum(np.where(alive, fitted, widest), widest - max(CHANNEL_WIDTH - bits, 0))
    return fitted.reshape(shape)


def fit_bias(values: np.ndarray, kernel: np.ndarray, headroom: int = 1) -> int:
    """Integer bits (sign not counted) that hold every bias with ``headroom`` spare bits for training.

    Where all biases are tiny it is still the range of a quarter of the largest weight: finer steps would only widen the sums, beyond what float32
    holds in the worst case.
    """
    if not np.any(values):
        return 0
    least = _top(float(np.abs(kernel).max())) - 2 if np.any(kernel) else 0
    return max(_top(float(np.abs(values).max())) + headroom, least)
