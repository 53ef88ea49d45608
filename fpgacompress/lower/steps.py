"""What activation quantizers are made of: a few exact operations in a row.

QKeras computes in float32. A step refuses an input whose float32 arithmetic would round inside the quantizer, where the operation would not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from ..errors import UnsupportedError
from ..integer.types import FixedType
from .averages import rounded_average
from .builder import Builder
from .dyadic import fraction_bits, smallest_tensor

MANTISSA = 24
"""Bits of a float32 number."""

_BOUND_BITS = 16


class Step(Protocol):
    """One operation of an activation. ``suffix`` names it where it is not the last one of its layer."""

    suffix: str

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        """Adds the node called ``name`` behind ``source`` and returns its name."""
        ...


def _check_float32(net: Builder, source: str, bits: int | None, where: str) -> None:
    """QKeras adds a constant of about 1 to the input, times a factor with ``bits`` fractional bits, before it rounds."""
    if bits is None or net[source].out.fraction + bits <= MANTISSA:
        return
    raise UnsupportedError(
        f"{where} reads values with {net[source].out.fraction} fractional bits, and QKeras' own float32 arithmetic rounds them",
        expected=f"at most {MANTISSA - bits} fractional bits",
        do="quantize the input of this activation, or give weights and bias fewer bits",
    )


@dataclass(frozen=True)
class Cast:
    """A cast to ``type``. ``float_bits``: see :func:`_check_float32`."""

    type: FixedType
    float_bits: int | None = None
    suffix: str = "cast"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        average = net.awaiting(source)
        if average is not None and self.float_bits is None:
            return rounded_average(net, name, average, self.type)
        _check_float32(net, source, self.float_bits, where)
        return net.quantize(name, source, self.type)


@dataclass(frozen=True)
class CastEach:
    """A cast of each element to a type of its own, truncated and saturated.

    Attributes:
        bits, integer: nested lists over the last axes, sign included.
        signed: whether they have a sign.
    """

    bits: Sequence[Any]
    integer: Sequence[Any]
    signed: bool
    suffix: str = "cast"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        bits, integer = np.asarray(self.bits, np.int64), np.asarray(self.integer, np.int64)
        used, whole = bits > 0, int(self.signed)
        if used.any():
            whole, fraction = int(integer[used].max()), int((bits - integer)[used].max())
        else:
            fraction = 1
        type = FixedType(whole + fraction, whole, self.signed, "TRN", "SAT")
        average = net.awaiting(source)
        if average is not None:
            source = rounded_average(net, f"{name}_average", average, type)
        return net.quantize_each(name, source, type, bits.tolist(), integer.tolist())


@dataclass(frozen=True)
class Relu:
    """x where x > 0, else 0, with all its bits."""

    suffix: str = "relu"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        return net.relu(name, source)


@dataclass(frozen=True)
class Clip:
    """Values brought between two real bounds; None where there is no bound."""

    low: float | None
    high: float | None
    suffix: str = "clip"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        bounds = [v for v in (self.low, self.high) if v is not None]
        bits = smallest_tensor(np.asarray(bounds), where).type.width
        if bits > _BOUND_BITS:
            raise UnsupportedError(
                f"{where} has a bound that needs {bits} bits to be exact ({bounds})",
                expected=f"at most {_BOUND_BITS} bits",
                do="choose a bound on the quantizer's grid, for example a power of two",
            )
        source = net.finer(name, source, fraction_bits(bounds, where))
        fraction, (lowest, highest) = net[source].out.fraction, net.range(source).bounds
        low, high = (None if v is None else int(Fraction(v) * Fraction(2) ** fraction) for v in (self.low, self.high))
        low = min(lowest, high) if low is None else low
        return net.clip(name, source, low, max(highest, low) if high is None else high)


@dataclass(frozen=True)
class Leaky:
    """x where x >= 0, else ``x * 2**-shift``."""

    shift: int
    suffix: str = "leaky"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        return net.leaky_relu(name, source, self.shift)


@dataclass(frozen=True)
class Shift:
    """``x * 2**shift``."""

    shift: int
    suffix: str = "shift"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        return net.shift(name, source, self.shift)


@dataclass(frozen=True)
class Scale:
    """``x * factor + offset``. ``float_bits``: see :func:`_check_float32`."""

    factor: float
    offset: float
    float_bits: int | None = None
    suffix: str = "scale"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        _check_float32(net, source, self.float_bits, where)
        shape = net[source].shape
        kernel, bias = (smallest_tensor(np.full(shape[-1:], v), where) for v in (self.factor, self.offset))
        return net.weighted(name, "scale", source, shape, kernel, bias if self.offset else None)


@dataclass(frozen=True)
class Threshold:
    """A step function: ``values[k]`` where exactly ``k`` of the ascending edges are reached.

    Attributes:
        edges: each maps the fractional bits of the input to the smallest stored integer on its upper side.
        values: real levels, one more than edges; each has the sign of the inputs it stands for, or is 0.
    """

    edges: Sequence[Callable[[int], int]]
    values: Sequence[float]
    suffix: str = "threshold"

    def build(self, net: Builder, name: str, source: str, where: str) -> str:
        fraction = net[source].out.fraction
        thresholds = [edge(fraction) for edge in self.edges]
        low, high = net.range(source).bounds
        first, last = sum(t <= low for t in thresholds), sum(t <= high for t in thresholds)
        levels = smallest_tensor(np.asarray(self.values[first : last + 1], np.float64), where)
        fine = levels.type.fraction
        if fine > fraction and max(abs(low), abs(high)) * 2.0 ** (fine - fraction) > 2**MANTISSA:
            raise UnsupportedError(
                f"{where} gives values with {fine} fractional bits, and QKeras' own float32 arithmetic (x + (-x + level)) rounds them "
                f"for inputs as large as {max(abs(low), abs(high)) * 2.0**-fraction:g}",
                do="write alpha as a power of two, or quantize the input of this activation",
            )
        return net.threshold(name, source, thresholds[first:last], levels.values.tolist(), fine)


def at_least(level: float) -> Callable[[int], int]:
    """Edge of ``x >= level``."""
    return lambda fraction: -int(-Fraction(level) * Fraction(2) ** fraction // 1)


def above(level: float) -> Callable[[int], int]:
    """Edge of ``x > level``."""
    return lambda fraction: int(Fraction(level) * Fraction(2) ** fraction // 1) + 1


def chain(net: Builder, name: str, source: str, steps: Sequence[Step], where: str) -> str:
    """The steps one behind the other; the last one is called ``name``, the others ``<name>_<suffix>``."""
    for step in steps:
        last = step is steps[-1]
        source = step.build(net, name if last else f"{name}_{step.suffix}", source, where)
    return source
