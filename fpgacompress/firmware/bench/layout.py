"""How values lie in the bytes on the line: stored integers to payloads, bodies of answers to stored integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...integer.types import FixedType
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
        flat = np.asarray(stored, np.int64).reshape(len(stored), len(self.ports))
        columns = []
        for value, port in zip(flat.T, self.ports):
            places = port.fraction - self.type.fraction
            moved = value << places if places >= 0 else value >> -places
            columns += [moved >> bit & 1 for bit in range(port.width)]
        bits = np.array(columns, np.uint8).T.reshape(len(flat), self.beats, len(columns) // self.beats)
        return np.packbits(bits, axis=2, bitorder="little").reshape(len(flat), -1)

    def unpack(self, data: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`pack`, for one beat.

        Args:
            data: uint8 ``(n, bytes)``.

        Returns:
            Stored integers ``(n, *shape)``, int64.
        """
        bits = np.unpackbits(data, axis=1, bitorder="little").astype(np.int64)
        flat, start = np.zeros((len(data), len(self.ports)), np.int64), 0
        for value, port in zip(flat.T, self.ports):
            for bit in range(port.width):
                value += bits[:, start + bit] << bit
            if port.sign:
                value -= bits[:, start + port.width - 1] << port.width
            places = self.type.fraction - port.fraction
            value[:] = value << places if places >= 0 else value >> -places
            start += port.width
        return flat.reshape(-1, *self.shape)


@dataclass(frozen=True)
class Layout:
    """Inputs and outputs of a network as its UART top takes and gives them."""

    inputs: Values
    outputs: Values
