"""Does it fit: the rule, stated and printed with every estimate."""

from __future__ import annotations

from ..figures import Figure, unavailable
from .board import RESOURCES, Board

UNITS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "latency_cycles": "cycles", "latency_us": "us", "ii": "cycles"}
"""Unit of each figure of an estimate's total."""

RULE = (
    "fits when the upper end of every resource's interval is on the board: "
    "for LUT and FF after synthesis (C-synthesis where there is no such figure), for DSP and BRAM18 by law"
)
"""How ``fits`` is judged; printed with every answer."""


def judge(total: dict[str, Figure], board: Board) -> tuple[bool | None, str]:
    """Verdict by :data:`RULE` and the sentence that says what decided it; None where a figure that decides cannot be had."""
    worst, text, missing = 0.0, "", []
    for kind in RESOURCES:
        figure, how = total.get(f"{kind}_post_synth"), "upper end, post-synthesis"
        if figure is None or not figure.available:
            figure, how = total[kind], "upper end, C-synthesis"
        if not figure.available:
            missing.append(UNITS[kind])
            continue
        value = figure.high if figure.high is not None else figure.value
        assert value is not None
        capacity = board.capacity(kind)
        part = value / capacity if capacity else (float("inf") if value else 0.0)
        if part >= worst:
            worst, text = part, f"{UNITS[kind]} {round(value):,} of {capacity:,} ({100 * part:.0f} %; {how})"
    if missing:
        return (False if worst > 1 else None), f"cannot be judged: no estimate of {' and '.join(missing)}" + (
            f"; of the rest the scarcest is {text}" if text else ""
        )
    return worst <= 1, f"scarcest: {text}"


def share(figure: Figure, capacity: int) -> Figure:
    """A figure as a share of the board's capacity (unit "fraction"), interval included."""
    if not figure.available or not capacity:
        return unavailable(figure.reason or "the board has none", "fraction")
    ends = [None if v is None else round(v / capacity, 4) for v in (figure.low, figure.high)]
    return Figure(round(figure.value / capacity, 4), "fraction", ends[0], ends[1], figure.interval, figure.stage, figure.provenance)
