"""What every operation of an integer network provides: exact bounds of its result, and a function that computes it on a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import UnsupportedError
from ..network import Node
from ..types import FixedType

LARGEST = 2**61
"""Stored integers and their sums must stay below this, so that int64 computes them."""


@dataclass(frozen=True)
class Range:
    """Element-wise bounds of one edge: stored integers (int64) of the edge's type, arrays of the sample's shape."""

    low: np.ndarray
    high: np.ndarray

    @property
    def magnitude(self) -> np.ndarray:
        """Largest absolute value per element."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest stored integer over all elements."""
        return int(self.low.min()), int(self.high.max())

    @classmethod
    def of_type(cls, type: FixedType, shape: tuple[int, ...]) -> Range:
        """Everything a type can hold."""
        return cls(np.full(shape, type.low, np.int64), np.full(shape, type.high, np.int64))


@dataclass(frozen=True)
class Edge:
    """What an operation knows of one input: its type and the exact range of every element."""

    type: FixedType
    range: Range

    @property
    def largest(self) -> int:
        """Largest magnitude over all elements."""
        return int(self.range.magnitude.max())


Apply = Callable[[list[np.ndarray]], np.ndarray]
"""Arrays of stored integers (n, *shape) in any number type that holds them exactly -> the result, likewise."""


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        propagate: (node, inputs) -> range of the result, in stored integers of ``node.out``.
        prepare: (node, inputs, own range) -> the function that computes it, bit-exact, on batches.
    """

    propagate: Callable[[Node, list[Edge]], Range]
    prepare: Callable[[Node, list[Edge], Range], Apply]


def carrier(bound: int) -> type:
    """The fastest number type that holds all integers up to ``bound`` exactly."""
    if bound <= 2**24:
        return np.float32
    return np.float64 if bound <= 2**53 else np.int64


def scaled(x: np.ndarray, up: int) -> np.ndarray:
    """``x * 2**up`` in the dtype of ``x`` (``up`` >= 0)."""
    return x if up == 0 else x * x.dtype.type(2**up)


def guarded(node: Node, largest: float) -> None:
    """Refuse a result that int64 could not hold.

    Raises:
        UnsupportedError: more than 62 bits.
    """
    if largest >= LARGEST:
        raise UnsupportedError(
            f"layer '{node.name}': the exact result needs more than 62 bits",
            expected="weights, bias and activations whose exact result fits 62 bits",
            do="use fewer fractional bits in the quantizers of this layer or of its input",
        )


Compute = Callable[[Node, list[FixedType], list[np.ndarray]], np.ndarray]
"""(node, types of its inputs, inputs (n, *shape)) -> result, in the common dtype of the inputs."""


def monotone(compute: Compute, growth: Callable[[Node, list[Edge]], int] | None = None) -> Operation:
    """An operation whose result rises (or stays) with each element of its inputs, so its bounds are its values at their bounds.

    Args:
        compute: the operation itself; must be exact in any number type that holds inputs, result and ``growth``.
        growth: largest magnitude met on the way; that of inputs and result when absent.
    """

    def propagate(node: Node, edges: list[Edge]) -> Range:
        guarded(node, growth(node, edges) if growth else 0)
        types = [e.type for e in edges]
        low, high = (
            compute(node, types, [part[None] for part in parts])[0] for parts in zip(*((e.range.low, e.range.high) for e in edges))
        )
        return Range(low.astype(np.int64), high.astype(np.int64))

    def prepare(node: Node, edges: list[Edge], own: Range) -> Apply:
        met = [int(own.magnitude.max()), *(e.largest for e in edges)]
        number = carrier(max(met + ([growth(node, edges)] if growth else [])))
        types = [e.type for e in edges]
        return lambda inputs: compute(node, types, [x.astype(number, copy=False) for x in inputs])

    return Operation(propagate, prepare)
