"""Names and units of the figures of C-synthesis, the same for .rpt and .xml."""

from __future__ import annotations

from collections.abc import Callable

from ...figures import Figure
from .report import Module
from .values import Origin

RESOURCES = {"lut": ("LUT", "LUT"), "ff": ("FF", "FF"), "dsp": ("DSP", "DSP"), "bram18": ("BRAM_18K", "BRAM18"), "uram": ("URAM", "URAM")}
"""Name of the figure: what reports call it ("DSP48E" counts as "DSP"), and its unit."""

CYCLES = ("latency_min_cycles", "latency_cycles", "ii_min", "ii")
CLOCKS = ("clock_ns", "clock_estimated_ns", "clock_uncertainty_ns")

Cell = Callable[[str], "str | None"]
"""Gives the text of a figure by its name, or None when the report has no such cell."""


def csynth_figures(cell: Cell, origin: Origin) -> dict[str, Figure]:
    """All figures of a C-synthesis report: resources used and available (count), cycles, and clock periods in ns."""
    figures: dict[str, Figure] = {}
    for name, (called, unit) in RESOURCES.items():
        figures[name] = origin.count(cell(name), unit, called)
        figures[f"{name}_available"] = origin.count(cell(f"{name}_available"), unit, f"available {called}")
    for name in CYCLES:
        figures[name] = origin.count(cell(name), "cycles", name.replace("_", " "))
    for name in CLOCKS:
        figures[name] = origin.real(cell(name), "ns", name.removesuffix("_ns").replace("_", " "))
    return figures


def module_of(name: str, module: str, figures: dict[str, Figure], depth: int | None = None) -> Module:
    """An instance from figures as :func:`csynth_figures` names them."""
    resources = {r: figures[r] for r in RESOURCES}
    cycles = {"latency": figures["latency_cycles"], "latency_min": figures["latency_min_cycles"], "ii": figures["ii"]}
    return Module(name, module, **cycles, **resources, depth=depth)
