"""The estimate arranged for reading: one column per stage, so that csynth and post-synth figures never meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..figures import STAGES, Figure
from .results import figure, section

RESOURCES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "uram": "URAM"}
TIMES = {"latency_cycles": "latency", "latency_us": "latency (time)", "ii": "initiation interval"}
SUFFIXES = {"_post_synth": "post-synth", "_routed": "routed", "_simulated": "simulated", "_csynth": "csynth"}


@dataclass(frozen=True)
class Cell:
    """One quantity of one stage.

    Attributes:
        name: "lut", "ff", "latency_cycles", ...
        amount: the figure.
        share: fraction of what the board has, or None where that makes no sense or is not known.
    """

    name: str
    amount: Figure
    share: Figure | None = None


def split_key(key: str) -> tuple[str, str | None]:
    """``"lut_post_synth"`` to ``("lut", "post-synth")``; no stage when the key names none."""
    for suffix, stage in SUFFIXES.items():
        if key.endswith(suffix):
            return key[: -len(suffix)], stage
    return key, None


def _as_fraction(share: Figure) -> Figure:
    if share.value is None or share.unit not in ("%", "percent"):
        return share
    low, high = (None if v is None else v / 100 for v in (share.low, share.high))
    return Figure(share.value / 100, "fraction", low, high, share.interval, share.stage, share.provenance)


def _capacities(estimate: dict[str, Any]) -> dict[str, float]:
    """What the board has of each resource, from ``capacity`` or from an amount and its share."""
    found = {}
    total, used, capacity = (section(estimate, k) for k in ("total", "utilisation", "capacity"))
    for name in RESOURCES:
        amount, share, stated = figure(total, name), _as_fraction(figure(used, name)), figure(capacity, name)
        if stated.value:
            found[name] = float(stated.value)
        elif amount.value and share.value:
            found[name] = amount.value / share.value
    return found


def by_stage(estimate: dict[str, Any]) -> dict[str, dict[str, Cell]]:
    """``{stage: {quantity: Cell}}`` in the order of the flow; quantities that have only a reason keep it.

    Args:
        estimate: the results' ``estimate``; empty gives an empty answer.
    """
    total, used, capacities = section(estimate, "total"), section(estimate, "utilisation"), _capacities(estimate)
    columns: dict[str, dict[str, Cell]] = {}
    for key in total:
        name, stage = split_key(key)
        if name not in RESOURCES and name not in TIMES:
            continue
        amount = figure(total, key)
        stage = amount.stage or stage or "csynth"
        share = None
        if name in RESOURCES:
            share = _as_fraction(figure(used, key))
            if not share.available and amount.value is not None and name in capacities:
                ends = [None if v is None else v / capacities[name] for v in (amount.value, amount.low, amount.high)]
                share = Figure(ends[0], "fraction", ends[1], ends[2], amount.interval, amount.stage, amount.provenance)
            if not share.available or (share.stage is not None and share.stage != stage):
                share = None
        columns.setdefault(stage, {})[name] = Cell(name, amount, share)
    return {stage: columns[stage] for stage in STAGES if stage in columns}
