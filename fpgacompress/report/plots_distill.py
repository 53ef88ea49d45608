"""Heat map of a search for a setting of distillation: one panel per method, temperature against alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from .canvas import ORANGE, no_grid, sheet

LEAST = 0.5
"""Points of accuracy at which the colours end at least: smaller differences stay pale."""
ACROSS = 3
"""Panels beside each other."""
CELL = (1.35, 0.72)
"""Inches of a field."""
OTHERS = "no T, no alpha"

Row = dict[str, Any]


def distill_map(told: dict[str, Any], path: Path) -> Path:
    """Draw validation accuracies, coloured by what they gain over no teacher, blue better and red worse, the numbers in every field.

    Args:
        told: what :func:`fpgacompress.pipeline.distill_search.search` gives, figures as objects.
        path: of the PNG file.
    """
    panels = _panels(told["rows"])
    sizes = [(len(dict.fromkeys(r["alpha"] for r in rows)), len(_lines(rows))) for rows in panels.values()]
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    wide = [max(size[0] for size in sizes[i::across]) for i in range(across)]
    tall = [max(size[1] for size in sizes[i * across : (i + 1) * across]) for i in range(down)]
    most = colours_end([r["gain"].value for r in told["rows"]])
    with sheet(path, 1.2 + sum(0.9 + CELL[0] * w for w in wide), 1.0 + sum(0.75 + CELL[1] * t for t in tall)) as drawing:
        grid = drawing.subplots(down, across, squeeze=False, width_ratios=wide, height_ratios=tall)
        images = [
            _panel(axes, title, rows, told["best"]["artifacts"], Normalize(-most, most))
            for axes, (title, rows) in zip(grid.flat, panels.items())
        ]
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        beyond = any(r["gain"].value < -most for r in told["rows"])
        extend = "min" if beyond else "neither"
        bar = drawing.colorbar(images[0], ax=grid, pad=0.02, fraction=0.03, aspect=18, extend=extend, label="points", panchor=False)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)
        drawing.suptitle(_title(told), x=0.01, ha="left", fontweight="bold", fontsize=12)
    return path


def colours_end(gains: list[float]) -> float:
    """Points at which the colours end: the best gain or what is usual, so that one bad setting does not make the others pale."""
    return max(LEAST, *gains, float(np.median(np.abs(gains))))


def _title(told: dict[str, Any]) -> str:
    seeds = f"mean of {len(told['seeds'])} seeds" if len(told["seeds"]) > 1 else "one seed"
    return (
        f"{told['recipe']}: validation accuracy, points over no teacher\n"
        f"{told['validation_samples']:,} samples, {seeds}; frame: best, bold: beyond noise\n"
        f"no teacher {told['none']['accuracy'].value:.4f}, teacher {told['teacher']['accuracy'].value:.4f}"
    )


def _panels(rows: list[Row]) -> dict[str, list[Row]]:
    """Title to rows: one panel for each method with temperature and alpha, a last one for all the others."""
    panels: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda r: r["temperature"] is None):
        panels.setdefault(row["method"] if row["temperature"] is not None else OTHERS, []).append(row)
    return panels


def _line(row: Row) -> Any:
    return row["method"] if row["temperature"] is None else row["temperature"]


def _lines(rows: list[Row]) -> list[Any]:
    return list(dict.fromkeys(map(_line, rows)))


def _panel(axes: Axes, title: str, rows: list[Row], best: list[str], norm: Normalize) -> AxesImage:
    lines, columns = _lines(rows), list(dict.fromkeys(r["alpha"] for r in rows))
    cells = {(lines.index(_line(r)), columns.index(r["alpha"])): r for r in rows}
    values = np.full((len(lines), len(columns)), np.nan)
    for place, row in cells.items():
        values[place] = row["gain"].value
    image = axes.imshow(values, cmap="RdBu", norm=norm, aspect=CELL[1] / CELL[0])
    axes.set_anchor("NW")
    for (y, x), row in cells.items():
        gain = row["gain"]
        colour = "white" if abs(norm(gain.value) - 0.5) > 0.3 else "#222222"
        weight = "bold" if gain.low > 0 or gain.high < 0 else "normal"
        for text, size, offset in ((f"{row['accuracy'].value:.4f}", 11, 7), (f"{gain.value:+.2f}".replace("-", "\u2212"), 9.5, -8)):
            style = {"ha": "center", "va": "center", "fontsize": size, "color": colour, "fontweight": weight}
            axes.annotate(text, (x, y), (0, offset), textcoords="offset points", **style)
        if row["artifacts"] == best:
            axes.add_patch(Rectangle((x - 0.46, y - 0.43), 0.92, 0.86, fill=False, edgecolor=ORANGE, linewidth=3))
    soft = columns != [None]
    axes.set_yticks(range(len(lines)), [f"T = {line:g}" if soft else line for line in lines])
    axes.set_xticks(range(len(columns)), [f"alpha {c:g}" if soft else "" for c in columns])
    axes.set_title(title)
    axes.tick_params(length=0)
    for side, count in (("x", len(columns)), ("y", len(lines))):  # white lines between the fields
        getattr(axes, f"set_{side}ticks")(np.arange(count + 1) - 0.5, minor=True)
    no_grid(axes, "both")
    axes.grid(which="minor", color="white", linewidth=2)
    axes.set_axisbelow(False)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
