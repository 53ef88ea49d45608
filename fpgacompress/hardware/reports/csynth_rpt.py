"""C-synthesis reports of one module as text: ``<module>_csynth.rpt`` of Vivado HLS and Vitis HLS."""

from __future__ import annotations

import re

from .csynth_figures import RESOURCES, csynth_figures, module_of
from .report import Module, Report
from .source import Source
from .tables import Table, tables
from .values import Origin, measured, release

TITLE = re.compile(r"^\s*== (Vivado|Vitis) HLS Report for '([^']+)'\s*$")
_FACT = re.compile(r"^\s*\* (Version|Target device):\s+(\S.*?)\s*$")


def facts(lines: tuple[str, ...]) -> tuple[str, str]:
    """Release and part from the lines "* Version:" and "* Target device:"; "" where one is missing."""
    found = {m[1]: m[2] for line in reversed(lines) if (m := _FACT.match(line))}
    return release(found.get("Version", "")), found.get("Target device", "")


def _first(found: list[Table], section: str, title: str, *columns: str) -> Table | None:
    """First table of a section and title that has these columns."""
    return next((t for t in found if (t.section, t.title) == (section, title) and set(columns) <= set(t.header)), None)


_CYCLES = {
    "latency_min_cycles": ("Latency (cycles) min", "Latency min"),
    "latency_cycles": ("Latency (cycles) max", "Latency max"),
    "ii_min": ("Interval min",),
    "ii": ("Interval max",),
}
"""Columns of newer releases, then of Vivado HLS 2018."""


def _cycles(row: dict[str, str]) -> dict[str, str]:
    """Latency and interval of a row."""
    return {name: row[c] for name, options in _CYCLES.items() for c in options if c in row}


def _resources(row: dict[str, str], suffix: str = "") -> dict[str, str]:
    return {f"{name}{suffix}": v for name, (called, _) in RESOURCES.items() for c, v in row.items() if re.sub(r"48\w*$", "", c) == called}


def _clocks(table: Table | None) -> dict[str, str]:
    """Periods of the clock; nothing when there are several, of which none is the design's."""
    rows = table.records() if table else []
    if len(rows) != 1:
        return {}
    names = {"clock_ns": "Target", "clock_estimated_ns": "Estimated", "clock_uncertainty_ns": "Uncertainty"}
    return {name: rows[0][c] for name, c in names.items() if c in rows[0]}


def _instances(speed: Table | None, area: Table | None, origin: Origin) -> tuple[Module, ...]:
    """Instances of both tables, in the order of the first."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for table, read in ((speed, _cycles), (area, _resources)):
        for row in table.records() if table else []:
            if row["Module"]:  # the row of the sum has none
                cells.setdefault((row["Instance"], row["Module"]), {}).update(read(row))
    return tuple(module_of(name, module, csynth_figures(c.get, origin), 1) for (name, module), c in cells.items())


def read_csynth_rpt(source: Source) -> Report:
    """Figures of ``Performance Estimates`` and ``Utilization Estimates``, and the instances that stand directly in the module."""
    title = next(m for line in source.lines if (m := TITLE.match(line)))
    tool, (version, part) = f"{title[1]} HLS", facts(source.lines)
    origin = Origin("csynth", measured(tool, version))
    found = list(tables(source.lines))
    speed, area = "Performance Estimates", "Utilization Estimates"
    cells = _clocks(_first(found, speed, "Summary", "Clock", "Estimated"))
    latency = _first(found, speed, "Summary", "Interval min", "Interval max")
    if latency and len(latency.rows) == 1:
        cells |= _cycles(latency.records()[0])
    total = _first(found, area, "Summary", "Name", "LUT")
    for row in total.records() if total else []:
        if row["Name"] in ("Total", "Available"):
            cells |= _resources(row, "_available" if row["Name"] == "Available" else "")
    modules = _instances(
        _first(found, speed, "Instance", "Instance", "Module", "Interval max"),
        _first(found, area, "Instance", "Instance", "Module", "LUT"),
        origin,
    )
    return Report("csynth", tool, version, part, title[2], "csynth", csynth_figures(cells.get, origin), modules, source.path)
