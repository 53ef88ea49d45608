"""Fixed-point types: the value type of every edge and every weight of an integer network (numpy only)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

ROUNDINGS = ("TRN", "RND", "RND_CONV")
OVERFLOWS = ("WRAP", "SAT", "SAT_SYM")


@dataclass(frozen=True)
class FixedType:
    """A fixed-point type in the convention of ``ap_fixed`` (AMD UG1399, "Arbitrary Precision Fixed-Point Data Types").

    A stored integer ``n`` stands for ``n * 2**-fraction`` with ``fraction = width - integer``.

    Attributes:
        width: total bits, sign included.
        integer: bits left of the binary point, sign included; may be negative or larger than ``width``.
        signed: two's complement when True.
        rounding: what happens to bits below the least one: "TRN" (floor), "RND" (half up) or "RND_CONV" (half to even).
        overflow: what happens outside the range: "WRAP", "SAT", or "SAT_SYM" (saturate to the symmetric range).
    """

    width: int
    integer: int
    signed: bool = True
    rounding: str = "TRN"
    overflow: str = "WRAP"

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"a fixed-point type needs at least 1 bit, got {self.width}")
        if self.rounding not in ROUNDINGS or self.overflow not in OVERFLOWS:
            raise ValueError(f"unknown rounding or overflow in {self!r}; known: {ROUNDINGS}, {OVERFLOWS}")

    @property
    def fraction(self) -> int:
        """Bits right of the binary point (negative when the least bit is worth more than 1)."""
        return self.width - self.integer

    @property
    def lsb(self) -> float:
        """Value of the least significant bit."""
        return 2.0**-self.fraction

    @property
    def low(self) -> int:
        """Smallest stored integer."""
        if not self.signed:
            return 0
        return -(2 ** (self.width - 1)) + (1 if self.overflow == "SAT_SYM" else 0)

    @property
    def high(self) -> int:
        """Largest stored integer."""
        return 2 ** (self.width - int(self.signed)) - 1

    @property
    def minimum(self) -> float:
        """Smallest value."""
        return self.low * self.lsb

    @property
    def maximum(self) -> float:
        """Largest value."""
        return self.high * self.lsb

    def round_shift(self, n: np.ndarray, shift: int) -> np.ndarray:
        """``n / 2**shift`` rounded to integers by this type's rounding, exactly (int64 in, int64 out; negative shift multiplies).

        Exact for ``|n| < 2**61`` and results below ``2**62``.
        """
        n = np.asarray(n, np.int64)
        if shift <= 0:
            return n << -shift
        shift = min(shift, 62)  # beyond, the result is the same and int64 shifts are not defined
        floor = n >> shift
        if self.rounding == "TRN":
            return floor
        rest = n - (floor << shift)
        half = np.int64(1) << (shift - 1)
        up = rest >= half if self.rounding == "RND" else (rest > half) | ((rest == half) & (floor & 1 == 1))
        return floor + up

    def fit(self, n: np.ndarray) -> np.ndarray:
        """Stored integers brought into range by this type's overflow mode."""
        n = np.asarray(n, np.int64)
        if self.overflow == "WRAP":
            span = np.int64(1) << self.width
            low = self.low
            return (n - low) % span + low
        return np.clip(n, self.low, self.high)

    def cast(self, n: np.ndarray, fraction: int) -> np.ndarray:
        """Convert stored integers with ``fraction`` fractional bits to this type, as an assignment between ``ap_fixed`` does."""
        n, up = np.asarray(n, np.int64), self.fraction - fraction
        if up <= 0:
            return self.fit(self.round_shift(n, -up))
        if self.overflow == "WRAP":  # the shift drops high bits, which the wrap would drop as well
            return self.fit(n << up if up < self.width else np.zeros_like(n))
        up = min(up, 62)  # what does not fit before the shift must not leave int64 in it
        return self.fit(np.clip(n, (self.low >> up) - 1, (self.high >> up) + 1) << up)

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """Stored integers (int64) of real values ``x``; exact for float64 inputs below 2**53 least bits.

        Raises:
            ValueError: ``x`` holds NaN, or infinity with overflow mode "WRAP".
        """
        scaled = np.asarray(x, np.float64) * 2.0**self.fraction
        rounded = np.rint(scaled) if self.rounding == "RND_CONV" else np.floor(scaled)
        if self.rounding == "RND":
            rounded = rounded + (scaled - rounded >= 0.5)
        if self.overflow != "WRAP":
            rounded = np.clip(rounded, self.low, self.high)
        if not np.isfinite(rounded).all():
            raise ValueError(f"values that are NaN or infinite cannot be stored as {self}")
        return self.fit(rounded.astype(np.int64))

    def exactly(self, x: np.ndarray) -> np.ndarray:
        """Stored integers (int64) of real values that already lie on this type's grid and in its range.

        Raises:
            ValueError: a value is not finite, lies between two levels, or is out of range; the message gives the first one.
        """
        x = np.asarray(x, np.float64)
        scaled = x * 2.0**self.fraction
        wrong = ~((np.rint(scaled) == scaled) & (scaled >= self.low) & (scaled <= self.high))
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), x.shape)
            raise ValueError(f"value {x[place]!r} at {tuple(map(int, place))} is not one of the levels of {self}")
        return scaled.astype(np.int64)

    def to_float(self, n: np.ndarray) -> np.ndarray:
        """Real values (float64) of stored integers."""
        return np.asarray(n, np.float64) * self.lsb

    def __str__(self) -> str:
        name = "fixed" if self.signed else "ufixed"
        modes = "" if (self.rounding, self.overflow) == ("TRN", "WRAP") else f",{self.rounding},{self.overflow}"
        return f"{name}<{self.width},{self.integer}{modes}>"

    @classmethod
    def parse(cls, text: str) -> FixedType:
        """Read "fixed<8,3>", "ufixed<6,2,RND_CONV,SAT>" or the ``ap_`` forms.

        Raises:
            ValueError: the text is not a fixed-point type.
        """
        match = re.fullmatch(
            r"(?:ap_)?(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*(?:,\s*(?:AP_)?(\w+)\s*)?(?:,\s*(?:AP_)?(\w+)\s*)?>", text.strip()
        )
        if not match:
            raise ValueError(f"'{text}' is not a fixed-point type such as 'fixed<8,3>' or 'ufixed<6,2,RND_CONV,SAT>'")
        unsigned, width, integer, rounding, overflow = match.groups()
        return cls(int(width), int(integer), not unsigned, rounding or "TRN", overflow or "WRAP")

    @classmethod
    def holding(cls, low: int, high: int, fraction: int) -> FixedType:
        """The smallest type with ``fraction`` fractional bits whose stored integers cover ``[low, high]``."""
        signed = low < 0
        need = max(int(high), -int(low) - 1, 0)
        width = max(need.bit_length() + int(signed), 1)
        return cls(width, width - fraction, signed)


def integer_bits_for(low: float, high: float, signed: bool) -> int:
    """Integer bits (sign included when signed) so that values in ``[low, high]`` fit, for at least 1 fractional step of headroom."""
    top = max(abs(low), abs(high), 2.0**-30)
    return math.floor(math.log2(top)) + 1 + int(signed)
