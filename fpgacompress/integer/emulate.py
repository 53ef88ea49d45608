"""Bit-exact emulation of an integer network in numpy.

Integers are carried in float32 as long as interval analysis proves that no sum passes 2**24 (every integer up to there, and every
partial sum in any order, is a float32), in float64 up to 2**53 and in int64 beyond. So the matrix products run in BLAS and are still exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .intervals import Range, partial_sum_bound, ranges
from .linear import WEIGHTED, aligned, weighted_sum
from .network import IntegerNetwork, Node
from .types import FixedType
from .windows import pooled_maximum

_BATCH_BYTES = 48 * 2**20


def _carrier(bound: int) -> type:
    """The fastest number type that holds all integers up to ``bound`` exactly."""
    if bound <= 2**24:
        return np.float32
    return np.float64 if bound <= 2**53 else np.int64


def _cast_float(x: np.ndarray, type: FixedType, fraction: int) -> np.ndarray:
    """``FixedType.cast`` on integers carried in floats; scaling by powers of two and ``rint`` (half to even) are exact."""
    y = x * x.dtype.type(2.0 ** (type.fraction - fraction))
    if type.fraction < fraction:
        if type.rounding == "RND_CONV":
            np.rint(y, out=y)
        else:
            floor = np.floor(y)
            y = floor + (y - floor >= 0.5) if type.rounding == "RND" else floor
    if type.overflow == "WRAP":
        span = 2.0**type.width
        return (y - np.floor((y - type.low) / span) * span).astype(x.dtype)
    return np.clip(y, type.low, type.high, out=y)


@dataclass(frozen=True)
class _Step:
    """One node made ready: ``apply`` maps the inputs' arrays to the result's."""

    node: Node
    apply: Callable[[list[np.ndarray]], np.ndarray]
    bytes_per_sample: int


def _weighted_step(node: Node, source: Node, source_range: Range) -> _Step:
    carrier = _carrier(partial_sum_bound(node, source_range, source.out))
    kernel, bias = (a.astype(carrier) for a in aligned(node, source.out.fraction))

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        total = weighted_sum(node, inputs[0].astype(carrier, copy=False), kernel)
        total += bias
        return total

    row = int(np.prod(kernel.shape[:-1]))
    positions = int(np.prod(node.shape[:-1]))
    return _Step(node, apply, positions * (row + kernel.shape[-1]) * np.dtype(carrier).itemsize)


def _quantize_step(node: Node, source: Node, bound: int) -> _Step:
    fraction = source.out.fraction
    grown = 2 * max(bound << max(node.out.fraction - fraction, 0), node.out.high, -node.out.low)  # wrapping subtracts the lower bound
    carrier = _carrier(grown)

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        x = inputs[0].astype(carrier, copy=False)
        return node.out.cast(x, fraction) if carrier is np.int64 else _cast_float(x, node.out, fraction)

    return _Step(node, apply, 0)


def _add_step(node: Node, sources: list[Node], bound: int) -> _Step:
    carrier = _carrier(bound)
    ups = [node.out.fraction - s.out.fraction for s in sources]

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        return sum(x.astype(carrier, copy=False) * carrier(2**up) for x, up in zip(inputs, ups, strict=True))

    return _Step(node, apply, 0)


def _step(node: Node, network: IntegerNetwork, found: dict[str, Range]) -> _Step:
    sources = [network.node(i) for i in node.inputs]
    if node.op == "input":
        return _Step(node, lambda inputs: inputs[0], 0)
    if node.op in WEIGHTED:
        return _weighted_step(node, sources[0], found[sources[0].name])
    if node.op == "quantize":
        return _quantize_step(node, sources[0], int(found[sources[0].name].magnitude.max()))
    if node.op in ("flatten", "reshape"):
        return _Step(node, lambda inputs: inputs[0].reshape(-1, *node.shape), 0)
    if node.op == "maxpool":
        settings = (node.params["pool_size"], node.params["strides"], node.params["padding"], node.out.low)
        return _Step(node, lambda inputs: pooled_maximum(inputs[0], *settings), 0)
    if node.op == "add":
        grown = max(int(found[s.name].magnitude.max()) << (node.out.fraction - s.out.fraction) for s in sources)
        return _add_step(node, sources, max(grown, int(found[node.name].magnitude.max())))
    raise DataError(f"layer '{node.name}': operation '{node.op}' cannot be emulated")


class Emulator:
    """An integer network made ready to run; build it once, run it often.

    Args:
        network: what to compute.
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self.network = network
        found = ranges(network)
        self._steps = [_step(node, network, found) for node in network.nodes]
        heaviest = max(max(s.bytes_per_sample for s in self._steps), 8 * max(int(np.prod(n.shape)) for n in network.nodes))
        self._batch = int(np.clip(_BATCH_BYTES // heaviest, 1, 4096))
        self._last_reader = {name: node.name for node in network.nodes for name in node.inputs}

    def _check(self, stored: np.ndarray) -> np.ndarray:
        stored = np.asarray(stored)
        source = self.network.input
        if not np.issubdtype(stored.dtype, np.integer):
            raise DataError(f"inputs of dtype {stored.dtype}", expected="stored integers", do=f"use FixedType.quantize of {source.out}")
        if stored.ndim < 1 or int(np.prod(stored.shape[1:])) != int(np.prod(source.shape)):
            raise DataError(f"inputs of shape {stored.shape}", expected=f"(samples, {', '.join(map(str, source.shape))})")
        if stored.size and (stored.min() < source.out.low or stored.max() > source.out.high):
            raise DataError(
                f"inputs from {stored.min()} to {stored.max()}",
                expected=f"stored integers of {source.out}: {source.out.low} to {source.out.high}",
            )
        return stored.reshape(-1, *source.shape)

    def _run_batch(self, stored: np.ndarray, keep: frozenset[str]) -> dict[str, np.ndarray]:
        alive: dict[str, np.ndarray] = {}
        kept: dict[str, np.ndarray] = {}
        for step in self._steps:
            node = step.node
            if node.op == "input":
                value = stored.astype(_carrier(max(node.out.high, -node.out.low)))
            else:
                value = step.apply([alive[i] for i in node.inputs])
            alive[node.name] = value
            if node.name in keep:
                kept[node.name] = value.astype(np.int64)
            for name in node.inputs:
                if self._last_reader[name] == node.name:
                    alive.pop(name, None)
        return kept

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
        parts = [self._run_batch(stored[i : i + self._batch], keep) for i in range(0, len(stored), self._batch)]
        empty = {n.name: np.zeros((0, *n.shape), np.int64) for n in self.network.nodes if n.name in keep}
        return {name: np.concatenate([p[name] for p in parts]) if parts else empty[name] for name in empty}

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
