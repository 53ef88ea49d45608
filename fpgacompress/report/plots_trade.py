"""Resources of a board against latency, for the plans that nothing beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator

from ..figures import Figure
from .canvas import BLUE, GREEN, INK, ORANGE, RED, no_grid, sheet

DRAWN = (
    ("lut_post_synth", "LUT, post-synthesis", BLUE, "o"),
    ("ff_post_synth", "FF, post-synthesis", ORANGE, "s"),
    ("dsp", "DSP", RED, "^"),
    ("bram18", "BRAM18", GREEN, "D"),
)


def trade_plot(
    points: list[dict[str, Any]], title: str, path: Path, budget_us: float | None = None, chosen_us: float | None = None
) -> Path:
    """Draw and return ``path``.

    Args:
        points: for each plan "latency_us" (a figure) and "utilisation" (figures, shares of the board, by name).
        title: board and strategy.
        budget_us, chosen_us: vertical lines: what was asked for, and the plan that was chosen.
    """
    with sheet(path, 8.0, 4.8) as drawing:
        axes = drawing.subplots()
        for name, label, colour, marker in DRAWN:
            line = [(p["latency_us"].value, p["utilisation"][name]) for p in points]
            _band(axes, [(x, f) for x, f in line if isinstance(f, Figure) and f.available], label, colour, marker)
        axes.axhline(100, color=INK, linewidth=1, linestyle="--")
        axes.annotate("the whole board", (0.995, 100), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=10)
        for at, text, style, side in ((budget_us, " budget", ":", "left"), (chosen_us, "chosen ", "-", "right")):
            if at is not None:
                axes.axvline(at, color=INK, linewidth=1.4, linestyle=style)
                axes.annotate(text, (at, 0.98), xycoords=("data", "axes fraction"), va="top", ha=side, fontsize=10)
        axes.set_xscale("log")
        axes.set_yscale("log")
        low = min((axes.get_ylim()[0], 10.0))
        axes.set_ylim(max(low, 0.1), max(axes.get_ylim()[1], 200))
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.xaxis.set_minor_formatter("")
        axes.yaxis.set_major_formatter("{x:g} %")
        axes.set_xlabel("latency of an inference, us (log scale)")
        axes.set_ylabel("of the board; bands: interval")
        axes.set_title(title)
        no_grid(axes, "x")
        axes.legend(fontsize=10, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return path


def _band(axes: Any, line: list[tuple[float, Figure]], label: str, colour: str, marker: str) -> None:
    """One resource; plans that take none of it are left out, since the axis is logarithmic."""
    line = [(x, f) for x, f in line if f.value]
    if not line:
        return
    xs = [x for x, _ in line]
    axes.plot(xs, [100 * f.value for _, f in line], color=colour, marker=marker, markersize=5, label=label)
    ends = [(100 * (f.low or f.value), 100 * (f.high or f.value)) for _, f in line]
    axes.fill_between(xs, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.13, linewidth=0)
