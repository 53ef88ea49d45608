"""A network as stages of a stream: what is computed on windows, what in turn, where ways part and meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import inf, prod

from ....errors import UnsupportedError
from ....integer import IntegerNetwork, Node
from ....integer.intervals import ranges
from ..circuit import JOINS, LEVELS
from .beats import Beats
from .branches import Fifo, Fork, Join
from .line import CONVOLUTIONS, POOLS, Design, Line, pads_of
from .stage import Link

GRAPH_WEIGHTS = 1000
"""Layers of more weights that are not zero are computed in turn, where nothing else is asked for: graphs of adders grow with each of them."""

SPARE = 16
"""Beats of room beyond what a shorter way has to wait for a longer one."""


def plan(
    network: IntegerNetwork,
    *,
    interval: int | None = None,
    beat: int | None = None,
    graph_weights: int = GRAPH_WEIGHTS,
    levels: int = LEVELS,
    say: Callable[[str], None] = lambda text: None,
) -> list[Link]:
    """The stages of a network and what connects them, in order; the last one gives all outputs in one beat.

    Args:
        network: dense layers, convolutions, pooling, casts, sums and concatenations, with exact sums.
        interval: cycles between two samples that layers computed in turn may take; each one takes the largest legal reuse factor within it, or
            its smallest. None: as many as the beats or padded pixels of a sample.
        beat: values of an input beat; None: the channels of an image or a series, one value of a vector whose first layer is computed in turn,
            all values of another one.
        graph_weights: layers of more weights that are not zero are computed in turn.
        levels: of adders between two rows of registers in graphs.
        say: told of layers that take a while.

    Raises:
        UnsupportedError: an operation that is no stage.
    """
    nodes, source = _casts_first(network), network.input
    shapes = {node.name: node.shape for node in (source, *nodes)}
    found = ranges(network)
    beat = beat or _beat(nodes, source, graph_weights)
    if prod(source.shape) % beat:
        raise UnsupportedError(f"beats of {beat} values", expected=f"a divisor of the {prod(source.shape)} values of a sample")
    first = Beats.cut(source.name, source.out, found[source.name], beat)
    design = Design(network, found, interval or _interval(nodes, shapes, first.count), graph_weights, levels, say)
    uses = Counter(name for node in nodes for name in node.inputs)
    open_ = {source.name: _parted(Line(design, first, "in"), uses[source.name])}
    for node in nodes:
        lines = [open_[name].pop() for name in node.inputs]
        if node.op in JOINS:
            line = _joined(node, lines)
        else:
            (line,) = lines
            line.add(node, shapes[node.inputs[0]])
        open_[node.name] = _parted(line, uses[node.name])
    (line,) = open_[nodes[-1].name]
    line.flush()
    line.regroup(prod(network.output.shape), network.output)
    return design.links


def _casts_first(network: IntegerNetwork) -> list[Node]:
    """The nodes behind the input, with casts in front of maximum pooling: the same values, and a narrower line buffer."""
    nodes = {node.name: node for node in network.nodes[1:]}
    uses = Counter(name for node in nodes.values() for name in node.inputs)
    renamed: dict[str, str] = {}
    found: list[Node] = []
    for node in nodes.values():
        pool = nodes.get(node.inputs[0])
        moves = node.op == "quantize" and node.out.overflow != "WRAP"
        if moves and pool is not None and pool.op == "maxpool" and uses[pool.name] == 1 and pool in found:
            at = found.index(pool)
            cast = replace(node, inputs=found[at].inputs, shape=_shape(network, pool))
            found[at : at + 1] = [cast, replace(pool, inputs=(node.name,), out=node.out)]
            renamed[node.name] = pool.name
        else:
            found.append(replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs)))
    return found


def _shape(network: IntegerNetwork, node: Node) -> tuple[int, ...]:
    return network.node(node.inputs[0]).shape


def _beat(nodes: list[Node], source: Node, graph_weights: int) -> int:
    if len(source.shape) > 1:
        return source.shape[-1]
    first = next((n for n in nodes if n.kernel is not None or n.op == "reshape"), None)
    if first is not None and first.op == "reshape":
        return first.shape[-1]
    in_turn = first is not None and first.op == "dense" and first.kernel is not None and first.kernel.nonzeros > graph_weights
    return 1 if in_turn else source.shape[0]


def _interval(nodes: list[Node], shapes: dict[str, tuple[int, ...]], beats: int) -> int:
    """Cycles that the input and the line buffers take at least."""
    for node in nodes:
        if node.op in CONVOLUTIONS + POOLS:
            shape = shapes[node.inputs[0]]
            beats = max(beats, prod(n + before + after for n, (before, after) in zip(shape, pads_of(node, shape)[0])))
    return beats


def _parted(line: Line, ways: int) -> list[Line]:
    """The same beats for each reader."""
    if ways <= 1:
        return [line]
    line.flush()
    fork = Fork(line.design.name("fork"), line.at, ways)
    return [Line(line.design, line.at, wire, line.lag) for wire in line.design.append(fork, (line.wire,), ways)]


def _joined(node: Node, lines: list[Line]) -> Line:
    """A sum or a concatenation, pixel by pixel; the shorter way waits in a memory."""
    design, channels = lines[0].design, [0] * len(lines)
    spatial = len(node.shape) > 1
    if node.op == "concatenate" and node.params["axis"] != len(node.shape) - 1:
        raise UnsupportedError(f"layer '{node.name}': joined along axis {node.params['axis']} in a stream", expected="along the channels")
    for i, (line, name) in enumerate(zip(lines, node.inputs)):
        shape = design.network.node(name).shape
        channels[i] = shape[-1] if spatial else prod(shape)
        line.regroup(channels[i], node)
        line.flush()
    longest = max(line.lag for line in lines)
    for line in lines:
        room = line.at.count if longest == inf else min(line.at.count, int(longest - line.lag) + SPARE)
        if line.lag < longest or longest == inf:
            line.append(Fifo(design.name("room"), line.at, room))
    join = Join(design.name(node.name), tuple(line.at for line in lines), node.name)
    (wire,) = design.append(join, tuple(line.wire for line in lines))
    joined = Line(design, join.result, wire, longest)
    if node.op == "add":
        params = {"pool_size": [len(lines)], "strides": [len(lines)], "padding": "valid"}
        total = Node(node.name, "sumpool", (), node.out, (1, channels[0]), params=params)
        joined.compute(total, (len(lines), channels[0]))
        joined.compute(Node(f"{node.name}_beat", "flatten", (), node.out, (channels[0],)), ())
    return joined
