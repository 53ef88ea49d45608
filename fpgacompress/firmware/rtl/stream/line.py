"""One way of a stream under construction: layers become stages, one behind the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf, prod

import numpy as np

from ....errors import UnsupportedError
from ....integer import FixedType, IntegerNetwork, Node, Tensor
from ....integer.intervals import Range, exact_type, propagate
from ....integer.operations import Edge
from ....integer.operations.weighted import DEPTHWISE, holds_exactly
from ....integer.windows import pads_and_shape
from .beats import Beats
from .division import averaged
from .kernel import Kernel
from .reduce import Reduce
from .regroup import Regroup
from .sequential import Sequential
from .sparse import Sparse, rounds_of
from .stage import Link, Stage
from .window import Window

WORTH = 0.7
"""A list of weights that are not zero is worth its indices when it takes at most this share of the multipliers."""

EACH = ("quantize", "quantize_each", "clip", "leaky_relu", "threshold", "shift", "scale")
CONVOLUTIONS = ("conv1d", "conv2d", *DEPTHWISE)
POOLS = ("maxpool", "sumpool", "avgpool")
OPERATIONS = ("dense", *CONVOLUTIONS, *POOLS, *EACH, "flatten", "reshape")
"""What becomes stages of one way."""


@dataclass
class Design:
    """What all ways share.

    Attributes:
        network: as it is.
        found: ranges of its nodes.
        interval: cycles of a sample that a layer computed in turn may take.
        graph_weights: layers of more weights that are not zero are computed in turn.
        levels: of adders between two rows of registers in graphs.
        say: told of layers that take a while.
        links: stages so far.
    """

    network: IntegerNetwork
    found: dict[str, Range]
    interval: int
    graph_weights: int
    levels: int
    say: Callable[[str], None]
    links: list[Link] = field(default_factory=list)

    def name(self, what: str) -> str:
        """Of the next stage."""
        return f"{len(self.links)}_{what}"

    def append(self, stage: Stage, takes: tuple[str, ...], ways: int = 1) -> tuple[str, ...]:
        """One more stage; returns the names of what it gives."""
        gives = tuple(f"s{len(self.links)}{chr(97 + i) if ways > 1 else ''}" for i in range(ways))
        self.links.append(Link(stage, takes, gives))
        return gives


def taps_of(node: Node) -> tuple[int, ...]:
    """Pixels of a window, per spatial axis."""
    return tuple(node.params["pool_size"]) if node.kernel is None else node.kernel.values.shape[:-2]


def pads_of(node: Node, shape: tuple[int, ...]) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Padding of an input of this shape, and the spatial shape of the result."""
    return pads_and_shape(shape[:-1], taps_of(node), node.params["strides"], node.params["padding"], node.params.get("dilation"))


@dataclass
class Line:
    """One way: where it is, and the nodes that its next graph of adders will hold.

    Attributes:
        design: that it belongs to.
        at: beats of the last stage.
        wire: its name.
        lag: beats that have come in before the first one goes out; infinite where beats become fewer.
        pending: nodes of the next graph.
    """

    design: Design
    at: Beats
    wire: str
    lag: float = 0
    pending: list[Node] = field(default_factory=list)

    def add(self, node: Node, shape: tuple[int, ...]) -> None:
        """One more node, which reads a result of shape ``shape``."""
        if node.op in ("flatten", "reshape"):
            return
        if node.op in EACH:
            self._each(node)
        elif node.op == "dense":
            if len(shape) > 1:
                self.regroup(shape[-1], node)
            assert node.kernel is not None
            self._weighted(node, node.kernel.values)
        elif node.op in CONVOLUTIONS:
            self._window(node, shape, 0)
            self._weighted(node, _matrix(node))
        elif node.op in POOLS:
            self._pool(node, shape)
        else:
            raise UnsupportedError(f"layer '{node.name}': '{node.op}' in a stream", expected=f"one of {', '.join(OPERATIONS)}")

    def regroup(self, values: int, node: Node) -> None:
        """Beats of so many values for ``node``."""
        if self._values == values:
            return
        self.flush()
        if values % self.at.values and self.at.values % values:
            raise UnsupportedError(
                f"layer '{node.name}': beats of {self.at.values} values that should become {values}", expected="one that divides the other"
            )
        self.append(Regroup(self.design.name("beats"), self.at, values))

    def flush(self) -> None:
        """The pending nodes become a stage."""
        if not self.pending:
            return
        (given, *nodes), source = self.pending, self.at
        last = nodes[-1]
        network = IntegerNetwork(self.design.network.name, (given, *(_widened(given, nodes, source.range))))
        end = _ranges(network, source.range)[network.output.name]
        # what comes out is what the network's own type holds, although a graph that joins extremes of different pixels may seem to need more
        kept = Range(np.maximum(end.low.ravel(), last.out.low), np.minimum(end.high.ravel(), last.out.high))
        self.pending = []
        self.append(
            Kernel(
                self.design.name(last.name),
                source,
                network,
                Beats(last.name, last.out, source.count, kept, source.order),
                self.design.levels,
                self.design.say,
            )
        )

    def append(self, stage: Stage) -> None:
        """One more stage."""
        (self.wire,) = self.design.append(stage, (self.wire,))
        self.at = stage.result
        self.lag += _lag(stage)

    @property
    def _values(self) -> int:
        """Values of the beats that the next node reads."""
        return prod(self.pending[-1].shape) if self.pending else self.at.values

    def compute(self, node: Node, shape: tuple[int, ...]) -> None:
        """One more node of the pending graph; ``shape`` is that of a beat as it reads it."""
        if not self.pending:
            self.pending.append(Node("beat", "input", (), self.at.type, shape))
        self.pending.append(replace(node, inputs=(self.pending[-1].name,)))

    def _each(self, node: Node) -> None:
        """An operation on each value; its settings are those of a channel, or of each value of a sample that is one beat."""
        if node.op in ("scale", "quantize_each"):
            self.regroup(node.shape[-1] if node.op == "scale" else prod(node.shape), node)
        self.compute(replace(node, shape=(self._values,)), (self._values,))

    def _weighted(self, node: Node, matrix: np.ndarray) -> None:
        """Sums over the inputs of ``matrix``: a graph of adders, or in turn."""
        original = self.design.network.node(node.name)
        source = self.design.network.node(original.inputs[0])
        if not holds_exactly(original, Edge(source.out, self.design.found[source.name])):
            raise UnsupportedError(f"layer '{node.name}': accumulator {node.out} is narrower than the exact sum", expected="exact sums")
        assert node.kernel is not None
        terms, outputs = matrix.shape
        flat = replace(node, op="dense", kernel=Tensor(matrix, node.kernel.type), shape=(outputs,), params={})
        if int(np.count_nonzero(matrix)) <= self.design.graph_weights:
            self.regroup(terms, node)
            self.compute(flat, (terms,))
            return
        self.flush()
        if terms % self.at.values:
            self.regroup(terms, node)
        self._in_turn(flat, terms)

    def _in_turn(self, node: Node, terms: int) -> None:
        """Sums of ``terms`` inputs by a few multipliers, over all weights or over a list of those that are not zero."""
        assert node.kernel is not None
        matrix, outputs, found = node.kernel.values, node.shape[-1], self.design.found[node.name]
        sums = self.at.count * self.at.values // terms
        cycles = max(1, self.design.interval // sums)
        inputs, lanes = _turns(self.at.values, terms // self.at.values, outputs, cycles)
        few = _listed(matrix, cycles) if sums == 1 else outputs
        name = self.design.name(node.name)
        if sums > 1 or few > WORTH * inputs * lanes:
            node = replace(node, kernel=Tensor(self.at.sorted(matrix), node.kernel.type))
            self.append(Sequential(name, self.at, Beats.cut(node.name, node.out, found, lanes), node, inputs))
            return
        values = next(v for v in _divisors(self.at.values) if terms // v <= cycles or v == self.at.values)
        self.regroup(values, node)
        node = replace(node, kernel=Tensor(self.at.sorted(matrix), node.kernel.type))
        self.append(Sparse(self.design.name(node.name), self.at, node, few, Range(found.low.ravel(), found.high.ravel())))

    def _window(self, node: Node, shape: tuple[int, ...], outside: int) -> None:
        """The pixels of each window side by side; nothing to do for windows of one pixel."""
        self.regroup(shape[-1], node)
        self.flush()
        taps, (pads, _), strides = taps_of(node), pads_of(node, shape), node.params["strides"]
        if prod(taps) == 1 and prod(strides) == 1:
            return
        dilation = node.params.get("dilation") or [1] * len(taps)
        two = [tuple(int(v) for v in (1,) * (2 - len(axes)) + tuple(axes)) for axes in (shape[:-1], taps, strides, dilation)]
        around = ((0, 0),) * (2 - len(pads)) + tuple(pads)
        self.append(Window(self.design.name(f"{node.name}_window"), self.at, two[0], around, *two[1:], outside))  # type: ignore[arg-type]

    def _pool(self, node: Node, shape: tuple[int, ...]) -> None:
        channels, taps, (pads, out) = shape[-1], prod(taps_of(node)), pads_of(node, shape)
        padded = any(map(any, pads))
        if node.op == "avgpool" and padded:
            raise UnsupportedError(
                f"layer '{node.name}': averages with padding in a stream", expected="windows of the same number of elements"
            )
        if prod(out) == 1 and not padded and prod(shape[:-1]) == taps:
            self._over_all(node, channels, taps)
            return
        self.regroup(channels, node)
        self.flush()
        self._window(node, shape, int(self.at.range.low.min()) if node.op == "maxpool" else 0)  # the least value never wins
        divides = node.op == "avgpool" and taps & taps - 1
        low, high = self.at.range.low.min() * taps, self.at.range.high.max() * taps
        kind = FixedType.holding(int(low), int(high), self.at.type.fraction)
        params = {"pool_size": [taps], "strides": [taps], "padding": "valid"}
        pooled = replace(node, op="sumpool", name=f"{node.name}_sum", out=kind) if divides else node
        self.compute(replace(pooled, shape=(1, channels), params=params), (taps, channels))
        self.compute(Node(f"{node.name}_beat", "flatten", (), pooled.out, (channels,)), ())
        if divides:
            for part in averaged(node, kind, int(low), int(high), taps, channels):
                self.compute(part, ())

    def _over_all(self, node: Node, channels: int, taps: int) -> None:
        """Pooling over the whole image, beat by beat."""
        self.regroup(channels, node)
        self.flush()
        source, sums = self.at, node.op != "maxpool"
        times = taps if sums else 1
        found = Range(source.range.low * times, source.range.high * times)
        kind = exact_type(found, source.type.fraction) if sums else source.type
        if sums and source.type.signed and not kind.signed:
            kind = FixedType(kind.width + 1, kind.integer + 1)
        self.append(Reduce(self.design.name(node.name), source, Beats(node.name, kind, 1, found), sums))
        if node.op == "avgpool" and taps & taps - 1:
            for part in averaged(node, kind, *found.bounds, taps, channels):
                self.compute(part, (channels,))
        elif node.op == "avgpool":
            places = taps.bit_length() - 1
            divided = FixedType(kind.width, kind.integer - places, kind.signed)
            self.compute(Node(f"{node.name}_mean", "shift", (), divided, (channels,), params={"shift": -places}), (channels,))
            self.compute(Node(node.name, "quantize", (), node.out, (channels,)), ())


def _matrix(node: Node) -> np.ndarray:
    """A convolution's kernel as that of a dense layer on windows: ``(taps * channels, outputs)``."""
    assert node.kernel is not None
    values = node.kernel.values
    if node.op not in DEPTHWISE:
        return values.reshape(-1, values.shape[-1])
    channels, times = values.shape[-2:]
    taps = values.reshape(-1, channels, times)
    matrix = np.zeros((len(taps), channels, channels, times), np.int64)
    matrix[:, np.arange(channels), np.arange(channels)] = taps
    return matrix.reshape(len(taps) * channels, channels * times)


def _ranges(network: IntegerNetwork, source: Range) -> dict[str, Range]:
    """Ranges of a beat's network."""
    shape = network.input.shape
    found = {network.input.name: Range(source.low.reshape(shape), source.high.reshape(shape))}
    for node in network.nodes[1:]:
        found[node.name] = propagate(node, [found[node.inputs[0]]], [network.node(node.inputs[0]).out])
    return found


def _widened(given: Node, nodes: list[Node], source: Range) -> list[Node]:
    """The nodes with types of sums that hold whatever the ranges of a beat's values allow, each by itself."""
    known: list[Node] = [given]
    for node in nodes:
        if node.kernel is not None or node.op == "sumpool":
            draft = replace(node, out=FixedType(62, 62 - node.out.fraction))
            found = _ranges(IntegerNetwork("beat", (*known, draft)), source)[node.name]
            node = replace(node, out=exact_type(found, node.out.fraction))
        known.append(node)
    return known[1:]


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _listed(matrix: np.ndarray, cycles: int) -> int:
    """The fewest outputs at a time whose list has at most ``cycles`` words, or all of them."""
    outputs = matrix.shape[1]
    return next((lanes for lanes in _divisors(outputs) if sum(rounds_of(matrix, lanes)[1]) <= cycles), outputs)


def _turns(values: int, beats: int, outputs: int, cycles: int) -> tuple[int, int]:
    """Inputs and outputs of a cycle: the fewest multipliers whose reuse factor is at most ``cycles``, or the fastest there is."""

    ways = [(beats * (values // i) * (outputs // j), i, j) for i in _divisors(values) for j in _divisors(outputs)]
    legal = [way for way in ways if way[0] <= cycles]
    # of equal reuse factors the one with more inputs in a cycle: their products share an accumulator
    best = max(legal, key=lambda way: way[:2]) if legal else min(ways, key=lambda way: (way[0], -way[1]))
    return best[1], best[2]


def _lag(stage: Stage) -> float:
    """Beats that a stage holds back at most; infinite where fewer go out than come in."""
    if isinstance(stage, Window):
        return (stage.span[0] - 1) * stage.padded[1] + stage.span[1] if stage.out == stage.size else inf
    if isinstance(stage, Kernel):
        return stage.rows
    return inf if isinstance(stage, (Sparse, Reduce)) else 4
