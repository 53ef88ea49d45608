"""The stages of the vendor flow: what each stands on, runs, and must leave behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import ToolError
from .project import Project

HLS_FILES = ("project.tcl", "build_prj.tcl", "firmware/**/*")
BENCH_FILES = (*HLS_FILES, "*_test.cpp", "tb_data/tb_*.dat")
IMPLEMENTATION = "implementation"
"""Folder for the script and the reports of place and route."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: option of the command line.
        title: for people.
        after: stages whose results it reads.
        sources: patterns of the files it depends on besides.
        option: what switches it on in ``build_prj.tcl``; None for stages that vivado runs itself.
    """

    name: str
    title: str
    after: tuple[str, ...]
    sources: tuple[str, ...]
    option: str | None = None

    @property
    def in_vivado(self) -> bool:
        """vivado runs it; the others are run by the C-synthesis program."""
        return self.option is None


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("csim", "the tool's C simulation", (), BENCH_FILES, "csim"),
        Stage("csynth", "C-synthesis", (), HLS_FILES, "synth"),
        Stage("cosim", "C/RTL co-simulation", ("csynth",), BENCH_FILES, "cosim"),
        Stage("vsynth", "logic synthesis", ("csynth",), ("project.tcl", "vivado_synth.tcl")),
        Stage("implementation", "place and route of the network alone", ("csynth",), ("project.tcl",)),
        Stage("export", "export of the IP core", ("csynth",), ("project.tcl", "build_prj.tcl"), "export"),
        Stage("bitfile", "board design, place and route, bitstream", ("export",), ("project.tcl", "design.tcl")),
    )
}
"""Every stage, in the order of the flow."""


def complete(names: Iterable[str]) -> tuple[str, ...]:
    """The stages asked for and those they stand on, in order.

    Raises:
        ToolError: a name that is no stage.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(STAGES)):
        raise ToolError(f"stage '{unknown[0]}'", expected=f"one of {', '.join(STAGES)}")
    for stage in reversed(STAGES.values()):
        if stage.name in wanted:
            wanted.update(stage.after)
    return tuple(name for name in STAGES if name in wanted)


def check(project: Project, names: Iterable[str]) -> None:
    """Refuse what the project cannot do.

    Raises:
        ToolError: a bitstream of a project without a board design, or of a board that needs other tools; a script that is missing.
    """
    for name in names:
        if name == "bitfile" and project.backend != "VivadoAccelerator":
            raise ToolError(
                f"a bitstream of a {project.backend} project",
                expected="a project for VivadoAccelerator, which holds a board design",
                do="leave --bitfile out, or write the project for VivadoAccelerator (in a recipe: firmware.backend)",
            )
        if name == "bitfile" and (project.board or "").startswith("alveo"):
            raise ToolError(f"a bitstream for {project.board}", expected="a Zynq board", do="build --export, then link the kernel with v++")
        script = {"vsynth": "vivado_synth.tcl", "bitfile": "design.tcl"}.get(name)
        if script and not (project.folder / script).is_file():
            raise ToolError(f"'{project.folder}' has no {script}, which stage {name} runs", do="write the project again")


def products(project: Project, name: str) -> tuple[tuple[str, ...], ...]:
    """What a stage must leave, as patterns below the project's folder; of each group one pattern must match a file."""
    solution, top = project.solution.relative_to(project.folder), project.top
    board = f"{project.name}_vivado_accelerator/project_1.runs/impl_1"
    return {
        "csim": (
            (f"{solution}/csim/report/{top}_csim.log", "tb_data/csim_results.log", f"{solution}/csim/build/tb_data/csim_results.log"),
        ),
        "csynth": ((f"{solution}/syn/report/{top}_csynth.xml", f"{solution}/syn/report/csynth.xml"),),
        "cosim": ((f"{solution}/sim/report/{top}_cosim.rpt",),),
        "vsynth": (("vivado_synth.rpt",),),
        "implementation": ((f"{IMPLEMENTATION}/routed_utilization.rpt",), (f"{IMPLEMENTATION}/routed_timing.rpt",)),
        "export": ((f"{solution}/impl/ip/component.xml", f"{solution}/impl/ip/*.zip", f"{solution}/impl/*.zip"),),
        "bitfile": ((f"{board}/*.bit",),),
    }[name]


def found(project: Project, name: str) -> list[Path]:
    """The files a stage has left."""
    return [path for group in products(project, name) for pattern in group for path in sorted(project.folder.glob(pattern))]


def missing(project: Project, name: str) -> str:
    """The first thing a stage should have left and has not, "" when all is there."""
    for group in products(project, name):
        if not any(path.is_file() and path.stat().st_size for pattern in group for path in project.folder.glob(pattern)):
            return group[0]
    return ""


def bitstream(project: Project) -> dict[str, Path]:
    """The two files that PYNQ loads, "bit" and "hwh", those that are there; on the board both need the same name."""
    design = project.folder / f"{project.name}_vivado_accelerator"
    found = {
        "bit": sorted(design.glob("project_1.runs/impl_1/*.bit")),
        "hwh": sorted(design.glob("project_1.*/sources_1/bd/*/hw_handoff/*.hwh")),
    }
    return {kind: paths[-1] for kind, paths in found.items() if paths}
