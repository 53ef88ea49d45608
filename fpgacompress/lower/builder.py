"""Collects the nodes of an integer network while a model is walked, with the exact range of every edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..integer.intervals import Range, exact_type, propagate, sum_fraction
from ..integer.network import IntegerNetwork, Node, Tensor
from ..integer.types import FixedType
from ..registry import Registry


class Builder:
    """An integer network under construction. Nodes are added in topological order; every method returns the new node's name.

    Args:
        name: name of the model.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: dict[str, Node] = {}
        self._ranges: dict[str, Range] = {}

    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def _add(self, node: Node) -> str:
        sources = [self._ranges[i] for i in node.inputs]
        range_ = propagate(node, sources, [self[i].out for i in node.inputs])
        self._nodes[node.name], self._ranges[node.name] = node, range_
        return node.name

    def free_name(self, wanted: str) -> str:
        """``wanted``, or ``wanted_2``, ``wanted_3`` when it is taken."""
        name, count = wanted, 1
        while name in self._nodes:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def input(self, name: str, type: FixedType, shape: tuple[int, ...]) -> str:
        """The network's input: whatever ``type`` can hold."""
        return self._add(Node(name, "input", (), type, shape))

    def weighted(
        self,
        name: str,
        op: str,
        source: str,
        shape: tuple[int, ...],
        kernel: Tensor,
        bias: Tensor | None,
        params: dict[str, Any] | None = None,
    ) -> str:
        """A dense or convolution layer; its result gets the smallest type that no input can overflow."""
        fraction = sum_fraction(self[source].out, kernel, bias)
        draft = Node(name, op, (source,), FixedType(62, 62 - fraction), shape, kernel, bias, params or {})
        out = exact_type(propagate(draft, [self._ranges[source]], [self[source].out]), fraction)
        return self._add(Node(name, op, (source,), out, shape, kernel, bias, params or {}))

    def quantize(self, name: str, source: str, type: FixedType) -> str:
        """A cast to ``type``."""
        return self._add(Node(self.free_name(name), "quantize", (source,), type, self[source].shape))

    def same_type(self, name: str, op: str, source: str, shape: tuple[int, ...], params: dict[str, Any] | None = None) -> str:
        """An operation whose result has its input's type (pooling, reshaping)."""
        return self._add(Node(name, op, (source,), self[source].out, shape, params=params or {}))

    def add(self, name: str, sources: list[str]) -> str:
        """Exact sum of equal shapes."""
        fraction = max(self[s].out.fraction for s in sources)
        draft = Node(name, "add", tuple(sources), FixedType(62, 62 - fraction), self[sources[0]].shape)
        out = exact_type(propagate(draft, [self._ranges[s] for s in sources], [self[s].out for s in sources]), fraction)
        return self._add(Node(name, "add", tuple(sources), out, self[sources[0]].shape))

    def network(self) -> IntegerNetwork:
        """The finished network."""
        return IntegerNetwork(self.name, tuple(self._nodes.values()))


Rule = Callable[[Any, list[str], Builder], str]
"""Lowers one Keras layer: (layer, names of the nodes it reads, builder) -> name of the node that is its result."""

layers: Registry[Rule] = Registry("layer rule", package="fpgacompress.lower.layers", group="fpgacompress.lower")
"""Rules by class name of the Keras layer."""
