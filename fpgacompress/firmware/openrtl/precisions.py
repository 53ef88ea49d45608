"""hls4ml's precisions, and which fixed-point type a cast to one of them acts as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import UnsupportedError
from ...integer.types import OVERFLOWS, ROUNDINGS, FixedType

WIDEST = 62
"""Bits of a type in which values are rounded, wrapped or saturated; int64 computes them."""


def is_kind(precision: Any, kind: str) -> bool:
    """True for a precision of hls4ml's class ``kind`` ("Fixed", "Integer", "Xnor", "Exponent"), however a back end has wrapped it."""
    return any(base.__name__ == f"{kind}PrecisionType" for base in type(precision).__mro__)


@dataclass(frozen=True)
class Precision:
    """A precision of fixed-point or integer numbers.

    Attributes:
        where: the layer and what of it, for messages.
        width, integer, signed: as in :class:`FixedType`.
        rounding, overflow: hls4ml's modes, also those that :class:`FixedType` does not know.
        saturation_bits: of overflow mode "WRAP" (``AP_WRAP`` with ``N``).
    """

    where: str
    width: int
    integer: int
    signed: bool
    rounding: str
    overflow: str
    saturation_bits: int = 0

    def __str__(self) -> str:
        name = "fixed" if self.signed else "ufixed"
        return f"{name}<{self.width},{self.integer},{self.rounding},{self.overflow},{self.saturation_bits}>"

    @property
    def plain(self) -> FixedType:
        """The type without modes."""
        return FixedType(self.width, self.integer, self.signed)

    def acting(self, low: int, high: int, fraction: int) -> FixedType | None:
        """What a cast of values to this precision is.

        Args:
            low, high: bounds of the values, stored integers with ``fraction`` fractional bits.
            fraction: see above.

        Returns:
            The type to cast to, with "TRN" where nothing is rounded and "WRAP" where nothing overflows; None where no value changes.

        Raises:
            UnsupportedError: a mode acts that :class:`FixedType` does not have, or in a type of more than 62 bits.
        """
        plain = self.plain
        lost = fraction - plain.fraction
        rounds = lost > 0
        bounds = (low >> lost, -(-high >> lost)) if rounds else (low << -lost, high << -lost)
        lowest = plain.low + (self.signed and self.overflow == "SAT_SYM")
        overflows = bounds[0] < lowest or bounds[1] > plain.high
        if not rounds and not overflows:
            return None
        for mode, acts, known in ((self.rounding, rounds, ROUNDINGS), (self.overflow, overflows, OVERFLOWS)):
            if acts and mode not in known:
                raise UnsupportedError(f"{self.where} is {self}, whose mode {mode} acts on some value", expected=" or ".join(known))
        if overflows and self.saturation_bits:
            raise UnsupportedError(f"{self.where} is {self}, which keeps bits where it wraps", expected="0 saturation bits")
        if self.width > WIDEST:
            raise UnsupportedError(f"{self.where} is {self}, which changes some values", expected=f"at most {WIDEST} bits")
        rounding, overflow = self.rounding if rounds else "TRN", self.overflow if overflows else "WRAP"
        return FixedType(self.width, self.integer, self.signed, rounding, overflow)


def read_precision(precision: Any, where: str) -> Precision:
    """A precision of an hls4ml graph.

    Args:
        precision: hls4ml's object.
        where: the layer and what of it, for messages.

    Raises:
        UnsupportedError: numbers other than fixed-point ones and integers.
    """
    if not is_kind(precision, "Fixed") and not is_kind(precision, "Integer"):
        raise UnsupportedError(f"{where} is of hls4ml's {type(precision).__name__}", expected="a fixed-point type or an integer")
    rounding, overflow = precision.rounding_mode.name, precision.saturation_mode.name
    bits = int(precision.saturation_bits or 0)
    return Precision(where, int(precision.width), int(precision.integer), bool(precision.signed), rounding, overflow, bits)
