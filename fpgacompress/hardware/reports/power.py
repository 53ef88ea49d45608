"""Vivado's ``report_power``: an estimate from activity that is given, simulated or assumed."""

from __future__ import annotations

import re
from dataclasses import replace

from ...figures import unavailable
from .report import Report
from .source import Source
from .tables import tables
from .vivado_header import read_header

TITLE = re.compile(r"^Power Report\s*$|^\| Command\s*: report_power\b")

_CELLS = {
    "power_w": ("Total On-Chip Power (W)", "W"),
    "power_dynamic_w": ("Dynamic (W)", "W"),
    "power_static_w": ("Device Static (W)", "W"),
    "junction_c": ("Junction Temperature (C)", "C"),
}
_POWERS = ("power_w", "power_dynamic_w", "power_static_w")
_CONFIDENCE = "Confidence Level"


def read_power(source: Source) -> Report:
    """Power of the chip in W: ``power_w`` = ``power_dynamic_w`` + ``power_static_w``; ``junction_c`` in degrees Celsius.

    The provenance says how far Vivado itself trusts the activity ("confidence Low": assumed, not simulated).
    """
    header = read_header(source)
    cells: dict[str, str] = {}
    for table in tables(source.lines):
        pairs = {row[0].strip(): row[1].strip() for row in table.head if len(row) == 2}
        if not table.rows and _CELLS["power_w"][0] in pairs:
            cells = pairs
            break
    origin = header.origin
    if _CONFIDENCE in cells:
        origin = replace(origin, provenance=f"{origin.provenance}, confidence {cells[_CONFIDENCE]}")
    figures = {name: origin.real(cells.get(c), unit, c, signed=unit == "C") for name, (c, unit) in _CELLS.items()}
    total, dynamic, static = (figures[n].value for n in _POWERS)
    if total is not None and dynamic is not None and static is not None and abs(total - dynamic - static) > 0.01 + 0.01 * total:
        reason = f"the report contradicts itself: {dynamic} W and {static} W are not {total} W"
        figures |= {n: unavailable(reason, "W") for n in _POWERS}
    state = header.state
    return Report("power", "Vivado", header.version, header.part, header.design, header.stage, figures, (), source.path, state=state)
