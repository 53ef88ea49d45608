"""What runs between two stages of a stream: beats of several values, one or none in a cycle, taken when both sides agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....integer import FixedType
from ....integer.intervals import Range


@dataclass(frozen=True, eq=False)
class Beats:
    """The values of one sample in row-major order, so many at a time.

    Attributes:
        name: of the network's node whose result this is.
        type: of each value; it takes ``type.width`` bits, and the first value of a beat is in the lowest ones.
        count: beats of a sample.
        range: stored integers that each value of a beat may have, over all beats: arrays ``(values,)``.
        order: of values that do not come in row-major order, the place of each one in the sample.
    """

    name: str
    type: FixedType
    count: int
    range: Range
    order: np.ndarray | None = None

    @cached_property
    def values(self) -> int:
        """Values of a beat."""
        return int(self.range.low.size)

    @cached_property
    def width(self) -> int:
        """Bits of a beat."""
        return self.values * self.type.width

    def sorted(self, matrix: np.ndarray) -> np.ndarray:
        """The rows of ``matrix``, one for each value of the sample, as the values come."""
        return matrix if self.order is None else matrix[self.order]

    @property
    def what(self) -> str:
        """For a comment: ``conv1: 784 beats of 8 x fixed<6,2>``."""
        return f"{self.name}: {self.count} {'beat' if self.count == 1 else 'beats'} of {self.values} x {self.type}"

    @classmethod
    def cut(cls, name: str, type: FixedType, range: Range, values: int) -> Beats:
        """A node's result of exact range ``range`` (of the sample's shape), ``values`` at a time."""
        low, high = range.low.reshape(-1, values), range.high.reshape(-1, values)
        return cls(name, type, len(low), Range(low.min(0), high.max(0)))

    def regrouped(self, values: int) -> Beats:
        """The same values, ``values`` at a time; in row-major order where they all come at once."""
        larger = max(values, self.values)
        low, high = (np.resize(end, larger).reshape(-1, values) for end in (self.range.low, self.range.high))
        count = self.count * self.values // values
        if count > 1 or self.order is None:
            return Beats(self.name, self.type, count, Range(low.min(0), high.max(0)), self.order)
        back = np.argsort(self.order)
        return Beats(self.name, self.type, 1, Range(low.min(0)[back], high.max(0)[back]))


def bits_for(largest: int) -> int:
    """Bits of a counter that reaches ``largest``."""
    return max(int(largest).bit_length(), 1)


def literal(value: int, width: int) -> str:
    """A Verilog constant of so many bits in two's complement."""
    return f"{width}'h{value % (1 << width):x}"
