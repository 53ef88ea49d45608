"""A top that puts a network behind a serial line (UART), for boards with a USB-serial bridge; the host's side is :mod:`fpgacompress.firmware.bench`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from ...errors import HardwareError
from . import protocol
from .uart_text import ASSEMBLY, GRAPH, STREAM, TOP

LEAST_CYCLES = 8
"""Of the clock in a bit on the line."""

LARGEST_ERROR = 0.02
"""Of the baud rate that the clock can make; a receiver that looks at the middle of the tenth bit bears 5 % from both sides together."""

SILENCE_S, CORE_S = 0.1, 1.0
"""Seconds of silence that end a command that broke off, and seconds that a network with handshake may take for a sample."""

PINS = ("clk", "rx", "tx")
"""Ports of the top; the last one is its only output."""


@dataclass(frozen=True)
class Core:
    """A network's module as the UART top drives it.

    Attributes:
        module: its name.
        kind: "graph": ports ``model_inp`` and ``model_out``, and ``clk`` where there are registers. "stream": ports ``clk``, ``rst``
            (synchronous), ``in_valid``, ``in_ready``, ``in_data``, ``out_valid`` and ``out_data``. A beat is taken in a cycle with ``in_valid``
            and ``in_ready``, the result is there in one cycle with ``out_valid``.
        beat_bits: width of the input port. Values lie side by side, the first one in the lowest bits.
        beats: of one sample; 1 for a graph.
        output_bits: width of the output port.
        latency: "graph": clock edges from one that finds an input at the port to one behind which its result is there; 0 without registers.
            "stream": None, its result says when it is there.
        out_ready: "stream": the module has a port ``out_ready``, too; it stays 1.
    """

    module: str
    kind: Literal["graph", "stream"]
    beat_bits: int
    beats: int
    output_bits: int
    latency: int | None
    out_ready: bool = False

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat on the line."""
        return -(-self.beat_bits // 8)

    @property
    def payload_bytes(self) -> int:
        """Bytes of a sample on the line."""
        return self.beats * self.beat_bytes

    @property
    def answer_bytes(self) -> int:
        """Bytes of a result on the line."""
        return -(-self.output_bits // 8)


@dataclass(frozen=True)
class UartTop:
    """Verilog of a UART top.

    Attributes:
        path: the file.
        name: of its module, the top of what is placed.
        core: the network inside.
        identity: what it answers.
        clock_ns: period of the clock that it was made for.
        baud: bits per second on the line.
        bit_cycles: cycles of the clock in one bit.
        core_cycles: that the network may take for a sample before the board gives it up.
        ff: flip-flops of the top itself, without the network.
    """

    path: Path
    name: str
    core: Core
    identity: protocol.Identity
    clock_ns: float
    baud: int
    bit_cycles: int
    core_cycles: int
    ff: int


def bit_cycles(clock_ns: float, baud: int) -> int:
    """Cycles of a clock in one bit.

    Raises:
        HardwareError: the clock cannot make this baud rate within 2 %, or has fewer than 8 cycles for a bit.
    """
    hertz = 1e9 / clock_ns
    cycles = round(hertz / baud) if baud > 0 else 0
    if cycles < LEAST_CYCLES or abs(hertz / (cycles * baud) - 1) > LARGEST_ERROR:
        raise HardwareError(
            f"{baud} baud from a clock of {hertz / 1e6:.4g} MHz",
            expected=f"at most {hertz / LEAST_CYCLES:,.0f} baud, and a rate that a whole number of cycles meets within {LARGEST_ERROR:.0%}",
            do=f"take {protocol.BAUD}, the default",
        )
    return cycles


def write_uart(core: Core, told: protocol.Identity, folder: Path, *, clock_ns: float, baud: int = protocol.BAUD) -> UartTop:
    """Write the top of a network, ``<module>_uart.v``.

    Args:
        core: the network's module.
        told: what the top answers when it is asked what it holds.
        folder: that gets the file; made where it is missing.
        clock_ns: period of ``clk``.
        baud: bits per second on the line.

    Raises:
        HardwareError: a baud rate that cannot be had, see :func:`bit_cycles`.
    """
    cycles, name = bit_cycles(clock_ns, baud), f"{core.module}_uart"
    silence, patience = (round(seconds * 1e9 / clock_ns) for seconds in (SILENCE_S, CORE_S))
    body = told.pack()
    payload, answer = core.payload_bytes, core.answer_bytes
    left = max(payload, answer, len(body)).bit_length()
    padding = 8 * answer - core.output_bits
    graph = core.kind == "graph"
    limit = f",\n    parameter [{_top(patience)}:0] CORE_CYCLES = {_n(patience)}  // that the network may take for a sample"
    late = f" else if (late) begin\n                    status <= {_byte(protocol.CORE)};\n                    state <= SEND_STATUS;\n                end"
    text = TOP.safe_substitute(
        name=name,
        network=core.module,
        baud=baud,
        mhz=f"{1000 / clock_ns:.4g}",
        identify=f"0x{protocol.IDENTIFY:02x}",
        infer=f"0x{protocol.INFER:02x}",
        done=f"0x{protocol.DONE:02x}",
        payload=payload,
        identity_bytes=len(body),
        answer=answer,
        beats=core.beats,
        beat_bits=core.beat_bits,
        beat_bytes=core.beat_bytes,
        output_bits=core.output_bits,
        memory_note="" if graph else f", besides a memory of {core.beats} words of {core.beat_bits} bits",
        bit_top=_top(cycles),
        bit_cycles=_n(cycles),
        bit_one=_n(1, cycles.bit_length()),
        bit_none=_n(0, cycles.bit_length()),
        silence_top=_top(silence),
        silence_cycles=_n(silence),
        silence_one=_n(1, silence.bit_length()),
        silence_none=_n(0, silence.bit_length()),
        core_parameter="" if graph else limit,
        core_late="" if graph else late,
        identity_top=8 * len(body) - 1,
        identity=f"{8 * len(body)}'h{body.hex()}",
        left_top=left - 1,
        left_one=_n(1, left),
        payload_bytes=_n(payload, left),
        identity_left=_n(len(body), left),
        answer_left=_n(answer, left),
        polynomial=f"16'h{protocol.SUM_POLYNOMIAL:04x}",
        sum_start=f"16'h{protocol.SUM_START:04x}",
        identify_byte=_byte(protocol.IDENTIFY),
        infer_byte=_byte(protocol.INFER),
        done_byte=_byte(protocol.DONE),
        framing=_byte(protocol.FRAMING),
        checksum=_byte(protocol.CHECKSUM),
        broken_off=_byte(protocol.BROKEN_OFF),
        unknown=_byte(protocol.UNKNOWN),
        crossed=_byte(protocol.CROSSED),
        outputs_top=8 * answer - 1,
        results_top=core.output_bits - 1,
        padded_results=f"{{{_n(0, padding)}, results}}" if padding else "results",
        core=_graph(core) if graph else _stream(core, patience),
    )
    ff = sum(int(top or 0) + 1 for top in re.findall(r"^ *reg (?:\[(\d+):0\] )?\w+;", text, re.M))
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.v"
    path.write_text(Template(text).substitute(ff=ff), "utf-8")
    return UartTop(path, name, core, told, clock_ns, baud, cycles, core.latency or 0 if graph else patience, ff)


def _top(value: int) -> int:
    """Number of the highest bit that ``value`` needs."""
    return max(value.bit_length(), 1) - 1


def _n(value: int, width: int | None = None) -> str:
    return f"{width or _top(value) + 1}'d{value}"


def _byte(value: int) -> str:
    return f"8'h{value:02x}"


def _graph(core: Core) -> str:
    """What stands between the top and an adder graph."""
    width, latency = 8 * core.payload_bytes, core.latency or 0
    wait = _top(latency) + 1
    if core.payload_bytes == 1:
        top, taken, port = core.beat_bits - 1, f"in_byte[{core.beat_bits - 1}:0]", "inputs"
    else:
        top, taken, port = width - 1, f"{{in_byte, inputs[{width - 1}:8]}}", f"inputs[{core.beat_bits - 1}:0]"
    return GRAPH.substitute(
        module=core.module,
        latency=latency,
        inputs_top=top,
        next_inputs=taken,
        port=port,
        clock=".clk(clk), " if latency else "",
        wait_top=wait - 1,
        wait_all=_n(latency, wait),
        wait_one=_n(1, wait),
        wait_none=_n(0, wait),
    )


def _stream(core: Core, patience: int) -> str:
    """What stands between the top and a network with handshake."""
    address, many, before = _top(core.beats - 1) + 1, core.beat_bytes > 1, 8 * (core.beat_bytes - 1)
    rest = core.beat_bits - before  # bits of a beat in its last byte
    counter = _top(core.beat_bytes - 1) + 1
    last = "in_byte" if rest == 8 else f"in_byte[{rest - 1}:0]"
    assembly = ASSEMBLY.substitute(
        earlier_top=before - 1,
        next_earlier="in_byte" if before == 8 else f"{{in_byte, earlier[{before - 1}:8]}}",
        byte_top=counter - 1,
        byte_all=_n(core.beat_bytes - 1, counter),
        byte_one=_n(1, counter),
    )
    return STREAM.substitute(
        module=core.module,
        word_top=core.beat_bits - 1,
        last_beat=core.beats - 1,
        beat=f"{{{last}, earlier}}" if many else last,
        whole=f"beat_left == {_n(0, counter)}" if many else "1'b1",
        assembly=assembly if many else "",
        address_top=address - 1,
        address_one=_n(1, address),
        address_none=_n(0, address),
        address_last=_n(core.beats - 1, address),
        core_top=_top(patience),
        core_one=_n(1, patience.bit_length()),
        core_none=_n(0, patience.bit_length()),
        out_ready="        .out_ready(1'b1),\n" if core.out_ready else "",
    )
