"""Pooling: maximum, exact sum, and average with one stated rounding."""

from __future__ import annotations

import numpy as np

from ..network import Node
from ..types import FixedType
from ..windows import pooled_maximum, pooled_sum, window_counts
from .base import Apply, Edge, Operation, Range, carrier, guarded, monotone


def _window(node: Node) -> tuple[list[int], list[int], str]:
    return node.params["pool_size"], node.params["strides"], node.params["padding"]


def _maximum(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return pooled_maximum(inputs[0], *_window(node), types[0].low)


def _maximum_growth(node: Node, edges: list[Edge]) -> int:
    return max(edges[0].largest, -edges[0].type.low)


def _sum(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return pooled_sum(inputs[0], *_window(node))


def _sum_growth(node: Node, edges: list[Edge]) -> int:
    return edges[0].largest * int(np.prod(node.params["pool_size"]))


def rounded_quotient(total: np.ndarray, divisor: np.ndarray, rounding: str) -> np.ndarray:
    """``total / divisor`` rounded to integers by "TRN" (floor), "RND" (half up) or "RND_CONV" (half to even), exactly.

    Args:
        total: int64, magnitude below 2**61.
        divisor: positive int64, broadcast against ``total``.
    """
    floor = total // divisor
    if rounding == "TRN":
        return floor
    twice = 2 * (total - floor * divisor)
    up = twice >= divisor if rounding == "RND" else (twice > divisor) | ((twice == divisor) & (floor & 1 == 1))
    return floor + up


def _average(node: Node, total: np.ndarray, counts: np.ndarray, up: int) -> np.ndarray:
    """Sums (int64) of values with ``up`` fractional bits less than the result's -> stored results."""
    total = total << max(up, 0)
    return node.out.fit(rounded_quotient(total, counts << max(-up, 0), node.out.rounding))


def _average_growth(node: Node, edges: list[Edge]) -> int:
    up = node.out.fraction - edges[0].type.fraction
    return (_sum_growth(node, edges) << max(up, 0)) + (int(np.prod(node.params["pool_size"])) << max(-up, 0))


def _counts(node: Node, edges: list[Edge]) -> np.ndarray:
    return window_counts(edges[0].range.low.shape[:-1], *_window(node))


def _propagate_average(node: Node, edges: list[Edge]) -> Range:
    guarded(node, _average_growth(node, edges))
    source, up = edges[0], node.out.fraction - edges[0].type.fraction
    sums = [pooled_sum(bound[None], *_window(node))[0] for bound in (source.range.low, source.range.high)]
    counts = _counts(node, edges)
    if node.out.overflow == "WRAP":
        low, high = (rounded_quotient(s << max(up, 0), counts << max(-up, 0), node.out.rounding) for s in sums)
        if low.min() < node.out.low or high.max() > node.out.high:
            return Range.of_type(node.out, node.shape)
    low, high = (_average(node, s, counts, up) for s in sums)
    return Range(low, high)


def _prepare_average(node: Node, edges: list[Edge], own: Range) -> Apply:
    counts, up = _counts(node, edges), node.out.fraction - edges[0].type.fraction
    number = carrier(_sum_growth(node, edges))
    return lambda inputs: _average(node, pooled_sum(inputs[0].astype(number, copy=False), *_window(node)).astype(np.int64), counts, up)


OPERATIONS = {
    "maxpool": monotone(_maximum, _maximum_growth),
    "sumpool": monotone(_sum, _sum_growth),
    "avgpool": Operation(_propagate_average, _prepare_average),
}
