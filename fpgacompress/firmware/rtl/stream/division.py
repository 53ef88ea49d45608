"""Averages of any number of elements as a multiplication by a constant and a shift, exact for every sum that can come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....errors import UnsupportedError
from ....integer import FixedType, Node, Tensor

MOST = 2**24
"""Different sums for which the constant is tried."""


def averaged(node: Node, source: FixedType, low: int, high: int, elements: int, channels: int) -> list[Node]:
    """Operations from sums to the averages of ``node``, one behind the other: a scale, a shift and a cast.

    A sum t becomes ``floor((t * a + b) / 2**s)``, with the least s for which that is the rounded quotient for all t. Where half to even may meet a
    tie, it is the quotient's floor with so many more bits that only ties look like ties, and the cast rounds.

    Args:
        node: the pooling; its type says how the quotient is rounded.
        source: type of the sums.
        low, high: the least and the largest sum, stored integers.
        elements: of a window.
        channels: sums of a beat.

    Raises:
        UnsupportedError: too many different sums.
    """
    up = node.out.fraction - source.fraction
    times, divisor, rounding = 1 << max(up, 0), elements << max(-up, 0), node.out.rounding
    more = divisor.bit_length() if rounding == "RND_CONV" and divisor % 2 == 0 else 0
    if more or rounding == "TRN":
        a, b, divided, rounding = times << more, 0, divisor, "TRN"
    else:
        a, b, divided = 2 * times, divisor, 2 * divisor
    away = max(0, -(low * a + b)) // divided + 1  # so that all numerators are positive
    factor, shift = _factor(node, low, high, a, b + away * divided, divided)
    offset = (b + away * divided) * factor - (away << shift)
    kernel = Tensor(np.full(channels, a * factor), FixedType.holding(0, a * factor, 0))
    bias = Tensor(np.full(channels, offset), FixedType.holding(min(offset, 0), max(offset, 0), source.fraction))
    places = shift + up + more  # the quotient's integers are those of the result, with the further bits below
    wide = FixedType(62, 62 - source.fraction)
    last = replace(node.out, rounding="TRN")
    found = [
        Node(f"{node.name}_scaled", "scale", (), wide, (channels,), kernel, bias),
        Node(f"{node.name}_shifted", "shift", (), replace(wide, integer=wide.integer - places), (channels,), params={"shift": -places}),
    ]
    if more:
        quotient = [int(bound) * a // divided for bound in (low, high)]
        floor = FixedType.holding(min(quotient), max(quotient), node.out.fraction + more)
        found.append(Node(f"{node.name}_floor", "quantize", (), floor, (channels,)))
        last = node.out
    return [*found, Node(node.name, "quantize", (), last, (channels,))]


def _factor(node: Node, low: int, high: int, a: int, b: int, divided: int) -> tuple[int, int]:
    """Factor and shift that divide ``t * a + b`` by ``divided``, rounded down, for all sums t."""
    largest = high * a + b
    if high - low < MOST and largest < 2**61:
        numerators = np.arange(low, high + 1) * a + b
        for shift in range(62 - largest.bit_length()):
            factor = -(-(1 << shift) // divided)
            if factor * largest < 2**61 and np.array_equal(numerators * factor >> shift, numerators // divided):
                return factor, shift
    raise UnsupportedError(
        f"layer '{node.name}': averages of {high - low + 1:,} different sums in a stream", expected=f"fewer than {MOST:,}, within 62 bits"
    )
