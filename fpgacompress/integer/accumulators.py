"""What each accumulator needs, against what it gets and against the usual ``fixed<16,6>`` (numpy only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedError
from .intervals import exact_type, propagate, ranges
from .network import IntegerNetwork, Node
from .operations import Edge, Range
from .operations.weighted import exact_range, holds_exactly, sum_fraction
from .types import FixedType

USUAL = FixedType(16, 6)
"""hls4ml's default precision for everything (``hls4ml.utils.config_from_keras_model``, ``default_precision``)."""


@dataclass(frozen=True)
class Accumulator:
    """One weighted layer's accumulator.

    Attributes:
        layer: name.
        exact: the smallest type that no input can overflow and that rounds nothing.
        used: the type the network gives it.
        low, high: bounds of the exact sum, real values.
        holds: True when ``used`` computes every sum exactly.
        usual: the type compared with.
        usual_overflows: True when some input may leave the range of ``usual``.
        usual_lost_bits: fractional bits of the exact sum that ``usual`` cuts off.
    """

    layer: str
    exact: FixedType
    used: FixedType
    low: float
    high: float
    holds: bool
    usual: FixedType
    usual_overflows: bool
    usual_lost_bits: int

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, types as text."""
        return {k: str(v) if isinstance(v, FixedType) else v for k, v in vars(self).items()}


def accumulators(network: IntegerNetwork, usual: FixedType = USUAL) -> list[Accumulator]:
    """One row per weighted layer, in order.

    Args:
        network: the network.
        usual: type to compare with.
    """
    found, rows = ranges(network), []
    for node in network.weighted:
        source = network.node(node.inputs[0])
        edge = Edge(source.out, found[source.name])
        fraction = sum_fraction(source.out, node.kernel, node.bias)
        sums, _ = exact_range(node, edge, fraction)
        exact = exact_type(sums, fraction)
        low, high = (bound * exact.lsb for bound in sums.bounds)
        rows.append(
            Accumulator(
                node.name,
                exact,
                node.out,
                low,
                high,
                holds_exactly(node, edge),
                usual,
                low < usual.minimum or high > usual.maximum,
                max(exact.fraction - usual.fraction, 0),
            )
        )
    return rows


_KEEPS_ITS_TYPE = ("flatten", "reshape", "permute", "zeropad", "upsample", "maxpool")
_STATED = ("quantize", "quantize_each", "avgpool", "threshold")


def _retyped(node: Node, sources: list[Node], found: dict[str, Range]) -> Node:
    """The node behind changed inputs: its type follows them where it is not stated."""
    if node.op in _STATED:
        return node
    if node.op in _KEEPS_ITS_TYPE:
        return replace(node, out=sources[0].out)
    if node.op == "clip" and sources[0].out.fraction == node.out.fraction:
        return node
    if node.op == "clip":
        raise UnsupportedError(
            f"the accumulator in front of layer '{node.name}' (clip) cannot be narrowed", do="choose an accumulator elsewhere"
        )
    first = sources[0].out
    if node.kernel is not None:
        fraction = sum_fraction(first, node.kernel, node.bias)
    else:
        fraction = max(s.out.fraction for s in sources) + {"leaky_relu": 1, "shift": -1}.get(node.op, 0) * node.params.get("shift", 0)
    draft = replace(node, out=FixedType(62, 62 - fraction))
    return replace(node, out=exact_type(propagate(draft, [found[s.name] for s in sources], [s.out for s in sources]), fraction))


def with_accumulators(network: IntegerNetwork, types: Mapping[str, FixedType]) -> IntegerNetwork:
    """The network with accumulators of the given types; emulation rounds, wraps and saturates in them as hls4ml's C++ does.

    Args:
        network: the network.
        types: layer name to type, for example ``{"fc1": FixedType(16, 6)}`` (wraps) or ``FixedType.parse("fixed<12,5,TRN,SAT>")``.

    Raises:
        ModelError: a name that is no weighted layer, or a type of more than 62 bits, which int64 could not wrap.
        UnsupportedError: a layer directly behind needs the exact type.
    """
    known = [n.name for n in network.weighted]
    unknown = sorted(set(types) - set(known))
    if unknown:
        raise ModelError(f"an accumulator type is given for '{unknown[0]}'", expected=f"one of {', '.join(known)}")
    for name, kind in types.items():
        if kind.width > 62:
            raise ModelError(f"layer '{name}' is given the accumulator {kind}", expected="at most 62 bits")
    before, found = ranges(network), dict[str, Range]()
    nodes: dict[str, Node] = {}
    changed: set[str] = set()
    for node in network.nodes:
        sources = [nodes[i] for i in node.inputs]
        if node.name in types:
            new = replace(node, out=types[node.name])
        elif changed.intersection(node.inputs) and not _narrowed_already(network, node, before):
            new = _retyped(node, sources, found)
        else:
            new = node
        nodes[node.name] = new
        found[node.name] = propagate(new, [found[i] for i in node.inputs], [s.out for s in sources])
        if new.out != node.out or not _equal(found[node.name], before[node.name]):
            changed.add(node.name)  # a wrapped sum may reach further than the exact one, and so may everything behind it
    return IntegerNetwork(network.name, tuple(nodes.values()))


def _equal(a: Range, b: Range) -> bool:
    return np.array_equal(a.low, b.low) and np.array_equal(a.high, b.high)


def _narrowed_already(network: IntegerNetwork, node: Node, found: Mapping[str, Range]) -> bool:
    if node.kernel is None:
        return False
    return not holds_exactly(node, Edge(network.node(node.inputs[0]).out, found[node.inputs[0]]))
