"""What a design in io_stream takes beside its layers: FIFOs and line buffers one by one, their sums, and what the whole takes at least."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..figures import Figure
from .calibration import Area
from .design import Design
from .setting import Setting
from .streams import UNITS, Fifo, buffer_counts, fifo_after, fifo_counts, part_figures


def stream_rows(design: Design, setting: Setting) -> list[dict[str, Any]]:
    """One row for each FIFO and each line buffer: name, kind, words, bits of a word, and LUT, FF and BRAM18 at C-synthesis."""
    rows: list[dict[str, Any]] = []
    for part in (*(design.fifos or ()), *design.buffers):
        fifo = isinstance(part, Fifo)
        rows.append(
            {
                "name": part.name,
                "kind": "fifo" if fifo else "line buffer",
                "words": part.depth if isinstance(part, Fifo) else part.words * (part.height - 1),
                "word_bits": part.channels * part.bits,
            }
            | part_figures(part, setting)
        )
    return rows


def _added(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    value = low = high = 0
    for one in counts:
        value, low, high = value + one[0], low + one[1], high + one[2]
    return value, low, high


def stream_counts(design: Design, setting: Setting, kind: str) -> tuple[int, int, int]:
    """Sum of "lut", "ff" or "bram18" of all FIFOs and line buffers at C-synthesis: value, low, high."""
    parts = [fifo_counts(f, setting)[kind] for f in design.fifos or ()] + [buffer_counts(b, setting)[kind] for b in design.buffers]
    return _added(parts)


def fifo_area(design: Design, kind: str, stage: str, setting: Setting) -> Area:
    """LUT or FF of all FIFOs at a stage."""
    counts = fifo_counts if stage == "csynth" else fifo_after
    value, low, high = _added(counts(f, setting)[kind] for f in design.fifos or ())
    return Area(value, low, high, bool(design.fifos))


AT_LEAST = (
    "a lower bound: the low ends of FIFOs, line buffers, dense layers and activations with a law; convolutions and all else are not in it"
)


def at_least(kind: str, streams: tuple[int, int, int], known: Area) -> Figure:
    """A lower bound of LUT or FF at C-synthesis, of what is counted and what has a law."""
    bound = round(streams[1] + known.low)
    return Figure(bound, UNITS[kind], bound, None, AT_LEAST, "csynth", "extrapolated")
