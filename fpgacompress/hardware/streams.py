"""FIFOs and line buffers of io_stream: what HLS tools take for them, read off C-synthesis reports (``data/streams.csv``; :mod:`.calibrate` prints how
well that holds)."""

from __future__ import annotations

from dataclasses import dataclass

from ..figures import Figure
from . import laws
from .setting import Setting

SRL_BITS = {"Vitis": 1024, "Vivado": 512}
"""Bits (depth x width) up to which a FIFO is made of LUT: the tool's default in Vitis HLS (UG1399, config_storage ``-auto_srl_max_bits``); in Vivado HLS
reports have LUT up to 448 bits and block RAM from 784."""

SRL_DEPTH = 2
"""Words up to which a FIFO is made of LUT however wide it is (UG1399, ``-auto_srl_max_depth``)."""

SHIFTED = 16
"""Words up to which Vivado HLS takes shift registers for a FIFO of few bits, and not LUT RAM."""

SPREAD = {"Vitis": {"lut": (0.5, 5.0), "ff": (0.9, 5.5)}, "Vivado": {"lut": (0.5, 2.0), "ff": (0.7, 1.4)}}
"""How far LUT and FF of a FIFO differ between releases. Vitis HLS 2024.1 charges up to five times those of 2023.2, 2024.2 and 2025.2: it widens words to a power of
two."""

BANK = {"lut": 32, "ff": 64}
"""LUT and FF of one row of one channel in a line buffer (shift register of up to 32 words), whatever its width in all reports (8 and 16 bits)."""

SHIFT_LUT = 9
"""LUT of the multiplexer in front of an element that the window shifts on to (Vitis HLS; none in Vivado HLS)."""

COUNTERS_FF = 128
"""Four counters of 32 bits: place in the image, and stride."""


@dataclass(frozen=True)
class Fifo:
    """A stream between two layers.

    Attributes:
        name: of the layer that writes it.
        depth: words: as many as an inference writes, which is hls4ml's default.
        channels: numbers in a word.
        bits: of a number.
    """

    name: str
    depth: int
    channels: int
    bits: int


@dataclass(frozen=True)
class Buffer:
    """The rows and the window that a convolution or pooling in a stream keeps.

    Attributes:
        name: of the layer.
        words: elements of a row, padding included.
        channels: numbers of an element.
        bits: of a number.
        height, width: of the window.
        shifts: rows are shift registers, as hls4ml makes them (else memories, as in our own pooling).
        places: results of a row, where the window may be kept in FIFOs instead ("Encoded" pooling of hls4ml's Vivado back end, which older releases
            took without being asked); 0: it is not.
    """

    name: str
    words: int
    channels: int
    bits: int
    height: int
    width: int
    shifts: bool = True
    places: int = 0

    @property
    def banks(self) -> int:
        """Rows of single channels that are kept."""
        return (self.height - 1) * self.channels


def fifo_bram18(depth: int, bits: int, tool: str) -> int:
    """18 Kb blocks of one FIFO at C-synthesis: 18 bits wide up to 1024 words; 0 where it is made of LUT (``tool``: a key of :data:`SRL_BITS`)."""
    return 0 if depth <= SRL_DEPTH or depth * bits <= SRL_BITS[tool] else laws.memory_blocks(bits, max(depth, 1024))


def _vitis(depth: int, bits: int) -> dict[str, int]:
    if not fifo_bram18(depth, bits, "Vitis"):
        return {"lut": 64, "ff": 99}
    return {"lut": 55, "ff": 142 + 2 * (depth - 1).bit_length()}


def _vivado(depth: int, bits: int) -> dict[str, int]:
    if fifo_bram18(depth, bits, "Vivado"):
        return {"lut": 54, "ff": bits + 2 * (depth - 1).bit_length() + 6}
    return {"lut": 12 + bits, "ff": 6} if depth <= SHIFTED else {"lut": 79, "ff": 82}


def fifo_counts(fifo: Fifo, setting: Setting) -> dict[str, tuple[int, int, int]]:
    """LUT, FF and BRAM18 ("lut", "ff", "bram18") of a FIFO at C-synthesis: value, low and high. Vivado HLS makes one for each channel, Vitis HLS one of
    all; low BRAM18: words of 36 bits, as Vitis HLS 2024.1 counts them, and as synthesis makes them."""
    tool = "Vivado" if setting.vivado else "Vitis"
    copies, bits = (fifo.channels, fifo.bits) if setting.vivado else (1, fifo.channels * fifo.bits)
    blocks, one = fifo_bram18(fifo.depth, bits, tool), (_vivado if setting.vivado else _vitis)(fifo.depth, bits)
    found = {"bram18": (copies * blocks, copies * min(laws.memory_blocks(bits, fifo.depth), blocks) if blocks else 0, copies * blocks)}
    for kind, value in one.items():
        low, high = SPREAD[tool][kind]
        found[kind] = (copies * value, int(copies * value * low), int(copies * value * high + 0.5))
    return found


def fifo_after(fifo: Fifo, setting: Setting) -> dict[str, tuple[int, int, int]]:
    """LUT and FF of a FIFO after synthesis, counted by its construction, which no report tells apart: 20 each for pointers; in shift registers a LUT for
    each bit and 32 words (UG474), none in block RAM; a register for each bit that comes out."""
    copies, bits = (fifo.channels, fifo.bits) if setting.vivado else (1, fifo.channels * fifo.bits)
    stored = 0 if fifo.depth == 1 or fifo_counts(fifo, setting)["bram18"][2] else bits * -(-fifo.depth // 32)
    found = {}
    for kind, value in (("lut", 20 + stored), ("ff", 20 + bits * (1 + (fifo.depth == 1)))):
        found[kind] = (copies * value, copies * value // 4, copies * (2 * value + bits))
    return found


def buffer_counts(buffer: Buffer, setting: Setting) -> dict[str, tuple[int, int, int]]:
    """The same of a line buffer with its window and counters. Rows beyond 32 words may take another shift register for each bit; rows in memories block
    RAM, or LUT RAM."""
    steps = buffer.height * (buffer.width - 1) * buffer.channels
    window = buffer.height * buffer.width * buffer.channels * buffer.bits
    more = buffer.banks * buffer.bits * ((buffer.words - 1) // 32)
    lut = BANK["lut"] * buffer.banks + (0 if setting.vivado else SHIFT_LUT * steps)
    ff = BANK["ff"] * buffer.banks + window + COUNTERS_FF
    blocks = 0 if buffer.shifts else buffer.banks * laws.memory_blocks(buffer.bits, max(buffer.words, 1024))
    blocks += buffer.height * buffer.width * buffer.channels * fifo_bram18(buffer.height * buffer.places, buffer.bits, "Vivado")
    high = BANK["lut"] * buffer.banks + SHIFT_LUT * steps + more
    return {"lut": (lut, lut // 2, int(1.2 * high)), "ff": (ff, ff // 2, int(1.2 * ff) + more), "bram18": (0, 0, blocks)}


UNITS = {"lut": "LUT", "ff": "FF", "bram18": "BRAM18"}
TEXTS = {
    "fifo bram18": "from words of 36 bits, as synthesis and some releases take, to those of 18 bits that other releases count: all FIFOs of the reports",
    "fifo": "what releases of the tool charge for a FIFO (434 of seven reports, data/streams.csv)",
    "buffer": "half to 1.2 times what reports have (five line buffers, rows of up to 28 words, data/streams.csv)",
}


def part_figures(part: Fifo | Buffer, setting: Setting) -> dict[str, Figure]:
    """LUT, FF and BRAM18 of a FIFO or buffer at C-synthesis. Block RAM of FIFOs is a law; the rest is extrapolated."""
    fifo = isinstance(part, Fifo)
    counts = fifo_counts(part, setting) if isinstance(part, Fifo) else buffer_counts(part, setting)
    figures = {}
    for kind, unit in UNITS.items():
        law = fifo and kind == "bram18"
        text = TEXTS["fifo bram18" if law else "fifo" if fifo else "buffer"]
        figures[kind] = Figure(counts[kind][0], unit, counts[kind][1], counts[kind][2], text, "csynth", "law" if law else "extrapolated")
    return figures
