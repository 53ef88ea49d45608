"""Vivado's ``report_timing_summary``."""

from __future__ import annotations

import re
from dataclasses import replace

from .report import Report
from .source import Source
from .vivado_header import Header, read_header

TITLE = re.compile(r"^Timing Summary Report\s*$|^\| Design Timing Summary\s*$|^\| Command\s*: report_timing_summary\b")

SLACKS = {
    "worst_slack_ns": "WNS(ns)",
    "total_negative_slack_ns": "TNS(ns)",
    "worst_hold_slack_ns": "WHS(ns)",
    "total_hold_slack_ns": "THS(ns)",
    "worst_pulse_slack_ns": "WPWS(ns)",
    "total_pulse_slack_ns": "TPWS(ns)",
}
"""Figures in ns and Vivado's names. Negative: the constraint is missed by so much; the totals add up all that is negative."""

ENDPOINTS = {"failing_endpoints": "TNS Failing Endpoints", "endpoints": "TNS Total Endpoints"}

_COLUMN = re.compile(r"W(?:N|H|PW)S\(ns\)|T(?:N|H|PW)S\(ns\)|T(?:N|H|PW)S (?:Failing|Total) Endpoints")
_CLOCK = re.compile(r"\s*(\S+)\s+\{[^{}]*\}\s+(\S+)\s+(\S+)\s*")


def _section(lines: tuple[str, ...], name: str) -> list[str] | None:
    """Lines between a heading "| name" and the next heading; None when the section or its end is missing."""
    heads = [i for i, line in enumerate(lines) if re.match(r"\| [A-Z]", line)]
    for i, after in zip(heads, heads[1:]):
        if lines[i].strip() == f"| {name}":
            return list(lines[i:after])
    return None


def _slacks(section: list[str]) -> dict[str, str]:
    """Cells of the one row of the table of the whole design, by Vivado's names."""
    for i, line in enumerate(section[:-2]):
        columns, values = _COLUMN.findall(line), section[i + 2].split()
        if line.strip().startswith("WNS(ns)") and set(section[i + 1].split()) and not section[i + 1].strip("- "):
            return dict(zip(columns, values)) if len(columns) == len(values) == 12 else {}
    return {}


def _period(section: list[str] | None) -> str | None:
    """Period of the clock; of several clocks, which; None when there is no table."""
    clocks = {m[1]: m[2] for line in section or [] if (m := _CLOCK.fullmatch(line))}
    if len(clocks) > 1:
        return f"{len(clocks)} clocks ({', '.join(list(clocks)[:4])})"
    return next(iter(clocks.values()), None)


def _staged(header: Header, source: Source) -> Header:
    """The header with a stage; before 2022 the report has no design state, and the file name Vivado gives it or nets without place tell."""
    if header.state or header.stage:
        return header
    nets = set(re.findall(r"^ +net \(fo=\d+, (\w+)\)", source.text, re.M))
    if "unplaced" in nets:
        return replace(header, stage="post-synth")
    named = re.search(r"timing_summary_(?:postroute_physopted|routed)\.rpt", header.command)
    return replace(header, stage="routed") if named and "estimated" not in nets else header


def read_timing(source: Source) -> Report:
    """Slacks of the whole design in ns, the endpoints that fail and, when there is one clock, its period ``clock_ns``."""
    header = _staged(read_header(source), source)
    origin = header.origin
    cells = _slacks(_section(source.lines, "Design Timing Summary") or [])
    figures = {name: origin.real(cells.get(c), "ns", c, signed=True) for name, c in SLACKS.items()}
    figures |= {name: origin.count(cells.get(c), "endpoints", c) for name, c in ENDPOINTS.items()}
    figures["clock_ns"] = origin.real(_period(_section(source.lines, "Clock Summary")), "ns", "clock period")
    state = header.state
    return Report("timing", "Vivado", header.version, header.part, header.design, header.stage, figures, (), source.path, state=state)
