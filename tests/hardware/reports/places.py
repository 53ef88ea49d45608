"""Where the real reports are, and how a project folder is made of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from fpgacompress.figures import Figure
from fpgacompress.hardware.reports import Report

DATA = Path(__file__).parents[2] / "data" / "reports"
REAL = sorted(p for p in DATA.iterdir() if p.suffix in (".rpt", ".xml"))

PAIRS = ("hls4ml_vivado_myproject", "nas_hls4ml_z7007s_myproject", "nrp_jet_vitis2022_2_myproject")
"""Designs with a text and an XML report."""

VIVADO_XML = DATA / "hls4ml_vivado_myproject_csynth.xml"
SYNTH = DATA / "hls4ml_vivado_synth.rpt"


def values(figures: dict[str, Figure]) -> dict[str, float | int | None]:
    return {name: figure.value for name, figure in figures.items()}


def written(folder: Path, text: str, name: str = "any.name") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def project(folder: Path, design: str, *kinds: str) -> Path:
    """A project folder as hls4ml makes it, with C-synthesis reports of a design of :data:`PAIRS` ("xml", "rpt" or both)."""
    report = folder / "myproject_prj" / "solution1" / "syn" / "report"
    report.mkdir(parents=True)
    for kind in kinds:
        shutil.copy(DATA / f"{design}_csynth.{kind}", report / f"myproject_csynth.{kind}")
    (folder / "project.tcl").write_text('set project_name "myproject"\nset backend "vivado"\n')
    app = '<project xmlns="x"><solutions><solution name="solution1"/></solutions></project>'
    (folder / "myproject_prj" / "vivado_hls.app").write_text(app)
    return report


def same_or_less(whole: Report, part: Report) -> None:
    """Every figure of a part of a report is that of the whole report, or unavailable."""
    assert part.kind == whole.kind and set(part.figures) == set(whole.figures)
    for name, figure in part.figures.items():
        assert not figure.available or figure.value == whole.figures[name].value, name
        assert figure.stage in (None, whole.stage)
    assert part.top in ("", whole.top)
    assert part.part in ("", whole.part) and part.version in ("", whole.version) and part.stage in (None, whole.stage)
    assert part.passed in (None, whole.passed)
    instances = {(m.name, m.module): m for m in whole.modules}
    for m in part.modules:
        for name in ("latency", "latency_min", "ii", "lut", "ff", "dsp", "bram18", "uram"):
            figure = getattr(m, name)
            assert not figure.available or figure.value == getattr(instances[m.name, m.module], name).value
