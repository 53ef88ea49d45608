"""The front of a training with learned bits: its students, and the way the training took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import EngFormatter

from .canvas import BLUE, GREEN, RED, sheet


def front(results: dict[str, Any], path: Path) -> Path | None:
    """Validation accuracy against EBOPs: every epoch of the ramp, the tuned students, the one that was taken."""
    told = results.get("front") or {}
    points = [p for p in told.get("points") or [] if p.get("ebops")]
    if not points:
        return None
    with sheet(path, 10.0, 5.2) as drawing:
        axes = drawing.subplots()
        ramp = np.array([(r["cost"], r["val_accuracy"]) for r in told.get("ramp") or [] if r.get("cost")], float).reshape(-1, 2)
        if len(ramp):
            axes.plot(ramp[:, 0], ramp[:, 1], ".", color="#b9b9b9", markersize=3, label="epochs of the ramp", zorder=1)
        kept = [p for p in points if not p["dominated"]]
        beaten = [p for p in points if p["dominated"]]
        axes.plot(*_xy(kept), "o-", color=BLUE, markersize=8, label="students of the front", zorder=3)
        if beaten:
            axes.plot(*_xy(beaten), "o", color=BLUE, markerfacecolor="white", markersize=8, label="students another one beats", zorder=3)
        chosen = [p for p in points if p["name"] == told.get("student")]
        axes.plot(*_xy(chosen), "*", color=RED, markersize=19, label="the student of this run", zorder=4)
        if (level := told.get("float_accuracy")) is not None:
            axes.axhline(level, color=GREEN, linestyle="--", linewidth=1.4, label="float student")
        levels = [p["val_accuracy"] for p in points] + ([] if level is None else [level])
        low, high = min(levels), max(levels)
        axes.set_ylim(low - 0.15 * (high - low) - 0.003, min(high + 0.15 * (high - low), 1.0) + 0.003)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.set_xlabel("EBOPs (bit operations of the non-zero weights), log scale")
        axes.set_ylabel("validation accuracy (fraction)")
        axes.set_title("one training with learned bits: accuracy against cost")
        axes.legend(loc="best")
    return path


def _xy(points: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    points = sorted(points, key=lambda p: p["ebops"])
    return [p["ebops"] for p in points], [p["val_accuracy"] for p in points]
