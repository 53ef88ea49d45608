"""RTL co-simulation reports, ``<module>_cosim.rpt`` of Vivado HLS and Vitis HLS."""

from __future__ import annotations

import re

from ...figures import Figure, unavailable
from .report import Report
from .source import Source
from .tables import tables
from .values import Origin

HEADER = re.compile(r"^\s*[|+]\s*RTL\s*[|+]\s*Status\s*[|+]")
_SIMULATOR = re.compile(r"^Simulation tool\s*: (\w+)\.\s*$")
_FIGURES = {
    "latency_min_cycles": r"Latency.* min",
    "latency_average_cycles": r"Latency.* avg",
    "latency_cycles": r"Latency.* max",
    "ii_min": r"Interval.* min",
    "ii_average": r"Interval.* avg",
    "ii": r"Interval.* max",
    "total_cycles": r"Total Execution Time.*",
}


def _row(source: Source) -> dict[str, str] | None:
    """The row of the language that was simulated, Verilog before others; None when the table is missing or nothing ran."""
    for table in tables(source.lines):
        if table.header[:2] == ("RTL", "Status"):
            ran = [row for row in table.records() if row["Status"] not in ("NA", "")]
            return min(ran, key=lambda row: row["RTL"] != "Verilog", default=None)
    return None


def _figure(row: dict[str, str] | None, name: str, origin: Origin) -> Figure:
    if row is None:
        return unavailable("the report tells of no simulation, or is cut off", "cycles")
    if row["Status"] != "Pass":
        return unavailable(f"the co-simulation did not pass (status '{row['Status'][:40]}')", "cycles")
    text = next((v for c, v in row.items() if re.fullmatch(_FIGURES[name], c)), None)
    read = origin.real if "average" in name else origin.count
    return read(text, "cycles", name.replace("_", " "))


def read_cosim(source: Source) -> Report:
    """Whether it passed, and the cycles that the simulation took: ``latency_...``, ``ii...`` and ``total_cycles``.

    Intervals need a second input vector; with one, the tool writes "NA". The file names neither tool version nor module.
    """
    simulator = next((m[1] for line in source.lines if (m := _SIMULATOR.match(line))), "")
    origin = Origin("simulated", "measured by RTL co-simulation" + (f" with {simulator}" if simulator else ""))
    row = _row(source)
    passed = {"Pass": True, "Fail": False}.get(row["Status"]) if row else None
    top = source.name_before("_cosim")
    figures = {name: _figure(row, name, origin) for name in _FIGURES}
    return Report("cosim", "", "", "", top, "simulated", figures, (), source.path, passed)
