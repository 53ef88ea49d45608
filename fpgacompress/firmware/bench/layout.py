"""How values lie in the bytes on the line: stored integers to payloads, bodies of answers to stored integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...integer.types import FixedType
from ..rtl.ports import pack, unpack, width, words
from ..rtl.project import Port


@dataclass(frozen=True)
class Values:
    """Values of one sample in a port, or in the beats of one.

    Attributes:
        ports: of each value, in row-major order; a value without bits is always 0, or is not read.
        type: fixed-point type of the stored integers.
        shape: of one sample.
        beats: that the values are spread over, the same number in each.
    """

    ports: tuple[Port, ...]
    type: FixedType
    shape: tuple[int, ...]
    beats: int = 1

    def pack(self, stored: np.ndarray) -> np.ndarray:
        """Bytes of stored integers.

        Args:
            stored: integers ``(n, ...)``.

        Returns:
            uint8 ``(n, bytes)``: the bits of each beat side by side, the first value in the lowest ones, filled up to whole bytes with 0.
        """
        flat, each = np.asarray(stored, np.int64).reshape(len(stored), len(self.ports)), len(self.ports) // self.beats
        parts = []
        for start in range(0, len(self.ports), each):
            own = self.ports[start : start + each]
            packed = pack(own, flat[:, start : start + each], self.type.fraction)
            parts.append(packed.astype("<u4").view(np.uint8)[:, : -(-width(own) // 8)])
        return np.concatenate(parts, axis=1)

    def unpack(self, data: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`pack`, for one beat.

        Args:
            data: uint8 ``(n, bytes)``.

        Returns:
            Stored integers ``(n, *shape)``, int64.
        """
        rows = np.zeros((len(data), 4 * words(width(self.ports))), np.uint8)
        rows[:, : data.shape[1]] = data
        return unpack(self.ports, rows.view("<u4").astype(np.uint32), self.type.fraction).reshape(-1, *self.shape)


@dataclass(frozen=True)
class Layout:
    """Inputs and outputs of a network as its UART top takes and gives them."""

    inputs: Values
    outputs: Values
