"""A weighted sum and the cast that alone reads it, in one pass: what emulation spends most of its time on."""

from __future__ import annotations

import numpy as np

from ..network import Node
from .base import Apply, Edge, carrier
from .casts import cast_bound, fit_float, round_float
from .weighted import aligned, exact_range, holds_exactly, weighted_sum

_SHORT = 512
"""Rows shorter than this are repeated over the batch: numpy adds equal shapes several times faster than it broadcasts short rows."""


def _over_batch(row: np.ndarray, batch: int) -> np.ndarray:
    """``row`` (n,) for use against (up to ``batch``, n)."""
    return np.tile(row, (batch, 1)) if row.size < _SHORT else row[None]


def sum_with_cast(node: Node, source: Edge, cast: Node, batch: int) -> Apply | None:
    """One function for a weighted node and the ``quantize`` node that alone reads it.

    The cast's power of two is folded into the weights, and only those sides of the range are clipped that the sum can leave.

    Args:
        node: weighted.
        source: its input.
        cast: the ``quantize`` node.
        batch: most samples per call.

    Returns:
        None where the sum is not exact or the pair needs integers beyond floating point.
    """
    if not holds_exactly(node, source):
        return None
    found, partial = exact_range(node, source, node.out.fraction)
    number = carrier(max(partial, source.largest, cast_bound(cast.out, int(found.magnitude.max()), node.out.fraction)))
    if number is np.int64:
        return None
    kernel, bias = (
        a.astype(number) * number(2.0 ** (cast.out.fraction - node.out.fraction))
        for a in aligned(node, source.type.fraction, node.out.fraction)
    )
    if node.op != "dense" or len(node.shape) != 1 or cast.out.overflow == "WRAP":

        def general(inputs: list[np.ndarray]) -> np.ndarray:
            total = weighted_sum(node, inputs[0].astype(number, copy=False), kernel)
            total += bias
            return fit_float(round_float(total, cast.out.rounding), cast.out)

        return general
    bounds = [cast.out.round_shift(bound, node.out.fraction - cast.out.fraction) for bound in (found.low, found.high)]
    added = _over_batch(bias, batch) if bias.any() else None
    low = _over_batch(np.full(node.shape, cast.out.low, number), batch) if bounds[0].min() < cast.out.low else None
    high = _over_batch(np.full(node.shape, cast.out.high, number), batch) if bounds[1].max() > cast.out.high else None

    def dense(inputs: list[np.ndarray]) -> np.ndarray:
        total = inputs[0].astype(number, copy=False) @ kernel
        rows = len(total)
        if added is not None:
            total += added[:rows]
        total = round_float(total, cast.out.rounding)
        if low is not None:
            np.maximum(total, low[:rows], out=total)
        return total if high is None else np.minimum(total, high[:rows], out=total)

    return dense
