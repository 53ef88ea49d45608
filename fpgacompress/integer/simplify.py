"""Hardware that cannot matter, removed: neurons and channels that are constant on every possible input, and those nobody reads (numpy only).

A channel whose interval is one point is folded into the biases of its readers; a channel whose weights are zero in every reader is
dropped. Both follow from interval analysis and the weights alone, so the result is equal for every input, not only for those tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .intervals import Range, ranges
from .network import IntegerNetwork, Node, Tensor
from .operations import Edge
from .operations.weighted import DEPTHWISE, aligned, holds_exactly
from .types import FixedType
from .windows import pads_and_shape

_SAME_CHANNELS = (
    "quantize",
    "quantize_each",
    "clip",
    "leaky_relu",
    "shift",
    "threshold",
    "maxpool",
    "sumpool",
    "avgpool",
    "zeropad",
    "upsample",
    "scale",
    "add",
)
_CONVOLUTIONS = ("conv1d", "conv2d")


@dataclass(frozen=True)
class Removed:
    """What was removed from one weighted layer.

    Attributes:
        layer: name.
        neurons: neurons (channels) removed.
        of: neurons before.
        weights: weights that are not zero and went.
        multiplications: products per sample that went (weights times positions).
        constant: neurons whose result is the same for every input.
    """

    layer: str
    neurons: int
    of: int
    weights: int
    multiplications: int
    constant: int

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return dict(vars(self))


@dataclass(frozen=True)
class Simplified:
    """Result of :func:`simplify`.

    Attributes:
        network: computes the same outputs with less.
        kept: for every node the indices (last axis) that stayed, so that ``trace(old)[n][..., kept[n]]`` is ``trace(new)[n]``.
        removed: one entry per weighted layer of the given network.
    """

    network: IntegerNetwork
    kept: Mapping[str, np.ndarray]
    removed: tuple[Removed, ...]

    @property
    def changed(self) -> bool:
        """True when anything was removed."""
        return any(r.neurons or r.weights for r in self.removed)


def _constants(range_: Range) -> tuple[np.ndarray, np.ndarray]:
    """Per channel: is it one number on all inputs and positions, and which."""
    low, high = (a.reshape(-1, a.shape[-1]) for a in (range_.low, range_.high))
    return (low.min(axis=0) == high.max(axis=0)), low[0]


class _Simplifier:
    def __init__(self, network: IntegerNetwork) -> None:
        self.network = network
        self.ranges = ranges(network)
        self.needed = {n.name: np.zeros(n.shape[-1], bool) for n in network.nodes}
        self.foldable = {n.name: self._foldable(n) for n in network.nodes if n.kernel is not None and n.op not in (*DEPTHWISE, "scale")}

    def _edge(self, name: str) -> Edge:
        return Edge(self.network.node(name).out, self.ranges[name])

    def _pads(self, node: Node) -> bool:
        if node.op not in _CONVOLUTIONS:
            return False
        assert node.kernel is not None
        size, params = self.network.node(node.inputs[0]).shape[:-1], node.params
        pads, _ = pads_and_shape(size, node.kernel.values.shape[:-2], params["strides"], params["padding"], params.get("dilation"))
        return any(a or b for a, b in pads)

    def _foldable(self, node: Node) -> np.ndarray:
        """Input channels whose contribution is the same number at every position: it belongs into the bias."""
        constant, value = _constants(self.ranges[node.inputs[0]])
        anywhere = not self._pads(node) and holds_exactly(node, self._edge(node.inputs[0]))
        return constant & (anywhere | (value == 0))

    def _mark(self, name: str, mask: np.ndarray) -> bool:
        new = self.needed[name] | mask
        grown = bool((new != self.needed[name]).any())
        self.needed[name] = new
        return grown

    def _link(self, node: Node) -> bool:
        """Spread needs between a node and its inputs, both ways, since they keep the same channels; True when anything was added."""
        needed, sources = self.needed[node.name], list(node.inputs)
        if not sources:
            return False
        first = self.network.node(sources[0])
        joined = node.op == "concatenate" and node.params["axis"] != len(node.shape) - 1
        if node.op in _SAME_CHANNELS or joined or self._same_last_axis(node, first):
            common = np.any([needed, *(self.needed[s] for s in sources)], axis=0)
            return any([self._mark(name, common) for name in (node.name, *sources)])
        if node.op in DEPTHWISE:
            times = node.shape[-1] // first.shape[-1]
            common = needed.reshape(-1, times).any(axis=1) | self.needed[first.name]
            return any([self._mark(first.name, common), self._mark(node.name, np.repeat(common, times))])
        if node.op == "concatenate":
            cuts = np.cumsum([self.network.node(s).shape[-1] for s in sources])[:-1]
            back = [self._mark(s, part) for s, part in zip(sources, np.split(needed, cuts), strict=True)]
            return any([*back, self._mark(node.name, np.concatenate([self.needed[s] for s in sources]))])
        if len(node.shape) == 1:  # flatten, and reshape to one axis
            common = needed.reshape(-1, first.shape[-1]).any(axis=0) | self.needed[first.name]
            return any([self._mark(first.name, common), self._mark(node.name, np.tile(common, len(needed) // len(common)))])
        return any([self._mark(name, np.ones_like(self.needed[name])) for name in (node.name, first.name)])  # moves channels elsewhere

    @staticmethod
    def _same_last_axis(node: Node, source: Node) -> bool:
        if node.op == "permute":
            return node.params["axes"][-1] == len(node.shape) - 1
        return node.op in ("reshape", "flatten") and len(node.shape) > 1 and node.shape[-1] == source.shape[-1]

    def _read(self, node: Node) -> bool:
        """A dense or convolution layer needs those inputs that reach a needed neuron through a weight and are not folded away."""
        assert node.kernel is not None
        if not self.needed[node.name].any():
            self.needed[node.name][0] = True  # a layer without neurons would be no layer
        weights = node.kernel.values[..., self.needed[node.name]]
        used = weights.reshape(-1, *weights.shape[-2:]).any(axis=(0, 2)) & ~self.foldable[node.name]
        if not used.any():
            used[0] = True
        return self._mark(node.inputs[0], used)

    def solve(self) -> dict[str, np.ndarray]:
        """Channels to keep, per node: the smallest sets that agree with each other."""
        output, source = self.network.output, self.network.input
        self._mark(output.name, np.ones(output.shape[-1], bool))
        self._mark(source.name, np.ones(source.shape[-1], bool))
        grown = True
        while grown:
            grown = any([(self._read if n.name in self.foldable else self._link)(n) for n in reversed(self.network.nodes)])
        return self.needed

    def _bias(self, node: Node, keep_out: np.ndarray) -> Tensor | None:
        """The bias with the constant inputs folded in."""
        _, value = _constants(self.ranges[node.inputs[0]])
        value = np.where(self.foldable[node.name], value, 0)
        bias = None if node.bias is None else Tensor(node.bias.values[keep_out], node.bias.type)
        if not value.any():
            return bias
        kernel, start = aligned(node, self.network.node(node.inputs[0]).out.fraction, node.out.fraction)
        total = start + (kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0).T * value).sum(axis=1)
        total = total[keep_out]
        return Tensor(total, FixedType.holding(int(total.min()), int(total.max()), node.out.fraction))

    def rebuilt(self, node: Node, keep: Mapping[str, np.ndarray]) -> Node:
        """The node with only its kept channels."""
        mine = keep[node.name]
        shape = (*node.shape[:-1], int(mine.sum()))
        if node.op == "quantize_each":
            params = {k: np.asarray(v)[..., mine].tolist() for k, v in node.params.items()}
            return replace(node, shape=shape, params=params)
        if node.kernel is None:
            return replace(node, shape=shape)
        theirs, values = keep[node.inputs[0]], node.kernel.values
        if node.name in self.foldable:
            varying = np.where(self.foldable[node.name][:, None], 0, values)
            values, bias = varying[..., theirs, :][..., mine], self._bias(node, mine)
        else:
            values = values[..., theirs, :] if node.op in DEPTHWISE else values[mine]
            bias = None if node.bias is None else Tensor(node.bias.values[mine], node.bias.type)
        return replace(node, shape=shape, kernel=Tensor(values, node.kernel.type), bias=bias)


def simplify(network: IntegerNetwork) -> Simplified:
    """Remove constant and unread neurons; types, names and operations stay, and so does every output bit for every input."""
    work = _Simplifier(network)
    keep = work.solve()
    nodes = tuple(work.rebuilt(node, keep) for node in network.nodes)
    removed = []
    for before, after in zip(network.nodes, nodes, strict=True):
        if before.kernel is None or after.kernel is None:
            continue
        weights = before.kernel.nonzeros - after.kernel.nonzeros
        positions = int(np.prod(before.shape[:-1]))
        constant = int(_constants(work.ranges[before.name])[0].sum())
        removed.append(Removed(before.name, before.shape[-1] - after.shape[-1], before.shape[-1], weights, weights * positions, constant))
    return Simplified(IntegerNetwork(network.name, nodes), {n: np.flatnonzero(k) for n, k in keep.items()}, tuple(removed))
