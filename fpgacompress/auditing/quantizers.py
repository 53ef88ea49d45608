"""QKeras quantizers as facts: how many levels, what step, what range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..integer.types import FixedType


@dataclass(frozen=True)
class Grid:
    """What a quantizer can deliver.

    Attributes:
        levels: number of values; None when it is not a quantizer known here.
        step: distance of neighbours; None when they are not evenly spaced or the scale depends on the data.
        low, high: smallest and largest value; None as for ``step``.
        type: fixed-point type of the values; None where there is none.
        input_low: smallest input that is not cut off; None for a ReLU, which cuts on purpose.
    """

    levels: int | None = None
    step: float | None = None
    low: float | None = None
    high: float | None = None
    type: FixedType | None = None
    input_low: float | None = None


def is_quantizer(thing: Any) -> bool:
    """Whether something is a QKeras quantizer, and not a float function."""
    return thing is not None and hasattr(thing, "get_config") and callable(thing)


def text(quantizer: Any) -> str | None:
    """How a quantizer is written in a model; None for none."""
    if quantizer is None:
        return None
    return str(quantizer) if is_quantizer(quantizer) else getattr(quantizer, "__name__", str(quantizer))


def number(value: Any) -> float:
    """A number that QKeras may hold as a variable."""
    return float(value.numpy() if hasattr(value, "numpy") else value)


def alpha(quantizer: Any) -> str | float | None:
    """The scale setting: a text such as "auto_po2", a number, or None where there is no such setting or it is not set."""
    value = getattr(quantizer, "alpha", None)
    return value if value is None or isinstance(value, str) else float(np.max(np.asarray(value)))


def has_automatic_scale(quantizer: Any) -> bool:
    """Whether the scale is computed from the values each time."""
    return isinstance(alpha(quantizer), str)


def is_linear(activation: Any) -> bool:
    """Whether an activation is signed and straight but for rounding and saturation: ``quantized_bits`` of two bits or more, ours too."""
    if type(activation).__name__ in ("truncated_bits", "truncated_each"):
        return bool(activation.signed)
    return type(activation).__name__ == "quantized_bits" and bool(activation.keep_negative) and int(activation.bits) > 1


def _of_type(type: FixedType, scale: float = 1.0) -> Grid:
    kept = type if scale == 1.0 else None
    low = type.minimum * scale
    return Grid(type.high - type.low + 1, type.lsb * scale, low, type.maximum * scale, kept, low if type.signed else None)


def _bits(quantizer: Any) -> Grid:
    bits, signed = int(quantizer.bits), bool(quantizer.keep_negative)
    if bits - signed < 1:
        return Grid(2)
    symmetric = signed and bool(quantizer.symmetric)
    type = FixedType(bits, int(number(quantizer.integer)) + signed, signed, "RND_CONV", "SAT_SYM" if symmetric else "SAT")
    if has_automatic_scale(quantizer):
        return Grid(type.high - type.low + 1)
    return _of_type(type, 1.0 if alpha(quantizer) is None else float(alpha(quantizer)))


def _relu(quantizer: Any) -> Grid:
    bits, integer = int(quantizer.bits), int(number(quantizer.integer))
    slope = number(quantizer.negative_slope)
    if slope:
        kept = FixedType(bits, integer + 1, True, "RND_CONV", "SAT")
        return Grid(None, kept.lsb, kept.minimum * slope, kept.maximum, input_low=kept.minimum)
    bound = quantizer.relu_upper_bound
    grid = _of_type(FixedType(bits, integer, False, "RND_CONV", "SAT"))
    if bound is None or quantizer.is_quantized_clip or float(bound) >= grid.high:
        return grid
    return Grid(int(float(bound) / grid.step) + 1, grid.step, 0.0, float(bound))


def _truncated(quantizer: Any) -> Grid:
    return _of_type(FixedType(quantizer.bits, quantizer.integer + quantizer.signed, quantizer.signed, "TRN", "SAT"))


def _truncated_each(quantizer: Any) -> Grid:
    """The grid that holds those of all elements."""
    bits, integer = (np.ravel(a) for a in (quantizer.bits, quantizer.integer))
    signed, used = int(quantizer.signed), bits > 0
    if not used.any():
        return Grid(1)
    whole, fraction = int(integer[used].max()), int((bits - integer)[used].max()) - signed
    return _of_type(FixedType(whole + fraction + signed, whole + signed, bool(signed), "TRN", "SAT"))


def _powers(quantizer: Any) -> Grid:
    return Grid(2 * (int(quantizer._max_exp) - int(quantizer._min_exp) + 1))


_KNOWN = {
    "quantized_bits": _bits,
    "quantized_relu": _relu,
    "truncated_bits": _truncated,
    "truncated_relu": _truncated,
    "truncated_each": _truncated_each,
    "channel_bits": lambda q: Grid(2**q.bits - q.symmetric),
    "quantized_po2": _powers,
    "ternary": lambda q: Grid(3),
    "stochastic_ternary": lambda q: Grid(3),
    "binary": lambda q: Grid(2),
    "stochastic_binary": lambda q: Grid(2),
    "bernoulli": lambda q: Grid(2),
    "quantized_tanh": lambda q: _of_type(FixedType(int(q.bits), 1, True, "RND_CONV", "SAT_SYM" if q.symmetric else "SAT")),
    "quantized_sigmoid": lambda q: _of_type(FixedType(int(q.bits), 0, False, "RND_CONV", "SAT")),
}


def grid(quantizer: Any) -> Grid:
    """Levels, step and range of a quantizer; all None for one that is not known here."""
    rule = _KNOWN.get(type(quantizer).__name__)
    return rule(quantizer) if rule else Grid()


def quantized(values: Any, quantizer: Any) -> np.ndarray:
    """Values as the quantizer delivers them (float64); as they are without quantizer."""
    return np.asarray(values if quantizer is None else quantizer(values), np.float64)


def levels_used(result: np.ndarray, quantizer: Any) -> int:
    """Different levels in a quantizer's result; scales per channel are divided out first."""
    scale = getattr(quantizer, "scale", None) if has_automatic_scale(quantizer) else None
    if scale is not None:
        scale = np.asarray(scale, np.float64)
        result = np.round(np.divide(result, scale, out=np.zeros_like(result), where=np.broadcast_to(scale, result.shape) != 0), 6)
    return int(np.unique(result).size)
