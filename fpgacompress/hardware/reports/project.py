"""All reports of an hls4ml project folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...errors import HardwareError
from .csynth_figures import module_of
from .recognise import read_report, reader_of
from .report import KINDS, Module, Report
from .source import open_source

_SKIPPED = {"firmware", "tb_data", "weights", "ip_repo", "sysc", "wrapc", "wrapc_pc"}
_OURS = {"vivado_synth.rpt", "util.rpt"}
"""Reports hls4ml's own scripts write; when one of them is no report, that is an error. Other .rpt files may be of any kind."""

_DEPTH = 8


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, sorted; hidden folders, sources and links are left out."""
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if depth < _DEPTH and not f.startswith(".") and f not in _SKIPPED)
        yield from (Path(place, name) for name in sorted(names))


def _named(files: list[Path], ending: str, suffixes: tuple[str, ...], home: str) -> list[Path]:
    """Files of one kind: those where the tool puts them (``home``), others only when there are none there."""
    found = [f for f in files if f.suffix in suffixes and f.stem.endswith(ending)]
    return [f for f in found if f.parent.as_posix().endswith(home)] or found


def _top(folder: Path, names: set[str]) -> str | None:
    """The top module of a C-synthesis among the modules that have reports; None when it cannot be told."""
    if len(names) == 1:
        return next(iter(names))
    projects = [p.name.removesuffix("_prj") for p in folder.parents if p.name.endswith("_prj")]
    named = next((n for project in projects for n in (f"{project}_axi", project) if n in names), None)
    if named is not None:
        return named
    summary = next((p for s in ("xml", "rpt") if (p := folder / f"csynth.{s}").is_file()), None)
    if summary is not None:
        top = read_report(summary).top
        return top if top in names else None
    inside = {m.module for n in names if (p := folder / f"{n}_csynth.rpt").is_file() for m in read_report(p).modules}
    return next(iter(names - inside)) if len(names - inside) == 1 else None


def _agree(one: Report, other: Report) -> bool:
    pairs = ((f, other.figures[n]) for n, f in one.figures.items() if n in other.figures)
    return all(a.value == b.value for a, b in pairs if a.available and b.available)


def _instances(top: Report, folder: Path) -> tuple[Module, ...]:
    """Instances that the text report beside an XML report lists; none when it is of another run."""
    text = folder / f"{top.path.stem}.rpt"
    if top.modules or top.path == text or not text.is_file():
        return top.modules
    beside = read_report(text)
    return beside.modules if beside.top == top.top and _agree(top, beside) else ()


def _synthesis(folder: Path, paths: list[Path]) -> list[Report]:
    """The top module's report with all others as its modules; all reports by themselves when the top cannot be told."""
    chosen: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: p.suffix == ".xml"):  # XML comes last and stays
        chosen[path.stem.removesuffix("_csynth")] = path
    summary = chosen.pop("csynth", None)
    if not chosen:
        return [read_report(summary)] if summary else []
    name = _top(folder, set(chosen))
    reports = {n: read_report(p) for n, p in sorted(chosen.items())}
    if name is None:
        return list(reports.values())
    top = reports.pop(name)
    direct = _instances(top, folder)
    known = {m.module for m in direct}
    inside = tuple(module_of(r.top or n, r.top or n, r.figures) for n, r in reports.items() if (r.top or n) not in known)
    return [replace(top, modules=direct + inside)]


def _solution(path: Path) -> Path:
    """The folder that holds ``syn``, ``sim`` and ``csim``; the file's own folder where reports lie together."""
    return path.parent.parent.parent if path.parent.name == "report" else path.parent


def _simulation(path: Path, synthesis: dict[Path, Report]) -> Report:
    """A simulation's report with tool, version and part of the C-synthesis beside it, which its file does not tell."""
    report, beside = read_report(path), synthesis.get(_solution(path))
    if beside is None:
        return report
    figures = {
        n: replace(f, provenance=f"{f.provenance} in {beside.tool} {beside.version}".rstrip()) if f.available else f
        for n, f in report.figures.items()
    }
    return replace(report, tool=beside.tool, version=beside.version, part=beside.part, figures=figures)


def _others(paths: list[Path]) -> Iterator[Report]:
    """Vivado's reports among files of any kind."""
    for path in paths:
        if path.name in _OURS:
            yield read_report(path)
            continue
        try:
            source = open_source(path)
        except HardwareError:
            continue
        reader = reader_of(source)
        if reader is not None and not source.text.lstrip().startswith("<"):
            report = reader(source)
            if report.kind in ("utilization", "timing", "power"):
                yield report


def read_project(folder: str | Path) -> tuple[Report, ...]:
    """Read the reports of an hls4ml project folder, each once.

    Args:
        folder: the project hls4ml wrote, its ``<name>_prj`` folder, or a folder with report files.

    Returns:
        Reports in the order of :data:`KINDS`, then by path. C-synthesis is read from XML where there is both. The report of the top
        module has as modules first the instances of its text report (depth 1), then all modules with reports of their own that are
        not among them. Simulations get tool, version and part of the C-synthesis beside them.

    Raises:
        HardwareError: it is no folder, has no reports, or one of the reports that hls4ml's scripts write is damaged; names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HardwareError(f"{folder} is not a folder", expected="a project folder written by hls4ml", do="give the folder, or one report")
    files = list(_files(folder))
    csynth = _named(files, "csynth", (".xml", ".rpt"), "syn/report")
    cosim = _named(files, "_cosim", (".rpt",), "sim/report")
    csim = _named(files, "_csim", (".log",), "csim/report")
    reports: list[Report] = []
    synthesis: dict[Path, Report] = {}
    for place in sorted({p.parent for p in csynth}):
        found = _synthesis(place, [p for p in csynth if p.parent == place])
        reports += found
        if len(found) == 1:
            synthesis[_solution(found[0].path)] = found[0]
    reports += [_simulation(p, synthesis) for p in (*csim, *cosim)]
    reports += _others([f for f in files if f.suffix == ".rpt" and not f.stem.endswith(("csynth", "_cosim"))])
    if not reports:
        raise HardwareError(
            f"no reports below {folder}", expected="*_csynth.xml, *_cosim.rpt, vivado_synth.rpt, ...", do="run C-synthesis of the project"
        )
    return tuple(sorted(reports, key=lambda r: (KINDS.index(r.kind), r.path)))
