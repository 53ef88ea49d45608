"""Collects the nodes of an integer network while a model is walked, with the exact range of every edge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UnsupportedError
from ..integer.intervals import Range, exact_type, propagate, sum_fraction
from ..integer.network import IntegerNetwork, Node, Tensor
from ..integer.types import FixedType
from ..registry import Registry

_WIDE = 62


@dataclass(frozen=True)
class Average:
    """An average that waits for the type it is rounded to.

    Attributes:
        layer: name of the pooling layer, for messages.
        source: node that is averaged.
        pooled: shape behind the pooling.
        shape: shape the layer delivers (other than ``pooled`` for global pooling without ``keepdims``).
        params: of the ``avgpool`` node.
    """

    layer: str
    source: str
    pooled: tuple[int, ...]
    shape: tuple[int, ...]
    params: dict[str, Any]


class Builder:
    """An integer network under construction. Nodes are added in topological order; every method returns the new node's name.

    A name that is taken gets ``_2``, ``_3`` behind it. The result of an operation without a stated type gets the smallest one that holds
    every value it can have.

    Args:
        name: name of the model.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: dict[str, Node] = {}
        self._ranges: dict[str, Range] = {}
        self._averages: dict[str, Average] = {}
        self._prefix = ""

    def __getitem__(self, name: str) -> Node:
        if name in self._averages:
            raise UnsupportedError(
                f"layer '{self._averages[name].layer}' divides by a number that is no power of two, and nothing says how to round",
                expected="an activation quantizer that reads the average",
                do="put a QActivation such as QActivation('quantized_bits(8,2,alpha=1)') directly after it",
            )
        return self._nodes[name]

    def range(self, name: str) -> Range:
        """What a node's result can be, element by element."""
        return self._ranges[self[name].name]

    def _propagate(self, node: Node) -> Range:
        return propagate(node, [self._ranges[s] for s in node.inputs], [self[s].out for s in node.inputs])

    def _keep(self, node: Node, range_: Range) -> str:
        self._nodes[node.name], self._ranges[node.name] = node, range_
        return node.name

    def _add(self, name: str, op: str, sources: list[str], out: FixedType, shape: tuple[int, ...], **parts: Any) -> str:
        node = Node(self.free_name(name), op, tuple(sources), out, shape, **parts)
        return self._keep(node, self._propagate(node))

    def _smallest(self, name: str, op: str, sources: list[str], fraction: int, shape: tuple[int, ...], **parts: Any) -> str:
        """A node with ``fraction`` fractional bits and the smallest type that holds its result."""
        draft = Node(self.free_name(name), op, tuple(sources), FixedType(_WIDE, _WIDE - fraction), shape, **parts)
        range_ = self._propagate(draft)
        return self._keep(replace(draft, out=exact_type(range_, fraction)), range_)

    @contextlib.contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Nodes made inside are called ``<name>_<layer>``: the layers of a model inside the model."""
        outer, self._prefix = self._prefix, f"{self._prefix}{name}_"
        try:
            yield
        finally:
            self._prefix = outer

    def free_name(self, wanted: str) -> str:
        """``wanted`` (with the name of the model it is in), or the same with ``_2``, ``_3`` when it is taken."""
        wanted = name = self._prefix + wanted
        count = 1
        while name in self._nodes:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def input(self, name: str, type: FixedType, shape: tuple[int, ...]) -> str:
        """The network's input: whatever ``type`` can hold."""
        return self._add(name, "input", [], type, shape)

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
        """A dense, convolution or ``scale`` layer; its result gets the smallest type that no input can overflow."""
        fraction = sum_fraction(self[source].out, kernel, bias)
        return self._smallest(name, op, [source], fraction, shape, kernel=kernel, bias=bias, params=params or {})

    def quantize(self, name: str, source: str, type: FixedType) -> str:
        """A cast to ``type``."""
        return self._add(name, "quantize", [source], type, self[source].shape)

    def quantize_each(self, name: str, source: str, type: FixedType, bits: list[Any], integer: list[Any]) -> str:
        """A cast of each element to a type of its own, ``type`` holding them all."""
        return self._add(name, "quantize_each", [source], type, self[source].shape, params={"bits": bits, "integer": integer})

    def relu(self, name: str, source: str) -> str:
        """x where x > 0, else 0: a cast to the unsigned type that holds every positive value."""
        held = FixedType.holding(0, max(self.range(source).bounds[1], 0), self[source].out.fraction)
        return self.quantize(name, source, FixedType(held.width, held.integer, False, "TRN", "SAT"))

    def finer(self, name: str, source: str, fraction: int) -> str:
        """The same values with at least ``fraction`` fractional bits."""
        out = self[source].out
        if out.fraction >= fraction:
            return source
        return self.quantize(f"{name}_finer", source, FixedType(out.integer + fraction, out.integer, out.signed))

    def same_type(self, name: str, op: str, source: str, shape: tuple[int, ...], params: dict[str, Any] | None = None) -> str:
        """An operation whose result has its input's type (pooling, reshaping)."""
        return self._add(name, op, [source], self[source].out, shape, params=params or {})

    def clip(self, name: str, source: str, low: int, high: int) -> str:
        """Values brought into ``low`` to ``high``, stored integers of the source's fraction."""
        return self._smallest(
            name, "clip", [source], self[source].out.fraction, self[source].shape, params={"low": int(low), "high": int(high)}
        )

    def leaky_relu(self, name: str, source: str, shift: int) -> str:
        """x where x >= 0, else ``x * 2**-shift``, exact."""
        return self._smallest(name, "leaky_relu", [source], self[source].out.fraction + shift, self[source].shape, params={"shift": shift})

    def shift(self, name: str, source: str, shift: int) -> str:
        """``x * 2**shift``: the same stored integers."""
        out = self[source].out
        moved = FixedType(out.width, out.integer + shift, out.signed)
        return self._add(name, "shift", [source], moved, self[source].shape, params={"shift": shift})

    def threshold(self, name: str, source: str, thresholds: list[int], values: list[int], fraction: int) -> str:
        """``values[number of thresholds <= x]``; values with ``fraction`` fractional bits."""
        params = {"thresholds": thresholds, "values": values}
        return self._smallest(name, "threshold", [source], fraction, self[source].shape, params=params)

    def sumpool(self, name: str, source: str, shape: tuple[int, ...], params: dict[str, Any]) -> str:
        """Exact sum over windows."""
        return self._smallest(name, "sumpool", [source], self[source].out.fraction, shape, params=params)

    def avgpool(self, name: str, source: str, shape: tuple[int, ...], params: dict[str, Any], out: FixedType) -> str:
        """Average over windows, rounded once, to ``out``."""
        return self._add(name, "avgpool", [source], out, shape, params=params)

    def exact_avgpool(self, name: str, source: str, shape: tuple[int, ...], params: dict[str, Any], bits: int) -> str:
        """Average over windows of up to ``2**bits`` elements, all powers of two."""
        return self._smallest(name, "avgpool", [source], self[source].out.fraction + bits, shape, params=params)

    def await_rounding(self, average: Average) -> str:
        """An average whose reader must say how to round: nothing but an activation quantizer can use the name that is returned."""
        self[average.source]
        name = f"average {len(self._averages)} of {average.layer}"
        self._averages[name] = average
        return name

    def awaiting(self, name: str) -> Average | None:
        """The average behind a name, if it waits for its rounding."""
        return self._averages.get(name)

    def add(self, name: str, sources: list[str]) -> str:
        """Exact sum of equal shapes."""
        return self._smallest(name, "add", sources, max(self[s].out.fraction for s in sources), self[sources[0]].shape)

    def concatenate(self, name: str, sources: list[str], shape: tuple[int, ...], axis: int) -> str:
        """Inputs joined along ``axis`` of the sample."""
        return self._smallest(name, "concatenate", sources, max(self[s].out.fraction for s in sources), shape, params={"axis": axis})

    def network(self, output: str | None = None) -> IntegerNetwork:
        """The finished network; ``output`` is the name of its last node (checked when given)."""
        last = self[output or next(reversed(self._nodes))].name
        assert last == next(reversed(self._nodes)), "depth-first order ends at the output"
        return IntegerNetwork(self.name, tuple(self._nodes.values()))


Rule = Callable[[Any, list[str], Builder], str]
"""Lowers one Keras layer: (layer, names of the nodes it reads, builder) -> name of the node that is its result."""

layers: Registry[Rule] = Registry("layer rule", package="fpgacompress.lower.layers", group="fpgacompress.lower")
"""Rules by class name of the Keras layer."""
