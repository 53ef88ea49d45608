"""Figures of the reports, stage by stage: measured ones, and those that a stand-in only replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import FpgaCompressError
from ...figures import Figure
from .project import Project
from .stages import IMPLEMENTATION, found

if TYPE_CHECKING:
    from ...hardware.reports import Report

FILE = "measured.json"
REPLAYED = "replayed by a stand-in"
"""Provenance of figures that no vendor tool measured."""

REPORTED: dict[str, str] = {
    "csim": "simulated",
    "csynth": "csynth",
    "cosim": "simulated",
    "vsynth": "post-synth",
    "implementation": "routed",
    "bitfile": "routed",
}
"""Stage of the flow to the stage of the figures in its reports."""


def verdict(project: Project, name: str) -> str:
    """What the reports that a stage has just left say against it: damaged, or a simulation that did not pass; "" when nothing."""
    from ...hardware.reports import read_report

    for path in found(project, name):
        if path.suffix not in (".rpt", ".xml") and not path.name.endswith("_csim.log") or path.name == "component.xml":
            continue
        try:
            report = read_report(path)
        except FpgaCompressError as error:
            return f"left a report that cannot be read: {error.received}"
        if report.passed is False:
            return f"ended with exit status 0, but the simulation did not pass ({path})"
    return ""


def read_figures(project: Project, stages: Mapping[str, bool]) -> dict[str, dict[str, Any]]:
    """Figures of the stages that are done.

    Args:
        project: the project.
        stages: stage of the flow to whether a stand-in ran it.

    Returns:
        Per stage: "figures" by name, "tool", "version", "part", "top" of the report; or "problem", when it cannot be read.
    """
    wanted = {name: stand_in for name, stand_in in stages.items() if name in REPORTED}
    if not wanted:
        return {}
    from ...hardware.reports import read_project

    try:
        reports = read_project(project.folder)
    except FpgaCompressError as error:
        return {name: {"figures": {}, "problem": error.received} for name in wanted}
    return {name: _of_stage(project, name, reports, stand_in) for name, stand_in in wanted.items()}


def _of_stage(project: Project, name: str, reports: Iterable[Report], stand_in: bool) -> dict[str, Any]:
    mine = [one for one in reports if _belongs(project, name, one)]
    if not mine:
        return {"figures": {}, "problem": "" if name == "csim" else f"none of the reports below '{project.folder}' belongs to it"}
    figures: dict[str, Figure] = {}
    for one in mine:
        for key, figure in one.figures.items():
            if key not in figures or (figure.available and not figures[key].available):
                figures[key] = _named(figure, REPORTED[name], stand_in)
    first = mine[0]
    return {"tool": first.tool, "version": first.version, "part": first.part, "top": first.top, "figures": figures}


def _belongs(project: Project, name: str, report: Report) -> bool:
    """Whether a report is one that this stage writes. Board designs and the network alone are both "routed", and two different things."""
    try:
        place = report.path.relative_to(project.folder)
    except ValueError:
        return False
    if name in ("csim", "cosim"):
        return report.kind == name
    if name == "csynth":
        return report.stage == "csynth" and report.top in (project.top, project.name)
    if name == "vsynth":  # logic synthesis, then opt_design: some releases call that another design state
        return place.as_posix() == "vivado_synth.rpt" and report.stage in ("post-synth", None)
    if name == "implementation":
        return report.stage == "routed" and place.parts[0] == IMPLEMENTATION
    return report.stage == "routed" and (place.as_posix() == "util.rpt" or place.parts[0].endswith("_vivado_accelerator"))


def _named(figure: Figure, stage: str, stand_in: bool) -> Figure:
    """A figure with the stage of its column; called what it is when a stand-in wrote the report."""
    if not figure.available:
        return figure
    return replace(figure, stage=stage, provenance=REPLAYED if stand_in else figure.provenance)


def estimate_of(figures: Mapping[str, Any] | None) -> dict[str, Figure]:
    """The estimate's figures by name, from a run's results tree; empty without one."""
    total = ((figures or {}).get("estimate") or {}).get("total") or {}
    return {name: figure for name, figure in total.items() if isinstance(figure, Figure)}


def measured_file(project: Project) -> Path:
    """Where the figures are stored."""
    return project.folder / FILE
