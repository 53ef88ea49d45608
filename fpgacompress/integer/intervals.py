"""Exact ranges by interval analysis over the real integer weights: the smallest accumulators that cannot overflow (numpy only).

Every element of every edge gets its own interval of stored integers. For a weighted sum ``y = W^T x + b`` with ``x_i`` in ``[l_i, h_i]``
the bounds ``W+^T l + W-^T h + b`` and ``W+^T h + W-^T l + b`` are reached by some input when the ``x_i`` are independent
(R. E. Moore, "Interval Analysis", 1966, section 2), so for the first layer they are tight; later layers stay sound.

Only the final value of a sum must fit its type: two's complement addition that wraps in between still ends in the right value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedError
from .linear import WEIGHTED, aligned, weighted_sum
from .network import IntegerNetwork, Node, Tensor
from .types import FixedType
from .windows import pooled_maximum

LARGEST = 2**61
"""Stored integers and their sums must stay below this, so that int64 computes them."""


@dataclass(frozen=True)
class Range:
    """Element-wise bounds of one edge: stored integers (int64) of the edge's type, arrays of the sample's shape."""

    low: np.ndarray
    high: np.ndarray

    @property
    def magnitude(self) -> np.ndarray:
        """Largest absolute value per element."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest stored integer over all elements."""
        return int(self.low.min()), int(self.high.max())

    @classmethod
    def of_type(cls, type: FixedType, shape: tuple[int, ...]) -> Range:
        """Everything a type can hold."""
        return cls(np.full(shape, type.low, np.int64), np.full(shape, type.high, np.int64))


def sum_fraction(source: FixedType, kernel: Tensor, bias: Tensor | None) -> int:
    """Fractional bits that hold products and bias exactly."""
    product = source.fraction + kernel.type.fraction
    return product if bias is None else max(product, bias.type.fraction)


def _weighted(node: Node, source: Range, fraction: int) -> Range:
    kernel, bias = aligned(node, fraction)
    largest = weighted_sum(node, source.magnitude[None].astype(np.float64), np.abs(kernel).astype(np.float64))
    if float(largest.max()) + float(np.abs(bias).max()) >= LARGEST:
        raise UnsupportedError(
            f"layer '{node.name}': the exact sum needs more than 62 bits",
            expected="weights, bias and activations whose exact sum fits 62 bits",
            do="use fewer fractional bits in the quantizers of this layer or of its input",
        )
    plus, minus = np.maximum(kernel, 0), np.minimum(kernel, 0)
    low = weighted_sum(node, source.low[None], plus) + weighted_sum(node, source.high[None], minus) + bias
    high = weighted_sum(node, source.high[None], plus) + weighted_sum(node, source.low[None], minus) + bias
    return Range(low[0], high[0])


def _quantized(node: Node, source: Range, fraction: int) -> Range:
    low, high = (node.out.round_shift(v, fraction - node.out.fraction) for v in (source.low, source.high))
    if node.out.overflow == "WRAP" and (low.min() < node.out.low or high.max() > node.out.high):
        return Range.of_type(node.out, node.shape)
    return Range(node.out.fit(low), node.out.fit(high))


def propagate(node: Node, sources: list[Range], types: list[FixedType]) -> Range:
    """Range of a node's result from the ranges (and types) of its inputs, in stored integers of ``node.out``'s fraction.

    Raises:
        UnsupportedError: the exact result needs more than 62 bits.
    """
    if node.op == "input":
        return Range.of_type(node.out, node.shape)
    first = sources[0]
    if node.op in WEIGHTED:
        return _weighted(node, first, types[0].fraction)
    if node.op == "quantize":
        return _quantized(node, first, types[0].fraction)
    if node.op in ("flatten", "reshape"):
        return Range(first.low.reshape(node.shape), first.high.reshape(node.shape))
    if node.op == "maxpool":
        pool = (node.params["pool_size"], node.params["strides"], node.params["padding"], -LARGEST)
        return Range(pooled_maximum(first.low[None], *pool)[0], pooled_maximum(first.high[None], *pool)[0])
    if node.op == "add":
        low = sum(s.low << (node.out.fraction - t.fraction) for s, t in zip(sources, types, strict=True))
        high = sum(s.high << (node.out.fraction - t.fraction) for s, t in zip(sources, types, strict=True))
        return Range(np.asarray(low), np.asarray(high))
    raise UnsupportedError(f"layer '{node.name}': no interval rule for operation '{node.op}'")


def ranges(network: IntegerNetwork) -> dict[str, Range]:
    """Range of every node's result, by name."""
    found: dict[str, Range] = {}
    types = {n.name: n.out for n in network.nodes}
    for node in network.nodes:
        found[node.name] = propagate(node, [found[i] for i in node.inputs], [types[i] for i in node.inputs])
    return found


def exact_type(range_: Range, fraction: int) -> FixedType:
    """The smallest type with ``fraction`` fractional bits that holds every value of ``range_``."""
    return FixedType.holding(*range_.bounds, fraction)


def partial_sum_bound(node: Node, source: Range, source_type: FixedType) -> int:
    """No partial sum of the layer, in any order, exceeds this in magnitude (stored integers of the result's fraction)."""
    kernel, bias = aligned(node, source_type.fraction)
    total = weighted_sum(node, source.magnitude[None], np.abs(kernel)) + np.abs(bias)
    return int(total.max())


def inexact_in_float32(network: IntegerNetwork, found: Mapping[str, Range] | None = None) -> dict[str, int]:
    """Layers whose sums may pass 2**24 least bits, where float32 (TensorFlow) rounds and integers do not: name to bits needed."""
    found = found or ranges(network)
    result = {}
    for node in network.weighted:
        source = network.node(node.inputs[0])
        bits = partial_sum_bound(node, found[source.name], source.out).bit_length()
        if bits > 24:
            result[node.name] = bits
    return result
