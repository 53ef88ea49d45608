"""The summary of a whole C-synthesis that Vitis HLS writes, ``csynth.rpt``: one table with all modules and loops."""

from __future__ import annotations

import re

from ...figures import Figure, unavailable
from .csynth_figures import csynth_figures, module_of
from .csynth_rpt import facts
from .report import Module, Report
from .source import Source
from .tables import Table, tables
from .values import Origin, measured

TITLE = re.compile(r"^\s*== Synthesis Summary Report of '([^']+)'\s*$")

_COLUMNS = {"latency_cycles": "Latency (cycles)", "lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM", "uram": "URAM"}
NO_INTERVAL = "the interval in this table differs from the module's own report where loops restart early; read <module>_csynth"
NO_SHORTEST = "the summary tells one latency only; read <module>_csynth"


def _figures(row: dict[str, str], origin: Origin) -> dict[str, Figure]:
    figures = csynth_figures({name: row[c] for name, c in _COLUMNS.items() if c in row}.get, origin)
    none = {"ii": NO_INTERVAL, "ii_min": NO_INTERVAL, "latency_min_cycles": NO_SHORTEST}
    return figures | {name: unavailable(reason, "cycles") for name, reason in none.items()}


def _modules(table: Table, origin: Origin) -> list[Module]:
    """Rows of modules, the top module first with depth 0; loops ("o") are left out."""
    found = []
    for raw, row in zip(table.rows, table.records()):
        match = re.fullmatch(r"( *)\+ (\S+?)\*?", raw[0].rstrip())
        if match:
            found.append(module_of(match[2], match[2], _figures(row, origin), len(match[1])))
    return found


def read_csynth_summary(source: Source) -> Report:
    """Resources and longest latency of the top module and of all modules inside it; neither clock nor what the device has.

    Resources of which a module has none are written "-" and therefore unavailable; the module's own report has the 0.
    """
    top = next(m for line in source.lines if (m := TITLE.match(line)))[1]
    version, part = facts(source.lines)
    origin = Origin("csynth", measured("Vitis HLS", version))
    for table in tables(source.lines):
        if table.group.startswith("Performance & Resource") and table.header[:1] == ("Modules & Loops",):
            first, row = table.rows[:1], table.records()[:1]
            if first and re.fullmatch(rf"\+ {re.escape(top)}\*?", first[0][0].rstrip()):
                inside = tuple(_modules(table, origin)[1:])
                return Report("csynth", "Vitis HLS", version, part, top, "csynth", _figures(row[0], origin), inside, source.path)
    return Report("csynth", "Vitis HLS", version, part, top, "csynth", _figures({}, origin), (), source.path)
