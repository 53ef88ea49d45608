"""Measured figures beside the estimate, as plain text; a column never holds figures of two stages."""

from __future__ import annotations

from dataclasses import dataclass

from ...figures import Figure
from .flow import Built
from .measured import REPLAYED, REPORTED
from .progress import clock
from .stages import bitstream
from .versions import NAMES

COLUMNS = (
    ("csim", "simulated", "csim"),
    ("csynth", "csynth", "csynth"),
    ("cosim", "simulated", "cosim"),
    ("vsynth", "post-synth", "post-synth"),
    ("implementation", "routed", "routed (network)"),
    ("bitfile", "routed", "routed (board)"),
)
"""Stage of the flow, stage of its figures, heading."""

ESTIMATED = {
    "csynth": {
        "lut": "lut",
        "ff": "ff",
        "dsp": "dsp",
        "bram18": "bram18",
        "latency_cycles": "latency_cycles",
        "latency_min_cycles": "latency_min_cycles",
        "latency_us": "latency_us",
        "ii": "ii",
    },
    "post-synth": {"lut": "lut_post_synth", "ff": "ff_post_synth"},
}
"""Stage to ``{name of a measured figure: name of the estimate's figure of that stage}``."""

SHOWN = (
    "lut",
    "ff",
    "dsp",
    "bram18",
    "bram36",
    "uram",
    "latency_cycles",
    "latency_min_cycles",
    "latency_us",
    "ii",
    "clock_ns",
    "clock_estimated_ns",
    "worst_slack_ns",
    "worst_hold_slack_ns",
    "failing_endpoints",
    "errors",
)
"""Rows of the table, in order; the other figures are in ``measured.json``."""

_CAPITALS = ("lut", "ff", "dsp", "bram18", "bram36", "uram", "ii")
_UNITS = ("cycles", "us", "ns")


@dataclass(frozen=True)
class Column:
    """Figures of one stage.

    Attributes:
        heading: the stage.
        kind: "estimate", "measured" or "replayed".
        figures: by name.
    """

    heading: str
    kind: str
    figures: dict[str, Figure]


def columns(built: Built) -> list[Column]:
    """Every column that has any figures: for each stage the estimate first, then what was found."""
    made: list[Column] = []
    told: set[str] = set()
    for name, stage, heading in COLUMNS:
        found = _figures(built, name)
        if not found:
            continue
        names = {} if stage in told else ESTIMATED.get(stage, {})
        told.add(stage)
        guessed = {mine: built.estimate[theirs] for mine, theirs in names.items() if theirs in built.estimate}
        if guessed:
            made.append(Column(heading, "estimate", guessed))
        made.append(Column(heading, "replayed" if built.stages[name].stand_in else "measured", found))
    return made


def _figures(built: Built, name: str) -> dict[str, Figure]:
    told = (built.figures.get(name) or {}).get("figures", {})
    return {key: figure for key, figure in told.items() if figure.available and key in SHOWN}


def table(built: Built) -> str:
    """The stages, the figures, and what must be known about them."""
    period = f", {built.project.clock_ns:g} ns" if built.project.clock_ns else ""
    lines = [f"{built.project.folder}: {built.project.backend}, {built.project.part}{period}", ""]
    lines += [_stage_line(built, name) for name in built.stages]
    made = columns(built)
    if made:
        lines += ["", *_rows(made)]
    if not built.estimate and made:
        lines.append("no estimate: this folder does not belong to a run")
    if built.stand_in:
        names = ", ".join(name for name, entry in built.stages.items() if entry.stand_in)
        lines.append(
            f"\nNOT MEASURED: {names} were {REPLAYED}, a program that copies old reports; no figure of these stages is of this project"
        )
    lines += [f"note: {note}" for note in built.notes]
    if "bitfile" in built.stages:
        lines += [f"{kind}: {path}" for kind, path in bitstream(built.project).items()]
    if any(name in REPORTED for name in built.stages):
        lines.append("figures are stored in measured.json of the project")
    return "\n".join(lines) + "\n"


def _stage_line(built: Built, name: str) -> str:
    entry = built.stages[name]
    tool = f"{NAMES.get(entry.program, entry.program)} {entry.release or 'of unknown release'}"
    how = "stand-in for " if entry.stand_in else ""
    reused = ", reused" if name in built.reused else ""
    return f"{name:15} {entry.status:8} {clock(entry.seconds):>8}  {how}{tool}{reused}"


def _rows(made: list[Column]) -> list[str]:
    keys = {key: figure for column in made for key, figure in column.figures.items() if key in SHOWN}
    cells = [["", *(column.heading for column in made)], ["figure", *(column.kind for column in made)]]
    for key in sorted(keys, key=SHOWN.index):
        cells.append([_label(key, keys[key]), *(_text(column.figures.get(key)) for column in made)])
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip() for row in cells
    ]


def _text(figure: Figure | None) -> str:
    if figure is None or not figure.available:
        return ""
    plain = isinstance(figure.value, float) and figure.low is None and abs(figure.value) < 1000
    return figure.text("g" if plain else None)


def _label(key: str, figure: Figure) -> str:
    unit = figure.unit if figure.unit in _UNITS else ""
    plain = key.upper() if key in _CAPITALS else key.removesuffix(f"_{unit}").replace("_", " ")
    return f"{plain} [{unit}]" if unit else plain
