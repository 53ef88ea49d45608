"""Picture of a search for lottery tickets: accuracy of tickets and of newly drawn weights against the weights that are left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .canvas import BLUE, INK, ORANGE, sheet


def tickets(told: dict[str, Any], path: Path) -> Path:
    """Draw validation accuracies with their intervals over seeds; the winning ticket has a ring.

    Args:
        told: what :func:`fpgacompress.pipeline.lottery.draw` gives, figures as objects.
        path: of the PNG file.
    """
    rows, dense = told["rounds"], told["dense"]["accuracy"]
    with sheet(path, 7.2, 4.4) as drawing:
        axes = drawing.subplots()
        axes.axhline(dense.value, color=INK, linewidth=1, linestyle="--", label="all weights")
        for name, label, colour, marker in (
            ("ticket", "ticket: rewound weights", BLUE, "o"),
            ("control", "same masks, new weights", ORANGE, "s"),
        ):
            places = [100 * row["left"] for row in rows]
            axes.plot(places, [row[name].value for row in rows], color=colour, marker=marker, label=label)
            for place, row in zip(places, rows):
                if row[name].low is not None:
                    axes.plot([place, place], [row[name].low, row[name].high], color=colour, linewidth=1.2)
        if told["winner"]:
            axes.plot(100 * told["winner"]["left"], told["winner"]["ticket"].value, "o", color=BLUE, markersize=14, fillstyle="none")
        means = [dense.value, *(row[n].value for row in rows for n in ("ticket", "control"))]
        room = max(0.4 * (max(means) - min(means)), 0.002)
        axes.set_ylim(min(means) - room, max(means) + room)  # wide intervals of few seeds are cut
        axes.set_xscale("log")
        ticks = [100 * row["left"] for row in rows][:: max(1, len(rows) // 8)]
        axes.set_xticks(ticks, [f"{t:.3g}" for t in ticks])
        axes.minorticks_off()
        axes.invert_xaxis()
        axes.set_xlabel("weights left, %")
        axes.set_ylabel("validation accuracy")
        seeds = f"mean of {len(told['seeds'])} seeds, 95 %" if len(told["seeds"]) > 1 else "one seed"
        axes.set_title(f"{told['recipe']}: {told['weights']:,} weights, {seeds}", loc="left")
        axes.legend()
    return path
