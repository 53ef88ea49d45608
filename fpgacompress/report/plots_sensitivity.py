"""Heat map of a sensitivity table: one line per tensor, one column per width or sparsity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from .canvas import no_grid, sheet

FLOOR = 1e-3
"""Rises of the loss below this (nats) have the colour of nothing: on a few thousand samples they are noise."""
TITLES = {"bits": "fewer bits", "sparsity": "more zeros"}


def sensitivity_map(table: dict[str, Any], path: Path) -> Path:
    """Draw the rise of the loss for every tensor and setting, logarithmic colours, the number in every field.

    Args:
        table: what ``Sensitivity.to_json`` gives.
        path: of the PNG file.
    """
    panels = {what: rows for what in TITLES if (rows := [r for r in table["rows"] if what in r])}
    columns = {what: sorted({r[what] for r in rows}, reverse=what == "bits") for what, rows in panels.items()}
    lines = {what: list(dict.fromkeys(_name(r) for r in rows)) for what, rows in panels.items()}
    tallest = max(len(names) for names in lines.values())
    worst = max([r["loss_change"] for r in table["rows"]] + [10 * FLOOR])
    with sheet(path, 3.6 + 0.95 * sum(len(c) for c in columns.values()), 2.0 + 0.46 * tallest) as drawing:
        grid = drawing.subplots(1, len(panels), squeeze=False, width_ratios=[len(c) for c in columns.values()])
        for axes, (what, rows) in zip(grid.flat, panels.items()):
            _panel(axes, what, rows, lines[what], columns[what], LogNorm(FLOOR, worst))
        drawing.suptitle(
            f"rise of the loss (nats), {table['method']}, all else {table['base']}: {table['loss']:.4f} on {table['samples']:,} samples",
            x=0.01,
            ha="left",
            fontweight="bold",
            fontsize=13,
        )
    return path


def _name(row: dict[str, Any]) -> str:
    return "input" if row["kind"] == "input" else f"{row['layer']} {row['kind']}"


def _panel(axes: Axes, what: str, rows: list[dict[str, Any]], names: list[str], columns: list[float], norm: LogNorm) -> None:
    values = np.full((len(names), len(columns)), np.nan)
    for row in rows:
        values[names.index(_name(row)), columns.index(row[what])] = row["loss_change"]
    image = axes.imshow(np.clip(values, FLOOR, None), cmap="Blues", norm=norm, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(max(value, FLOOR)) > 0.6
            axes.text(x, y, _number(value), ha="center", va="center", fontsize=10, color="white" if dark else "#222222")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(columns)), [f"{int(c)} bits" if what == "bits" else f"{100 * c:g} %" for c in columns])
    axes.set_title(TITLES[what])
    axes.tick_params(length=0)
    no_grid(axes, "both")
    if what == "bits":
        bar = axes.figure.colorbar(image, ax=axes, pad=0.015, fraction=0.04)
        bar.outline.set_visible(False)


def _number(value: float) -> str:
    return "0" if abs(value) < 5e-4 else f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"
