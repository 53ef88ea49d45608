"""Comparing one executor with the emulation, layer by layer and sample by sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ModelError
from ..integer.emulate import Emulator
from ..integer.network import IntegerNetwork, Node
from ..integer.types import FixedType
from ..integer.vectors import Saturations, chunk_size

_REMEMBERED = 1000
"""Differing samples per chunk and layer whose first difference is kept."""


def differing_bits(expected: np.ndarray, got: np.ndarray, type: FixedType) -> np.ndarray:
    """Bits that differ in each value, as two's complement words of the type's width.

    A value outside the type, or between two levels, counts at least one.
    """
    expected, got = np.asarray(expected, np.int64), np.asarray(got)
    whole = got if got.dtype.kind in "iu" else np.nan_to_num(np.clip(np.rint(got), -(2.0**62), 2.0**62)).astype(np.int64)
    mask = np.int64((1 << min(type.width, 63)) - 1)
    bits = np.bitwise_count((expected ^ whole) & mask).astype(np.int64)
    wrong = (expected != whole) | (whole != got)
    return np.where(wrong & (bits == 0), 1, bits)


@dataclass
class Outcome:
    """One executor on one source: differing bits per layer and sample."""

    executor: str
    source: str
    count: int
    traced: int
    bits: dict[str, np.ndarray] = field(default_factory=dict)
    seen: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(self, start: int, node: Node, expected: np.ndarray, got: np.ndarray) -> None:
        """Compare one layer on a chunk of samples; called in the network's order. Layers that agree take no memory."""
        bits = differing_bits(expected, got, node.out)
        per_sample = bits.reshape(len(bits), -1).sum(1)
        if not per_sample.any():
            return
        self.bits.setdefault(node.name, np.zeros(self.count, np.int64))[start : start + len(bits)] = per_sample
        for i in np.flatnonzero(per_sample)[:_REMEMBERED]:
            place = tuple(np.argwhere(bits[i])[0])
            told = {
                "layer": node.name,
                "element": [int(p) for p in place],
                "expected": expected[i][place].item(),
                "got": got[i][place].item(),
            }
            self.seen.setdefault(start + int(i), told)

    @property
    def wrong(self) -> np.ndarray:
        """Samples that differ, ascending."""
        return np.flatnonzero(sum(self.bits.values(), np.zeros(self.count, np.int64)))

    @property
    def total(self) -> int:
        """All differing bits."""
        return sum(int(b.sum()) for b in self.bits.values())

    def forgive(self, samples: np.ndarray) -> None:
        """Take samples out of the count."""
        for bits in self.bits.values():
            bits[samples] = 0


class Comparison:
    """Executors against the emulation of one network, in pieces that fit a memory bound.

    Args:
        network: the reference.
        sources: stored integers of the input type, (n, *input shape), by the name of their source.
    """

    def __init__(self, network: IntegerNetwork, sources: dict[str, np.ndarray]) -> None:
        self.network, self.sources = network, sources
        self.emulator = Emulator(network)
        self.chunk = chunk_size(network)
        self.output = network.output.name
        self.layers: dict[str, list[str]] = {}

    def chunks(self, stored: np.ndarray, start: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """(position, samples) in pieces whose results fit the memory bound."""
        for at in range(start, len(stored), self.chunk):
            yield at, stored[at : at + self.chunk]

    def trace(self, name: str, executor: Any, part: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """(expected, got) of every node that the executor can show, in the network's order."""
        got = executor.trace(part)
        names = [n.name for n in self.network.nodes if n.name in got]
        self.layers[name] = names
        kept = getattr(executor, "kept", {})
        expected = {n: v[..., kept[n]] if n in kept else v for n, v in self.emulator.trace(part, names).items()}
        for layer in names:
            self._check_shape(name, expected[layer], got[layer])
        return {layer: (expected[layer], got[layer]) for layer in names}

    @staticmethod
    def _check_shape(name: str, expected: np.ndarray, got: np.ndarray) -> None:
        if got.shape != expected.shape:
            raise ModelError(f"executor '{name}' returned shape {got.shape}", expected=str(expected.shape))

    def run(self, name: str, executor: Any, source: str) -> Outcome:
        """Compare one executor on one source."""
        stored = self.sources[source]
        limit, traced = getattr(executor, "limit", None), getattr(executor, "traced", None)
        stored = stored if limit is None else stored[:limit]
        traced = 0 if not hasattr(executor, "trace") else len(stored) if traced is None else min(traced, len(stored))
        outcome = Outcome(name, source, len(stored), traced)
        for start, part in self.chunks(stored[:traced]):
            for layer, (expected, got) in self.trace(name, executor, part).items():
                outcome.add(start, self.network.node(layer), expected, got)
        for start, part in self.chunks(stored, traced):
            expected, got = self.emulator.run(part), np.asarray(executor(part))
            self._check_shape(name, expected, got)
            outcome.add(start, self.network.output, expected, got)
        self.layers.setdefault(name, [self.output])
        return outcome

    def first(self, outcome: Outcome, executor: Any, sample: int) -> dict[str, Any]:
        """The first layer, in the network's order, in which a sample differs, and the first value of it."""
        told = outcome.seen.get(sample) or {"layer": next(layer for layer, bits in outcome.bits.items() if bits[sample])}
        if sample >= outcome.traced and hasattr(executor, "trace"):  # only the output was compared
            part = self.sources[outcome.source][sample : sample + 1]
            again = Outcome(outcome.executor, outcome.source, 1, 1)
            try:
                for layer, (expected, got) in self.trace(outcome.executor, executor, part).items():
                    again.add(0, self.network.node(layer), expected, got)
                told = again.seen.get(0, told)
            except Exception as error:  # a failing trace must not hide the difference itself
                told = told | {"trace": f"not available ({error})"}
        return {"executor": outcome.executor, "source": outcome.source, "sample": sample} | told

    def proven(self, wide: Any, outcome: Outcome) -> np.ndarray:
        """The differing samples that agree in every layer when the executor computes in float64."""
        wrong = outcome.wrong
        agree = np.ones(len(wrong), bool)
        for start, part in self.chunks(self.sources[outcome.source][wrong]):
            for expected, got in self.trace(outcome.executor, wide, part).values():
                agree[start : start + len(part)] &= (expected == got).reshape(len(part), -1).all(1)
        return wrong[agree]

    def saturations(self) -> dict[str, Any]:
        """What all inputs together have reached."""
        found = Saturations(self.network)
        for stored in self.sources.values():
            for _, part in self.chunks(stored):
                found.update(self.emulator.trace(part, found.names))
        return found.to_json()
