"""A project's Verilog placed and routed by nextpnr, behind few pins, on a board that the open tools reach."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import HardwareError, ToolError
from ...figures import Figure, unavailable
from ...hardware.board import Board
from .devices import Device, Family, Wiring, choose, roomier, write_constraints
from .placement import NOT_ROUTED, ROUTED, SERIAL, STAGE, TOO_LARGE, UART, Bitstream, Placement
from .programs import command_of, run_program
from .project import RtlProject, Written
from .report import Overfull, Report, gave_up, overfull, read_report
from .serial import SerialWrapper, write_wrapper
from .synthesis import Synthesis, run_yosys, yosys
from .uart import UartTop


class _Tools:
    """Runs the tools of one placement within one time limit, and keeps what they were and how long they took."""

    def __init__(self, project: RtlProject, timeout: float | None, say: Callable[[str], None]) -> None:
        self.project, self.timeout, self.say = project, timeout, say
        self.started = time.monotonic()
        self.versions: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def step(self, name: str, what: str, run: Callable[[float | None], Any]) -> Any:
        """Call ``run`` with the seconds that are left."""
        begun = time.monotonic()
        self.say(f"[{begun - self.started:5.1f} s] {name}: {what}")
        left = None if self.timeout is None else self.timeout - (begun - self.started)
        if left is not None and left <= 0:
            raise ToolError(f"no time is left for {name}", do="give more with --timeout")
        try:
            return run(left)
        finally:
            self.seconds[name] = round(time.monotonic() - begun, 1)

    def program(self, name: str, what: str, arguments: list[str], log: Path, stop: Callable[[], bool] | None = None) -> bool:
        """Run a program in the project's folder; False when ``stop`` ended it."""
        command, self.versions[name] = command_of(name)
        return self.step(
            name, what, lambda left: run_program(name, [*command, *arguments], cwd=self.project.folder, log=log, timeout=left, stop=stop)
        )


def place(
    project: Written,
    board: str | None = None,
    *,
    target: str | None = None,
    uart: UartTop | None = None,
    clock_ns: float | None = None,
    bitstream: bool = False,
    seed: int = 1,
    timeout: float | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Placement:
    """Place and route a project behind its serial wrapper or its UART top; the files are in the project's folder ``place``.

    Args:
        project: Verilog.
        board: name in :data:`fpgacompress.firmware.rtl.DEVICES`.
        target: of the synthesis; stands for its first board where none is named.
        uart: a top that was made for the board (:func:`fpgacompress.firmware.bench.make.prepare`); None: the serial wrapper.
        clock_ns: period that is asked for; None: that of the board's oscillator.
        bitstream: make the file that the part loads, where the network is as fast as the board's oscillator.
        seed: of the router.
        timeout: seconds for all tools together; None: as long as it takes.
        say: told of each tool when it starts.

    Raises:
        HardwareError: a board that cannot be had, see :func:`fpgacompress.firmware.rtl.devices.choose`; a clock or seed that is none; a top made for
            another board.
        ToolError: a tool is missing, failed or took too long. A design that does not fit or cannot be routed is no error: see ``verdict``.
    """
    kind, device = choose(board, target)
    period = kind.clock_ns if clock_ns is None else clock_ns
    if not 0 < period < math.inf:
        raise HardwareError(f"a clock of {period:g} ns", expected="more than 0")
    if seed < 0:
        raise HardwareError(f"seed {seed}", expected="at least 0")
    if uart is not None and uart.clock_ns != kind.clock_ns:
        raise HardwareError(f"a UART top made for a clock of {uart.clock_ns:g} ns", expected=f"{kind.clock_ns:g} ns, that of {kind.key}")
    if uart is None and not isinstance(project, RtlProject):
        raise HardwareError(
            "a stream without a UART top", do="make one with fpgacompress.firmware.bench.make.prepare, or use 'fpgacompress rtl'"
        )
    family, folder, tools = device.family, project.folder / "place", _Tools(project, timeout, say)
    require_tools(device, bitstream)
    wrapper = write_wrapper(project, folder) if uart is None else uart
    netlist = folder / f"{kind.key}-netlist.json"

    def synthesized(left: float | None) -> Synthesis:
        return run_yosys(project, family.target, folder / f"{kind.key}-yosys", wrapper=wrapper, netlist=netlist, timeout=left)

    what = UART if uart else SERIAL
    before = tools.step("yosys", f"synthesizing the network in its {what} for {family.target}", synthesized)
    tools.versions["yosys"] = before.version
    task = _Task(wrapper, what, kind, device, device.uart if uart else device.serial, period, seed, before, folder)
    return task.bitstream(tools, task.route(tools, netlist), bitstream)


def require_tools(device: Device, bitstream: bool = False) -> None:
    """Tell of missing tools before there is any work.

    Raises:
        ToolError: Yosys, the router or, with ``bitstream``, the packer is missing.
    """
    yosys()
    for name in (device.family.router, *([device.family.packer] if bitstream else [])):
        command_of(name)


@dataclass(frozen=True)
class _Task:
    """What one placement is about."""

    wrapper: SerialWrapper | UartTop
    interface: str
    board: Board
    device: Device
    wiring: Wiring
    clock_ns: float
    seed: int
    before: Synthesis
    folder: Path

    @property
    def family(self) -> Family:
        return self.device.family

    def file(self, end: str) -> Path:
        """A file of this board in the folder ``place``."""
        return self.folder / f"{self.board.key}{end}"

    def inside(self, path: Path) -> str:
        """A file's path as tools see it."""
        return f"{self.folder.name}/{path.name}"

    def route(self, tools: _Tools, netlist: Path) -> Placement:
        """Run the router and read its report."""
        report, log, layout, pins = (
            self.file(end) for end in ("-nextpnr.json", "-nextpnr.log", self.family.layout, self.family.constraints)
        )
        for path in (report, log, layout):
            path.unlink(missing_ok=True)
        write_constraints(self.device, pins, self.wiring)
        files = [part.format(pins=self.inside(pins), layout=self.inside(layout)) for part in self.family.files]
        arguments = [*self.device.router, "--json", self.inside(netlist), *files]
        arguments += ["--report", self.inside(report), "--log", self.inside(log), "--quiet", "--timing-allow-fail"]
        arguments += ["--freq", f"{1000 / self.clock_ns:.6f}", "--seed", str(self.seed)]
        try:
            what = f"placing and routing for {1000 / self.clock_ns:.4g} MHz on {self.board.key}"
            tools.program(self.family.router, what, arguments, self.file("-nextpnr.out"), Overfull(log))
        except ToolError:
            text = log.read_text("utf-8", "replace") if log.is_file() else ""
            why = gave_up(text)
            if why is None and not overfull(text):  # it broke down, or took too long
                raise
            if not overfull(text):
                return self.not_routed(tools, log, f"nextpnr gave up: {why}")
        if over := overfull(log.read_text("utf-8", "replace")) if log.is_file() else {}:
            return self.too_large(tools, log, over)
        if not report.is_file():
            raise ToolError("nextpnr wrote no report", do=f"see {log}")
        return self.routed(tools, log, read_report(json.loads(report.read_text("utf-8"))))

    def _provenance(self, tools: _Tools) -> str:
        return f"{tools.versions[self.family.router]}, {tools.versions['yosys']}, {self.board.part}, seed {self.seed}"

    def _wrapper_ff(self) -> Figure:
        if isinstance(self.wrapper, UartTop):
            parts = "receiver, transmitter, commands, and what holds input and result"
        else:
            parts = f"{self.wrapper.inputs} bits of input, {self.wrapper.outputs} of output, the rest for its pins"
        return Figure(self.wrapper.ff, "FF", stage="counted", provenance=f"the {self.interface}'s own flip-flops: {parts}")

    def failed(self, tools: _Tools, log: Path, verdict: str, *said: str, cells: Any = None, roomier: str | None = None) -> Placement:
        """A placement without figures."""
        figures = [unavailable(f"{verdict}: {said[0]}", unit) for unit in ("LUT", "FF", "MHz", "fraction", "fraction")]
        common = {"versions": tools.versions, "seconds": tools.seconds, "cells": cells or {}, "roomier": roomier, "said": said}
        common["interface"] = self.interface
        return Placement(
            self.board.key, self.board.part, verdict, None, self.clock_ns, *figures, self._wrapper_ff(), self.seed, log, **common
        )

    def too_large(self, tools: _Tools, log: Path, over: dict[str, tuple[int, int]]) -> Placement:
        """The verdict on a design that has more cells than the part."""
        what = " and ".join(f"{used:,} {name} of {there:,}" for name, (used, there) in over.items())
        lut = max((used for name, (used, _) in over.items() if name in self.family.luts), default=int(self.before.lut.value or 0))
        larger = roomier(self.board.key, lut, int(self.before.ff.value or 0))
        advice = f"the smallest board of the table with as many cells is {larger}" if larger else "no board of the table has as many cells"
        said = f"does not fit: packed, it needs {what} (the {self.interface} counted)"
        return self.failed(tools, log, TOO_LARGE, said, advice, cells=over, roomier=larger)

    def not_routed(self, tools: _Tools, log: Path, why: str) -> Placement:
        """The verdict on a design that has cells enough and finds no place or no way."""
        larger = roomier(self.board.key, self.board.lut + 1, int(self.before.ff.value or 0))
        advice = f"the next larger board of the table is {larger}" if larger else "no board of the table is larger"
        return self.failed(tools, log, NOT_ROUTED, why, f"{advice}; another --seed may do, too", roomier=larger)

    def routed(self, tools: _Tools, log: Path, report: Report) -> Placement:
        """Figures of a routed design."""
        family, origin = self.family, self._provenance(tools)
        with_wrapper = f"the {self.interface} and its {self.wrapper.ff:,} flip-flops are counted"
        used = sum(report.used.get(name, 0) for name in family.luts)
        sites = report.available.get(family.luts[0], self.board.lut)
        lut = Figure(used, "LUT", stage=STAGE, provenance=f"{origin}: {family.what}; {with_wrapper}")
        share = Figure(used / sites, "fraction", stage=STAGE, provenance=f"{origin}: of {sites:,} {family.luts[0]}; {with_wrapper}")
        if family.ff is None:
            made = f"Yosys made {self.before.ff.value:,} flip-flops, {self.wrapper.ff:,} of them the {self.interface}'s"
            reason = f"{family.router} reports cells of a look-up table and a flip-flop together; before it, {made}"
            ff, ff_share = unavailable(reason, "FF"), unavailable(reason, "fraction")
        else:
            number, there = report.used.get(family.ff, 0), report.available.get(family.ff, self.board.ff)
            ff = Figure(number, "FF", stage=STAGE, provenance=f"{origin}: {family.ff}; {with_wrapper}")
            ff_share = Figure(number / there, "fraction", stage=STAGE, provenance=f"{origin}: of {there:,} {family.ff}; {with_wrapper}")
        inside = all(name.startswith("network.") for name in (report.starts, report.ends))
        registers = self.wrapper.core.latency != 0 if isinstance(self.wrapper, UartTop) else tools.project.stages > 0
        slowest = "network" if inside or not registers else "wrapper"
        asked = 1000 / self.clock_ns
        met = report.mhz >= asked * (1 - 1e-9)
        said = []
        if not met:
            said.append(f"the clock is missed: {asked:.4g} MHz ({self.clock_ns:g} ns) asked for, {report.mhz:.4g} MHz reached")
        if slowest == "wrapper":
            said.append(f"the slowest path lies in the {self.interface}, so the network alone is at least as fast")
        path = f"slowest path between registers, in the {slowest}; router asked for {asked:.4g} MHz"
        return Placement(
            self.board.key,
            self.board.part,
            ROUTED,
            met,
            self.clock_ns,
            lut,
            ff,
            Figure(round(report.mhz, 3), "MHz", stage=STAGE, provenance=f"{origin}: {path}"),
            share,
            ff_share,
            self._wrapper_ff(),
            self.seed,
            log,
            {name: (n, report.available[name]) for name, n in report.used.items()},
            slowest,
            said=tuple(said),
            versions=tools.versions,
            seconds=tools.seconds,
            interface=self.interface,
        )

    def bitstream(self, tools: _Tools, found: Placement, wanted: bool) -> Placement:
        """The same placement with its bitstream where one is wanted and the board's oscillator is not too fast for it."""
        if not wanted or found.verdict != ROUTED:
            return found
        oscillator = 1000 / self.board.clock_ns
        if float(found.fmax.value or 0) < oscillator:
            why = (
                f"no bitstream: the board's oscillator of {oscillator:.4g} MHz, which clocks it, is faster than {found.fmax.value:.4g} MHz"
            )
            return replace(found, said=(*found.said, why))
        layout, path = (self.file(end) for end in (self.family.layout, self.family.bitstream))
        path.unlink(missing_ok=True)
        names = {"layout": self.inside(layout), "bitstream": self.inside(path), "part": self.device.part}
        arguments = [part.format(**names) for part in self.family.pack]
        tools.program(self.family.packer, "bitstream", arguments, self.file(f"-{self.family.packer}.out"))
        if not path.is_file():
            raise ToolError(f"{self.family.packer} wrote no bitstream", do=f"see {self.file(f'-{self.family.packer}.out')}")
        content = path.read_bytes()
        wiring = self.wiring
        made = Bitstream(path, len(content), hashlib.sha256(content).hexdigest(), dict(wiring.pins), wiring.where, wiring.source)
        note = f"the bitstream runs at the board's {oscillator:.4g} MHz; its pins are from a public board file, and it was not tried on a board"
        return replace(found, bitstream=made, said=(*found.said, note))
