"""Products of inputs and weights: how wide they are, and how they join a sum."""

from __future__ import annotations

import numpy as np

from ....integer import FixedType


def weight_bits(values: np.ndarray) -> int:
    """Bits, sign included, of the widest of some weights (stored integers)."""
    return FixedType.holding(min(int(values.min()), -1), int(values.max()), 0).width


def product_bits(kind: FixedType, weight: int) -> int:
    """Bits of a signed product of an input of type ``kind`` and a weight of so many bits."""
    return kind.width + int(not kind.signed) + weight


def signed(value: str, kind: FixedType) -> str:
    """A Verilog expression as a signed number."""
    return f"$signed({value})" if kind.signed else f"$signed({{1'b0, {value}}})"


def summand(signal: str, low: int, bits: int, width: int, shift: int) -> tuple[str, str]:
    """A product as a summand in two's complement.

    Args:
        signal: that holds it.
        low: its lowest bit there.
        bits: of the product.
        width: of the sum.
        shift: bits of the sum below the product's.

    Returns:
        The expression, and the product's bits that the sum has no room for (empty where it has).
    """
    top, room = low + bits - 1, width - shift
    kept = min(bits, room)
    fill = f"{{{room - kept}{{{signal}[{top}]}}}}, " if room > kept else ""
    zeros = f", {shift}'b0" if shift else ""
    return f"{{{fill}{signal}[{low + kept - 1}:{low}]{zeros}}}", f"{signal}[{top}:{low + kept}]" if kept < bits else ""
