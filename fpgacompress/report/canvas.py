"""What every plot shares: colours that colour-blind readers can tell apart, sizes that a projector can show, PNG files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Sheet

# Okabe & Ito, "Color universal design" (2008)
INK, BLUE, ORANGE, GREEN, RED, PINK, SKY = "#333333", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"

LOOKS = {
    "teacher": (INK, "s", (0, (1, 1))),
    "float": (BLUE, "D", (0, (5, 1.5))),
    "qat": (ORANGE, "^", (0, (3, 1, 1, 1))),
    "qap": (GREEN, "v", (0, (5, 1.5, 1, 1.5))),
    "student": (RED, "o", "-"),
}
"""Colour, marker and line of each model, the same in every plot; shape and dash also tell them apart in grey."""

RC = {
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "figure.dpi": 140,
    "savefig.dpi": 140,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
}


def look(name: str, index: int = 0) -> tuple[str, str, object]:
    """Colour, marker and line style of a model; models without a fixed look take one by their position."""
    spare = ((PINK, "P", "-."), (SKY, "X", "--"), (INK, "*", ":"))
    return LOOKS.get(name, spare[index % len(spare)])


@contextlib.contextmanager
def sheet(path: Path, width: float, height: float) -> Iterator[Sheet]:
    """A drawing of ``width`` x ``height`` inches that is written to ``path`` as PNG at the end; same content, same bytes."""
    with matplotlib.rc_context(RC):
        drawing = Sheet(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawing)
        yield drawing
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing.savefig(path, format="png", metadata={"Software": None}, facecolor="white", bbox_inches="tight", pad_inches=0.08)


def spread(wanted: list[float], gap: float) -> list[float]:
    """Positions nearest to ``wanted`` (any unit, unsorted) that are at least ``gap`` apart, order kept; for labels that would overlap."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[float]] = []  # [centre, members]
    for i in order:
        blocks.append([wanted[i], 1])
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            (c2, n2), (c1, n1) = blocks.pop(), blocks.pop()
            blocks.append([(c1 * n1 + c2 * n2) / (n1 + n2), n1 + n2])
    placed = [centre + gap * (k - (n - 1) / 2) for centre, n in blocks for k in range(int(n))]
    result = [0.0] * len(wanted)
    for i, position in zip(order, placed, strict=True):
        result[i] = position
    return result


def no_grid(axes: Axes, which: str) -> None:
    """Switch the grid off along one axis ("x" or "y")."""
    axes.grid(visible=False, axis=which)
