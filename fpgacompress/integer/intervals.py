"""Exact ranges by interval analysis over the real integer weights: the smallest accumulators that cannot overflow (numpy only).

Every element of every edge gets its own interval; each operation knows how bounds pass through it (see ``operations``).
"""

from __future__ import annotations

from collections.abc import Mapping

from .network import IntegerNetwork, Node
from .operations import LARGEST, Edge, Range, operation
from .operations.weighted import exact_range, sum_fraction
from .types import FixedType

__all__ = ["LARGEST", "Range", "exact_type", "inexact_in_float32", "partial_sum_bound", "propagate", "ranges", "sum_fraction"]


def propagate(node: Node, sources: list[Range], types: list[FixedType]) -> Range:
    """Range of a node's result from the ranges (and types) of its inputs, in stored integers of ``node.out``.

    Raises:
        UnsupportedError: an unknown operation, or an exact result of more than 62 bits.
    """
    if node.op == "input":
        return Range.of_type(node.out, node.shape)
    return operation(node).propagate(node, [Edge(t, r) for t, r in zip(types, sources, strict=True)])


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
    """No partial sum of a weighted layer, in any order, exceeds this in magnitude (in least bits of the exact sum)."""
    return exact_range(node, Edge(source_type, source), sum_fraction(source_type, node.kernel, node.bias))[1]


def inexact_in_float32(network: IntegerNetwork, found: Mapping[str, Range] | None = None) -> dict[str, int]:
    """Layers whose values may need more than the 24 bits of float32 (TensorFlow), where QKeras rounds and integers do not: name to bits.

    Sums count with every partial sum; casts with the finer of both binary points, since QKeras computes ``x + (q - x)``.
    """
    found = found or ranges(network)
    result = {}
    for node in network.nodes:
        if node.kernel is None and node.op not in ("quantize", "quantize_each"):
            continue
        source = network.node(node.inputs[0])
        if node.kernel is not None:
            bound = partial_sum_bound(node, found[source.name], source.out)
        else:
            bound = int(found[source.name].magnitude.max()) << max(node.out.fraction - source.out.fraction, 0)
        if bound > 2**24:
            result[node.name] = bound.bit_length()
    return result
