"""Values in the ports of a project's top module: stored integers side by side in rows of 32-bit words, and in files of hexadecimal numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .project import Port


def width(ports: Sequence[Port]) -> int:
    """Bits of all values together."""
    return sum(port.width for port in ports)


def words(bits: int) -> int:
    """Words of 32 bits that hold so many."""
    return -(-bits // 32)


def _pieces(ports: Sequence[Port]) -> Iterator[list[tuple[int, int, int, int]]]:
    """Of each value its pieces: (word, lowest bit in it, lowest bit of the value, bits)."""
    at = 0
    for port in ports:
        pieces, done = [], 0
        while done < port.width:
            bits = min(port.width - done, 32 - at % 32)
            pieces.append((at // 32, at % 32, done, bits))
            at, done = at + bits, done + bits
        yield pieces


def pack(ports: Sequence[Port], stored: np.ndarray, fraction: int) -> np.ndarray:
    """Rows of a port.

    Args:
        ports: of each value; one without bits is left out.
        stored: int64 ``(n, len(ports))``.
        fraction: bits of the stored integers below the binary point.

    Returns:
        uint32 ``(n, words)``, the lowest bits first.
    """
    rows = np.zeros((words(width(ports)), len(stored)), np.uint32)
    for port, pieces, column in zip(ports, _pieces(ports), np.asarray(stored, np.int64).T):
        value = _moved(column, port.fraction - fraction)
        for word, offset, start, bits in pieces:
            rows[word] |= (((value >> start) & (2**bits - 1)) << offset).astype(np.uint32)
    return np.ascontiguousarray(rows.T)


def unpack(ports: Sequence[Port], rows: np.ndarray, fraction: int) -> np.ndarray:
    """Inverse of :func:`pack`; a value without bits is 0. int64 ``(n, len(ports))``."""
    columns = np.ascontiguousarray(rows.T)
    values = np.zeros((len(ports), len(rows)), np.int64)
    for port, pieces, value in zip(ports, _pieces(ports), values):
        for word, offset, start, bits in pieces:
            value |= ((columns[word].astype(np.int64) >> offset) & (2**bits - 1)) << start
        if port.sign:
            value[:] = value << (64 - port.width) >> (64 - port.width)
        value[:] = _moved(value, fraction - port.fraction)
    return np.ascontiguousarray(values.T)


def _moved(values: np.ndarray, places: int) -> np.ndarray:
    """Integers of another binary point; bits that would be lost are not looked at."""
    return values << places if places >= 0 else values >> min(-places, 63)


def write_hex(path: Path, rows: np.ndarray, bits: int) -> None:
    """Write rows as lines of hexadecimal digits, the highest first, as ``$fscanf("%h")`` and VHDL's ``hread`` read them."""
    text = np.frombuffer(rows[:, ::-1].astype(">u4").tobytes().hex().encode(), np.uint8).reshape(len(rows), 8 * rows.shape[1])
    lines = np.full((len(rows), -(-bits // 4) + 1), ord("\n"), np.uint8)
    lines[:, :-1] = text[:, text.shape[1] - lines.shape[1] + 1 :]
    path.write_bytes(lines.tobytes())


_DIGITS = np.full(256, 255, np.uint8)
for _number, _digit in enumerate("0123456789abcdef"):
    _DIGITS[[ord(_digit), ord(_digit.upper())]] = _number


def read_hex(path: Path, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Read what a test bench has written.

    Returns:
        The rows, uint32 ``(n, words)``, and bool ``(n,)``: no bit of the row is undefined (x) or without a driver (z).
    """
    digits = -(-bits // 4)
    lines = _DIGITS[np.fromfile(path, np.uint8).reshape(-1, digits + 1)[:, :-1]]
    known = (lines < 16).all(axis=1)
    padded = np.zeros((len(lines), 8 * words(bits)), np.uint8)
    padded[:, padded.shape[1] - digits :] = np.where(known[:, None], lines, 0)
    numbers = (padded[:, ::2] << 4 | padded[:, 1::2]).tobytes()
    return np.ascontiguousarray(np.frombuffer(numbers, ">u4").reshape(len(lines), -1)[:, ::-1].astype(np.uint32)), known
