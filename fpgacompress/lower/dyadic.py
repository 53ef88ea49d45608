"""Real numbers that float arithmetic delivered, as exact stored integers of the smallest fixed-point type."""

from __future__ import annotations

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import Tensor
from ..integer.types import FixedType

WIDEST = 32
"""More bits than this in one tensor of constants are refused: no hardware is built that way, something else went wrong."""


def fraction_bits(values: np.ndarray | list[float], where: str) -> int:
    """Fractional bits of the coarsest grid that holds all ``values`` exactly (negative for a grid coarser than 1; 0 when all are zero).

    Raises:
        UnsupportedError: a value is not finite.
    """
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        raise UnsupportedError(f"{where} holds values that are not finite", do="train it again with a smaller learning rate")
    values = values[values != 0]
    if not values.size:
        return 0
    mantissa, exponent = np.frexp(values)
    digits = (mantissa * 2.0**53).astype(np.int64)
    trailing = np.log2((digits & -digits).astype(np.float64)).astype(np.int64)
    return int((53 - exponent - trailing).max())


def smallest_tensor(values: np.ndarray, where: str) -> Tensor:
    """Stored integers of real ``values`` in the smallest type that holds them all exactly.

    Args:
        values: real numbers, any shape.
        where: for messages.

    Raises:
        UnsupportedError: the type would need more than ``WIDEST`` bits.
    """
    values = np.asarray(values, np.float64)
    fraction = fraction_bits(values, where)
    scaled = values * 2.0**fraction
    need = np.log2(np.abs(scaled).max(initial=1)) + 1
    if need > WIDEST:
        raise UnsupportedError(
            f"{where} needs {int(need)} bits to be exact (from {np.abs(values[values != 0]).min():g} to {np.abs(values).max():g}, "
            f"least bit 2**{-fraction})",
            expected=f"at most {WIDEST} bits",
            do="use a quantizer with alpha=1 or alpha='auto_po2', or fewer bits",
        )
    stored = scaled.astype(np.int64)
    return Tensor(stored, FixedType.holding(int(stored.min(initial=0)), int(stored.max(initial=0)), fraction))


def power_of_two(value: float) -> int | None:
    """``k`` where ``value`` is ``2**k``, else None."""
    mantissa, exponent = np.frexp(float(value))
    return int(exponent) - 1 if mantissa == 0.5 else None
