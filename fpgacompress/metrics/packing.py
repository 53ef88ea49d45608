"""How few bits hold a kernel with its zeros: packings that a memory image could have, counted (numpy only)."""

from __future__ import annotations

import numpy as np

from .csd import bit_length

GAP_WIDTHS = range(1, 17)


def gap_bits(kernel: np.ndarray, width: int) -> int:
    """Bits of the non-zero weights stored with the distance to the one before (Han et al., Deep Compression, arXiv 1510.00149, section 2).

    Each entry holds a ``width``-bit weight and a ``g``-bit count of zeros skipped; a run longer than ``2**g - 1`` needs entries of a zero
    weight.
    The best ``g`` from 1 to 16 is taken (its 4 bits are not counted).
    """
    places = np.flatnonzero(np.ravel(kernel))
    skipped = np.diff(places, prepend=-1) - 1
    return min(int(places.size + np.sum(skipped // 2**g)) * (width + g) for g in GAP_WIDTHS)


def channel_shifts(kernel: np.ndarray, signed: bool = True) -> tuple[np.ndarray, np.ndarray, int]:
    """Integers of each output as smaller ones and a shift: what a power-of-two scale for each output has made wide.

    Args:
        kernel: integers, outputs on the last axis.
        signed: whether the stored numbers have a sign bit.

    Returns:
        ``(small, shifts, width)``: ``kernel == small << shifts``, shifts ``(outputs,)``, and the bits of the widest of ``small``.
    """
    table = np.reshape(np.asarray(kernel, np.int64), (-1, kernel.shape[-1]))
    lowest = np.where(table != 0, table & -table, np.int64(1) << 62).min(axis=0)
    shifts = np.where(table.any(axis=0), np.log2(lowest).astype(np.int64), 0)
    small = table >> shifts
    width = int(bit_length(np.where(small < 0, ~small, small)).max(initial=0)) + int(signed)
    return small.reshape(kernel.shape), shifts, max(width, 1)


def pack(kernel: np.ndarray, width: int, signed: bool = True) -> tuple[int, str]:
    """The fewest bits of a kernel and the packing's name.

    - "dense": every weight in ``width`` bits.
    - "bitmap": one bit for each weight, and ``width`` bits for each that is not zero.
    - "gaps": see :func:`gap_bits`.
    - "live gaps": one bit for each input and each output that says whether it has any weight, and gaps among those that have.
    - any of them with "shifts": see :func:`channel_shifts`; the shift of each output is stored once.
    """
    options = _packings(kernel, width)
    small, shifts, narrow = channel_shifts(kernel, signed)
    if narrow < width and shifts.any():
        own = shifts.size * int(shifts.max()).bit_length()
        options |= {f"{name}, shifts": bits + own for name, bits in _packings(small, narrow).items()}
    name = min(options, key=lambda n: options[n])
    return options[name], name


def _packings(kernel: np.ndarray, width: int) -> dict[str, int]:
    size, nonzeros, table = int(kernel.size), int(np.count_nonzero(kernel)), kernel.reshape(-1, kernel.shape[-1])
    options = {"dense": size * width, "bitmap": size + nonzeros * width, "gaps": gap_bits(kernel, width)}
    live = table[table.any(axis=1)][:, table.any(axis=0)]
    return options | {"live gaps": sum(table.shape) + gap_bits(live, width)}
