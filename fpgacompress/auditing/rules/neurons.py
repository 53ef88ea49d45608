"""Neurons that say the same whatever they see: hardware for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...integer.network import Node
from ..report import Finding
from ..rule import rule, several
from ..subject import Subject


def channels(fixed: np.ndarray) -> np.ndarray:
    """Numbers of the channels (last axis) that are fixed at every position."""
    return np.flatnonzero(fixed.reshape(-1, fixed.shape[-1]).all(0))


def _results(subject: Subject) -> Iterator[tuple[Node, Node]]:
    """(weighted node, node with its result): the ``quantize`` behind it where there is one reader, else itself."""
    nodes = subject.network.nodes
    for node in subject.network.weighted:
        readers = [n for n in nodes if node.name in n.inputs]
        behind = readers[0] if len(readers) == 1 and readers[0].op in ("quantize", "quantize_each", "threshold", "clip") else node
        yield node, behind


@rule("constant-neurons", "network")
def constant_neurons(subject: Subject) -> Iterator[Finding]:
    """Neurons with one possible result on all inputs the input type can hold (interval analysis)."""
    for node, behind in _results(subject):
        found = subject.ranges[behind.name]
        fixed = channels(found.low == found.high)
        if not fixed.size:
            continue
        count = behind.shape[-1]
        yield Finding(
            "constant-neurons",
            "error" if fixed.size == count else "warning",
            node.name,
            f"{fixed.size} of {count} neurons have one and the same result on every possible input (numbers {several(fixed)})",
            "remove them: fold their constants into the next layer's bias, or use a smaller layer",
            {"constant": int(fixed.size), "neurons": int(count), "indices": fixed.tolist()},
        )


@rule("dead-neurons", "measured")
def dead_neurons(subject: Subject) -> Iterator[Finding]:
    """Neurons with the same result on every sample of the data, those of ``constant-neurons`` not told again."""
    for name, site in subject.measured.sites.items():
        fixed, count = channels(~site.seen.varies), site.seen.varies.shape[-1]
        certain = subject.ranges.get(name)
        known = channels(certain.low == certain.high) if certain else np.array([], int)
        fixed = np.setdiff1d(fixed, known)
        if not fixed.size:
            continue
        first = site.seen.first.reshape(-1, count)
        zeros = sum(bool((first[:, i] == 0).all()) for i in fixed)
        also = f", besides {known.size} that cannot change at all" if known.size else ""
        yield Finding(
            "dead-neurons",
            "error" if fixed.size == count else "warning",
            site.layer.name,
            f"{fixed.size} of {count} neurons give the same result on all {len(subject.few.x):,} samples{also} ({zeros} of them zero; "
            f"numbers {several(fixed)})",
            "train with a smaller step or learning rate, or use a smaller layer",
            {"constant": int(fixed.size), "zero": zeros, "neurons": int(count), "indices": fixed.tolist()},
        )
