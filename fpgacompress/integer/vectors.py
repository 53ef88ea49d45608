"""Inputs that search for trouble: random ones over the whole type, and corners that drive casts into saturation (numpy only).

Which saturations are possible is known from the exact ranges (``intervals.ranges``). How to reach one is searched: from a base point, every
input element is set to its lowest and to its highest value, one at a time, and the effect on all casts is read off the emulation; then
each cast gets the point that takes, for every element, what helped most. Up to the first cast behind a weighted layer the effects add
up, so that point is the best there is and the interval's bound is attained. Behind it the step is repeated from the best points found,
as far as the budget goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .emulate import Emulator
from .intervals import Range, ranges
from .network import IntegerNetwork, Node

_BYTES = 64 * 2**20
SIDES = ("low", "high")


def random_inputs(network: IntegerNetwork, count: int, seed: int = 0) -> np.ndarray:
    """``count`` samples, every value of the input type equally likely: int64 (count, *input shape)."""
    kind = network.input.out
    return np.random.default_rng(seed).integers(kind.low, kind.high + 1, (count, *network.input.shape))


def chunk_size(network: IntegerNetwork, names: list[str] | None = None) -> int:
    """Samples whose traced results (of the named nodes, default all) take about 64 MB."""
    nodes = [n for n in network.nodes if names is None or n.name in names]
    return int(np.clip(_BYTES // (8 * max(1, sum(int(np.prod(n.shape)) for n in nodes))), 1, 8192))


@dataclass(frozen=True)
class _Site:
    """A cast that can saturate: which channels (last axis) can, on each side, and the element of each that reaches furthest."""

    node: Node
    source: str
    fraction: int
    possible: dict[str, np.ndarray]
    element: dict[str, np.ndarray]

    def over(self, values: np.ndarray, side: str) -> np.ndarray:
        """Where stored integers of the source lie beyond the cast's range."""
        rounded = self.node.out.round_shift(values, self.fraction - self.node.out.fraction)
        return rounded < self.node.out.low if side == "low" else rounded > self.node.out.high


def _channels(values: np.ndarray) -> np.ndarray:
    """(positions, channels) of one sample's result."""
    return values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)


def _sites(network: IntegerNetwork, found: dict[str, Range]) -> list[_Site]:
    sites = []
    for node in network.nodes:
        if node.op not in ("quantize", "quantize_each") or node.out.overflow == "WRAP":
            continue
        (source,) = node.inputs
        low, high = _channels(found[source].low), _channels(found[source].high)
        draft = _Site(node, source, network.node(source).out.fraction, {}, {})
        possible = {"low": draft.over(low, "low").any(0), "high": draft.over(high, "high").any(0)}
        columns = np.arange(low.shape[1])
        element = {"low": low.argmin(0) * low.shape[1] + columns, "high": high.argmax(0) * high.shape[1] + columns}
        sites.append(_Site(node, source, draft.fraction, possible, element))
    return sites


@dataclass
class Saturations:
    """Which saturations a set of inputs has reached, of those that are possible; counted per cast, side and channel (last axis)."""

    network: IntegerNetwork
    _reached: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sites = _sites(self.network, ranges(self.network))

    @property
    def names(self) -> list[str]:
        """Nodes that :meth:`update` reads."""
        return list(dict.fromkeys(site.source for site in self._sites))

    def update(self, trace: dict[str, np.ndarray]) -> None:
        """Count what a trace (``{node: stored integers (n, ...)}``) has reached."""
        for site in self._sites:
            values = trace[site.source].reshape(-1, trace[site.source].shape[-1])
            for side in SIDES:
                now = site.over(values, side).any(0)
                key = (site.node.name, side)
                self._reached[key] = now | self._reached.get(key, False)

    def to_json(self) -> dict[str, Any]:
        """``{"reached", "possible", "layers": {cast: {"low": [reached, possible], "high": [...]}}}``, in channels."""
        layers: dict[str, dict[str, list[int]]] = {}
        for site in self._sites:
            reached = {s: self._reached.get((site.node.name, s), np.zeros_like(site.possible[s])) for s in SIDES}
            layers[site.node.name] = {s: [int(reached[s].sum()), int(site.possible[s].sum())] for s in SIDES}
        pairs = [pair for entry in layers.values() for pair in entry.values()]
        return {"reached": sum(p[0] for p in pairs), "possible": sum(p[1] for p in pairs), "layers": layers}


def _depths(network: IntegerNetwork) -> dict[str, int]:
    """Weighted layers on the longest way from the input to each node's result."""
    depth: dict[str, int] = {}
    for node in network.nodes:
        depth[node.name] = max((depth[name] for name in node.inputs), default=0) + (node.kernel is not None)
    return depth


class _Search:
    """Looks for inputs that drive each possible saturation; every target is one element of one cast and one side."""

    def __init__(self, network: IntegerNetwork, budget: int) -> None:
        self.network, self.left = network, budget
        self.emulator = Emulator(network)
        self.sites = _sites(network, ranges(network))
        self.targets = [
            (site, side, int(site.element[side][c])) for site in self.sites for side in SIDES for c in np.flatnonzero(site.possible[side])
        ]
        depth = _depths(network)
        self.every = np.arange(len(self.targets))
        self.first = np.array([t for t in self.every if depth[self.targets[t][0].source] <= 1], np.int64)
        self.sign = np.array([1 if side == "high" else -1 for _, side, _ in self.targets])
        self.best = np.full(len(self.targets), np.iinfo(np.int64).min)
        self.points = np.zeros((len(self.targets), int(np.prod(network.input.shape))), np.int64)
        self.reached = np.zeros(len(self.targets), bool)

    def _heights(self, flat: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """(n, chosen targets): their values, counted towards their side."""
        targets = [self.targets[t] for t in chosen]
        sources = list(dict.fromkeys(site.source for site, _, _ in targets))
        step = chunk_size(self.network, sources)
        out = np.empty((len(flat), len(targets)), np.int64)
        for start in range(0, len(flat), step):
            part = flat[start : start + step]
            found = {name: v.reshape(len(part), -1) for name, v in self.emulator.trace(part, sources).items()}
            out[start : start + step] = np.stack([found[site.source][:, e] for site, _, e in targets], 1) * self.sign[chosen]
        self.left -= len(flat)
        return out

    def offer(self, flat: np.ndarray) -> None:
        """Keep the points that are better for some target than what is known."""
        heights = self._heights(flat, self.every)
        first = heights.argmax(0)
        top = heights.max(0)
        better = top > self.best
        self.points[better], self.best[better] = flat[first[better]], top[better]
        for t in np.flatnonzero(better & ~self.reached):
            site, side, _ = self.targets[t]
            self.reached[t] = bool(site.over(self.best[t] * self.sign[t], side))

    def step(self, base: np.ndarray, chosen: np.ndarray) -> None:
        """Try every element of ``base`` at both ends, and offer the points that take, for each chosen target, what helped it."""
        kind, size = self.network.input.out, base.size
        ends = (kind.low, kind.high)
        here = self._heights(base[None], chosen)[0]
        choice = np.broadcast_to(base[:, None], (size, len(chosen))).copy()
        gained = np.broadcast_to(here, choice.shape).copy()
        rows = max(1, min(size, _BYTES // (16 * size)))
        for start in range(0, size, rows):
            index = np.arange(start, min(start + rows, size))
            for end in ends:
                moved = np.repeat(base[None], len(index), 0)
                moved[np.arange(len(index)), index] = end
                heights = self._heights(moved, chosen)
                helps = heights > gained[index]
                gained[index] = np.where(helps, heights, gained[index])
                choice[index] = np.where(helps, end, choice[index])
        self.offer(np.unique(choice.T, axis=0))

    def _climb(self) -> None:
        """Repeat the step from each unreached target's best point until it helps no more."""
        steps, stuck = np.zeros(len(self.targets), np.int64), np.zeros(len(self.targets), bool)
        while self.left > 2 * self.points.shape[1] and not (self.reached | stuck).all():
            waiting = np.flatnonzero(~(self.reached | stuck))
            t = waiting[steps[waiting].argmin()]
            before = self.best[t]
            self.step(self.points[t].copy(), self.every)
            steps[t], stuck[t] = steps[t] + 1, self.best[t] == before

    def run(self, seed: int) -> np.ndarray:
        """All targets' best points, unique, reached ones first: (n, flat input)."""
        kind, size = self.network.input.out, self.points.shape[1]
        rng = np.random.default_rng(seed)
        zero = np.full(size, np.clip(0, kind.low, kind.high), np.int64)
        self.offer(np.stack([zero, np.full(size, kind.low), np.full(size, kind.high)]))
        chosen = self.every if self.left > 2 * size else self.first
        if len(chosen):
            self.step(zero, chosen)
        self.offer(np.where(rng.integers(0, 2, (64, size)) == 1, kind.high, kind.low))
        self._climb()
        order = np.argsort(~self.reached, kind="stable")
        return self.points[order]


def _products(network: IntegerNetwork) -> int:
    """Multiplications per sample, about."""
    return sum(int(np.prod(n.shape[:-1])) * n.kernel.values.size for n in network.weighted)


def corners(network: IntegerNetwork, *, limit: int = 1000, budget: float = 4e9, seed: int = 0) -> np.ndarray:
    """Extreme inputs: all low, all high, zero, points that saturate the casts, and single elements at their ends.

    Args:
        network: what will be run.
        limit: at most this many samples.
        budget: multiplications the search may spend beyond the first casts (4e9 are some seconds), at most 300,000 samples.
        seed: of the random corners.

    Returns:
        Distinct stored integers of the input type, int64 (n, *input shape), in the order in which they matter.
    """
    kind, shape = network.input.out, network.input.shape
    size = int(np.prod(shape))
    zero = int(np.clip(0, kind.low, kind.high))
    parts = [np.array([[kind.low] * size, [kind.high] * size, [zero] * size], np.int64)]
    search = _Search(network, int(min(budget / max(1, _products(network)), 300_000)))
    if search.targets:
        parts.append(search.run(seed))
    single = np.random.default_rng(seed).permutation(size)[: max(1, limit // 2)]
    for end in {kind.low, kind.high} - {zero}:
        moved = np.full((len(single), size), zero, np.int64)
        moved[np.arange(len(single)), single] = end
        parts.append(moved)
    points = np.concatenate(parts)
    _, first = np.unique(points, axis=0, return_index=True)
    return points[np.sort(first)][:limit].reshape(-1, *shape)
