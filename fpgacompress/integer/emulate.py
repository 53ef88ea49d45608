"""Bit-exact emulation of an integer network in numpy.

Integers are carried in float32 as long as interval analysis proves that no sum passes 2**24 (every integer up to there, and every
partial sum in any order, is a float32), in float64 up to 2**53 and in int64 beyond. So the matrix products run in BLAS and are still exact.
A sum and the cast that alone reads it are computed together, with the cast's power of two folded into the weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .intervals import ranges
from .network import IntegerNetwork, Node
from .operations import Apply, Edge, Range, operation
from .operations.base import carrier
from .operations.fused import sum_with_cast
from .operations.weighted import WEIGHTED, spatial_window

_BATCH_BYTES = 4 * 2**20
"""Working memory of the largest layer per batch: activations should stay in a second-level cache."""


@dataclass(frozen=True)
class _Step:
    """One node made ready: ``apply`` maps the results of ``inputs`` to the result of ``name``."""

    name: str
    inputs: tuple[str, ...]
    apply: Apply
    frees: tuple[str, ...]


def _scratch(node: Node) -> int:
    """Numbers per sample that a node holds at once: its result and, for convolutions, the gathered windows."""
    size = int(np.prod(node.shape))
    if node.kernel is not None and node.op not in ("dense", "scale"):
        positions = int(np.prod(node.shape[:-1]))
        size += positions * int(np.prod(spatial_window(node, node.kernel.values))) * node.kernel.values.shape[-2]
    return size


class Emulator:
    """An integer network made ready to run; build it once, run it often.

    Args:
        network: what to compute.

    Raises:
        UnsupportedError: an operation nobody knows, or results of more than 62 bits.
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self.network = network
        self._ranges: dict[str, Range] = ranges(network)
        self._readers: dict[str, list[Node]] = {n.name: [] for n in network.nodes}
        for node in network.nodes:
            for name in node.inputs:
                self._readers[name].append(node)
        self._batch = int(np.clip(_BATCH_BYTES // (4 * max(map(_scratch, network.nodes))), 16, 1024))
        self._plans: dict[frozenset[str], list[_Step]] = {}
        self._steps(frozenset([network.output.name]))  # finds what cannot be computed before any data come

    def _edges(self, node: Node) -> list[Edge]:
        return [Edge(self.network.node(i).out, self._ranges[i]) for i in node.inputs]

    def _needed(self, keep: frozenset[str]) -> set[str]:
        """Nodes that the kept ones depend on."""
        needed = set(keep)
        for node in reversed(self.network.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return needed

    def _steps(self, keep: frozenset[str]) -> list[_Step]:
        if keep not in self._plans:
            self._plans[keep] = self._plan(keep)
        return self._plans[keep]

    def _plan(self, keep: frozenset[str]) -> list[_Step]:
        needed = self._needed(keep)
        chosen: list[tuple[Node, tuple[str, ...], Apply]] = []
        done: set[str] = set()
        for node in self.network.nodes[1:]:
            if node.name not in needed or node.name in done:
                continue
            readers = [r for r in self._readers[node.name] if r.name in needed]
            if node.op in WEIGHTED and node.name not in keep and [r.op for r in readers] == ["quantize"]:
                fused = sum_with_cast(node, self._edges(node)[0], readers[0], self._batch)
                if fused is not None:
                    done.add(readers[0].name)
                    chosen.append((readers[0], node.inputs, fused))
                    continue
            chosen.append((node, node.inputs, operation(node).prepare(node, self._edges(node), self._ranges[node.name])))
        last = {name: i for i, (_, inputs, _) in enumerate(chosen) for name in inputs}
        return [
            _Step(node.name, inputs, apply, tuple(n for n in dict.fromkeys(inputs) if last[n] == i))
            for i, (node, inputs, apply) in enumerate(chosen)
        ]

    def _check(self, stored: np.ndarray) -> np.ndarray:
        stored = np.asarray(stored)
        source = self.network.input
        if not np.issubdtype(stored.dtype, np.integer):
            raise DataError(f"inputs of dtype {stored.dtype}", expected="stored integers", do=f"use FixedType.quantize of {source.out}")
        if stored.ndim < 1 or int(np.prod(stored.shape[1:])) != int(np.prod(source.shape)):
            raise DataError(f"inputs of shape {stored.shape}", expected=f"(samples, {', '.join(map(str, source.shape))})")
        return stored.reshape(-1, *source.shape)

    def _entering(self, stored: np.ndarray) -> np.ndarray:
        """One batch of inputs, checked while it is in the cache, in the number type that carries it."""
        kind = self.network.input.out
        limits = np.iinfo(stored.dtype)
        if (limits.min < kind.low or limits.max > kind.high) and stored.size and (stored.min() < kind.low or stored.max() > kind.high):
            raise DataError(
                f"inputs from {stored.min()} to {stored.max()}", expected=f"stored integers of {kind}: {kind.low} to {kind.high}"
            )
        return stored.astype(carrier(max(kind.high, -kind.low)))

    def trace(self, stored: np.ndarray, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Results of the named nodes (default: all).

        Args:
            stored: stored integers of the input type, (n, *input shape) or (n, flat size).
            names: nodes to keep.

        Returns:
            ``{name: stored integers}``, int64, (n, *node shape).

        Raises:
            DataError: wrong dtype, shape or range.
        """
        keep = frozenset(names if names is not None else (n.name for n in self.network.nodes))
        stored = self._check(stored)
        kept = {n.name: np.empty((len(stored), *n.shape), np.int64) for n in self.network.nodes if n.name in keep}
        source, steps = self.network.input, self._steps(keep)
        for start in range(0, len(stored), self._batch):
            part = slice(start, start + self._batch)
            alive = {source.name: self._entering(stored[part])}
            if source.name in kept:
                kept[source.name][part] = stored[part]
            for step in steps:
                value = step.apply([alive[i] for i in step.inputs])
                alive[step.name] = value
                if step.name in kept:
                    kept[step.name][part] = value
                for name in step.frees:
                    del alive[name]
        return kept

    def run(self, stored: np.ndarray) -> np.ndarray:
        """Stored integers of the output (int64, (n, *output shape)); see :meth:`trace` for arguments and errors."""
        name = self.network.output.name
        return self.trace(stored, [name])[name]


def run(network: IntegerNetwork, stored: np.ndarray) -> np.ndarray:
    """Output of the network for stored integers of its input type: int64, (n, *output shape), in ``network.output.out``."""
    return Emulator(network).run(stored)


def trace(network: IntegerNetwork, stored: np.ndarray, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Results of all (or the named) nodes, ``{name: int64 array}``."""
    return Emulator(network).trace(stored, names)
