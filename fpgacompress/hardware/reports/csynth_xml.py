"""C-synthesis reports as XML: ``<module>_csynth.xml`` of Vivado HLS and Vitis HLS, and Vitis HLS' ``csynth.xml``."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ...errors import HardwareError
from .csynth_figures import RESOURCES, csynth_figures
from .report import Report
from .source import EXPECTED, Source
from .values import Origin, measured, release

_PLACES = {
    "latency_min_cycles": "PerformanceEstimates/SummaryOfOverallLatency/Best-caseLatency",
    "latency_cycles": "PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency",
    "ii_min": "PerformanceEstimates/SummaryOfOverallLatency/Interval-min",
    "ii": "PerformanceEstimates/SummaryOfOverallLatency/Interval-max",
    "clock_ns": "UserAssignments/TargetClockPeriod",
    "clock_estimated_ns": "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod",
    "clock_uncertainty_ns": "UserAssignments/ClockUncertainty",
} | {
    f"{name}{suffix}": f"AreaEstimates/{group}/{called}"
    for name, (called, _) in RESOURCES.items()
    for group, suffix in (("Resources", ""), ("AvailableResources", "_available"))
}


def _root(source: Source) -> ET.Element:
    """Root of the document. Documents with a type or entities of their own are refused; no report has them."""
    if "<!DOCTYPE" in source.text or "<!ENTITY" in source.text:
        raise HardwareError(f"report {source.path} declares a document type or entities", expected=EXPECTED)
    try:
        root = ET.fromstring(source.text)
    except (ET.ParseError, ValueError) as error:
        raise HardwareError(
            f"report {source.path} is damaged or cut off ({error})", expected="a complete XML file", do="copy it or run C-synthesis again"
        ) from None
    if root.tag != "profile" or root.find("UserAssignments") is None:
        raise HardwareError(f"{source.path} is XML, but no C-synthesis report (it begins with <{root.tag[:40]}>)", expected=EXPECTED)
    return root


def _text(root: ET.Element, place: str) -> str | None:
    text = root.findtext(place)
    return text.strip() if text and text.strip() else None


def _tool(root: ET.Element, version: str) -> str:
    """Which tool wrote it. The file does not say; Vitis HLS took over behind 2020.1, which both have, and counts DSP, not DSP48E."""
    if version[:6] == "2020.1" or not version:
        return "Vivado HLS" if root.find("AreaEstimates/Resources/DSP48E") is not None else "Vitis HLS"
    return "Vivado HLS" if version < "2020.1" else "Vitis HLS"


def read_csynth_xml(source: Source) -> Report:
    """Figures of one module; the file does not list the instances in it.

    Raises:
        HardwareError: it is damaged or another kind of XML.
    """
    root = _root(source)
    version = release(_text(root, "ReportVersion/Version") or "")
    tool = _tool(root, version)
    part, top = _text(root, "UserAssignments/Part") or "", _text(root, "UserAssignments/TopModelName") or ""

    def cell(name: str) -> str | None:
        place = _PLACES[name]
        text = _text(root, place)
        return _text(root, f"{place}48E") if text is None and name.startswith("dsp") else text

    figures = csynth_figures(cell, Origin("csynth", measured(tool, version)))
    return Report("csynth", tool, version, part, top, "csynth", figures, (), source.path)
