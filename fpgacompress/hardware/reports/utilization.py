"""Vivado's ``report_utilization``, flat and with ``-hierarchical``, of 7 series, UltraScale(+) and Versal parts."""

from __future__ import annotations

import re
from dataclasses import replace

from ...figures import Figure, unavailable
from .report import Module, Report
from .source import Source
from .tables import Table, tables
from .values import Origin
from .vivado_header import read_header

TITLE = re.compile(r"^Utilization Design Information\s*$|^\| Command\s*: report_utilization\b")

UNITS = {
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "bram36": "BRAM36",
    "bram18": "BRAM18",
    "uram": "URAM",
    "lut_logic": "LUT",
    "lut_memory": "LUT",
}
"""Figures of a utilization report and their units; ``lut_memory`` are those used as memory and shift registers."""

_SITES = {
    "lut": ("Slice LUTs", "CLB LUTs"),
    "lut_logic": ("LUT as Logic",),
    "lut_memory": ("LUT as Memory",),
    "ff": ("Slice Registers", "CLB Registers", "Registers"),
    "dsp": ("DSPs", "DSP Slices"),
    "bram36": ("Block RAM Tile",),
    "ramb36": ("RAMB36/FIFO",),
    "ramb18": ("RAMB18",),
    "uram": ("URAM",),
}
_HIERARCHY = {
    "lut": ("Total LUTs",),
    "lut_logic": ("Logic LUTs",),
    "ff": ("FFs",),
    "dsp": ("DSP Blocks", "DSP48 Blocks", "DSPs"),
    "ramb36": ("RAMB36",),
    "ramb18": ("RAMB18",),
    "uram": ("URAM",),
    "lutram": ("LUTRAMs",),
    "srl": ("SRLs",),
}
NO_CYCLES = "a utilization report tells no cycles"


def _sum(parts: list[tuple[float, Figure]], name: str) -> Figure:
    """Weighted sum of figures; unavailable when one of them is."""
    for _, figure in parts:
        if figure.value is None:
            return unavailable(figure.reason or "", UNITS[name])
    value = sum(weight * figure.value for weight, figure in parts if figure.value is not None)
    return replace(parts[0][1], value=int(value) if float(value).is_integer() and name != "bram36" else value, unit=UNITS[name])


def _memory(ramb36: Figure, ramb18: Figure) -> dict[str, Figure]:
    """Blocks of 18 kbit and tiles of 36 kbit from the numbers of both primitives."""
    return {"bram18": _sum([(2, ramb36), (1, ramb18)], "bram18"), "bram36": _sum([(1.0, ramb36), (0.5, ramb18)], "bram36")}


def _sites(found: list[Table]) -> dict[str, dict[str, str]]:
    """Rows by name of the site ("*" and indentation off), the first of each name; only of the tables that count sites."""
    rows: dict[str, dict[str, str]] = {}
    for table in found:
        if table.header[:2] == ("Site Type", "Used"):
            for row in table.records():
                rows.setdefault(row["Site Type"].rstrip("*").rstrip(), row)
    return rows


def _flat(found: list[Table], origin: Origin) -> dict[str, Figure]:
    rows = _sites(found)

    def cell(name: str, column: str) -> str | None:
        return next((rows[site].get(column) for site in _SITES[name] if site in rows), None)

    figures: dict[str, Figure] = {}
    for name, unit in UNITS.items():
        if name == "bram18":
            continue
        read = origin.real if name == "bram36" else origin.count
        figures[name] = read(cell(name, "Used"), unit, _SITES[name][0])
        figures[f"{name}_available"] = read(cell(name, "Available"), unit, f"available {_SITES[name][0]}")
    blocks = [origin.count(cell(name, "Used"), "BRAM18", _SITES[name][0]) for name in ("ramb36", "ramb18")]
    figures["bram18"] = _memory(*blocks)["bram18"]
    figures["bram18_available"] = origin.count(cell("ramb18", "Available"), "BRAM18", "available RAMB18")
    return figures


def _row_figures(row: dict[str, str], origin: Origin) -> dict[str, Figure]:
    """Figures of one row of the table of instances."""

    def cell(name: str) -> str | None:
        return next((row[c] for c in _HIERARCHY[name] if c in row), None)

    read = {n: origin.count(cell(n), UNITS.get(n, "BRAM18"), _HIERARCHY[n][0]) for n in _HIERARCHY}
    figures = {n: read[n] for n in ("lut", "lut_logic", "ff", "dsp", "uram")} | _memory(read["ramb36"], read["ramb18"])
    return figures | {"lut_memory": _sum([(1, read["lutram"]), (1, read["srl"])], "lut_memory")}


def _hierarchy(table: Table, origin: Origin) -> tuple[dict[str, Figure], tuple[Module, ...]]:
    """Figures of the row "(top)" and the instances below; rows in brackets are an instance's own logic without those inside it."""
    top: dict[str, Figure] | None = None
    modules = []
    none = unavailable(NO_CYCLES, "cycles")
    for raw, row in zip(table.rows, table.records()):
        name, figures = row["Instance"], _row_figures(row, origin)
        if name.startswith("("):
            continue
        if top is None:
            top = figures
            continue
        depth = (len(raw[0]) - len(raw[0].lstrip()) - 1) // 2
        resources = {n: figures[n] for n in ("lut", "ff", "dsp", "bram18", "uram")}
        modules.append(Module(name, row["Module"], none, none, none, **resources, depth=depth))
    figures = top or _row_figures({}, origin)
    return figures | {f"{n}_available": unavailable("the table of instances does not tell", UNITS[n]) for n in UNITS}, tuple(modules)


def read_utilization(source: Source) -> Report:
    """Resources used and available, and the instances where the report was made with ``-hierarchical``."""
    header = read_header(source)
    found = list(tables(source.lines))
    tree = next((t for t in found if t.header[:2] == ("Instance", "Module")), None)
    flat, modules = _flat(found, header.origin), ()
    if tree is not None and not any(f.available for f in flat.values()):
        flat, modules = _hierarchy(tree, header.origin)
    return Report(
        "utilization", "Vivado", header.version, header.part, header.design, header.stage, flat, modules, source.path, state=header.state
    )
