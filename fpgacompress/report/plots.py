"""Plots of the models: accuracy against cost, training curves, confusion matrices. Each function draws one PNG and returns its path.

A function returns None when the results do not hold what it would draw. The plots of layers and of the board are in :mod:`plots_layers`,
that of learned bits in :mod:`plots_front`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, PercentFormatter

from ..figures import Figure
from .canvas import look, sheet, spread
from .plots_front import front
from .plots_layers import layer_bits, utilisation, weight_histograms
from .results import figure, label, models, student

COSTS = {
    "model_bytes": "packed weights (bytes)",
    "ebops": "EBOPs (bit operations of the non-zero weights)",
    "nonzeros": "weights that are not zero",
    "bops": "BOPs",
}


def _points(results: dict[str, Any], cost: str) -> list[tuple[int, str, str, Figure, Figure]]:
    found = []
    for index, (name, model) in enumerate(models(results)):
        x, y = figure(model, cost), figure(model, "accuracy")
        if x.available and y.available and x.value > 0:
            found.append((index, name, label(name, model), x, y))
    return found


def _label_width(text: str) -> float:
    """Roughly how many points a label and its distance take."""
    return 7.2 * len(text) + 26


def _crossed(point: tuple, points: list[tuple], points_per_log: float) -> bool:
    """Whether a label on the right of ``point`` would cross another model's interval bar."""
    for other in points:
        distance = np.log(other[3].value / point[3].value) * points_per_log
        low, high = (other[4].value if v is None else v for v in (other[4].low, other[4].high))
        if 12 < distance < _label_width(point[2]) and low - 0.001 <= point[4].value <= high + 0.001:
            return True
    return False


def _cost_panel(axes: Axes, points: list[tuple[int, str, str, Figure, Figure]], cost: str) -> None:
    costs = [p[3].value for p in points]
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.7, max(costs) * 1.7 * (max(costs) / min(costs)) ** 0.3)
    (left, right), points_wide = axes.get_xlim(), axes.bbox.width / axes.figure.dpi * 72
    to_left = [_crossed(point, points, points_wide / np.log(right / left)) for point in points]
    if any(to_left):  # room for the labels that stand on the left
        room = max(_label_width(p[2]) for p, moved in zip(points, to_left, strict=True) if moved) / points_wide
        left = right / (right / left) ** (1 / (1 - room))
        axes.set_xlim(left, right)
    step = (right / left) ** (-9 / 72 * axes.figure.dpi / axes.bbox.width)  # 9 points to the left on the log axis
    for k, (index, name, _, x, y) in enumerate(points):
        colour, marker, _ = look(name, index)
        ends = None if y.low is None or y.high is None else [[max(y.value - y.low, 0)], [max(y.high - y.value, 0)]]
        equal = sum(abs(np.log(x.value / p[3].value)) < 0.03 for p in points[:k])  # same cost: step aside by the width of a bar
        axes.errorbar(
            x.value * step**equal, y.value, yerr=ends, fmt=marker, color=colour, markersize=10, capsize=4, elinewidth=1.6, zorder=3
        )
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if right < 100 * left else (1.0, 3.0) if right < 1e4 * left else (1.0,)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel(COSTS[cost] + ", log scale")
    bottom, top = axes.get_ylim()
    heights = spread([p[4].value for p in points], 0.075 * (top - bottom))
    for (index, name, text, x, y), height, moved in zip(points, heights, to_left, strict=True):
        rise = (height - y.value) / (top - bottom) * axes.bbox.height / axes.figure.dpi * 72
        axes.annotate(
            text,
            (x.value, y.value),
            (-24 if moved else 14, rise),
            textcoords="offset points",
            color=look(name, index)[0],
            va="center",
            ha="right" if moved else "left",
            fontweight="bold",
            fontsize=11,
        )


def accuracy_cost(results: dict[str, Any], path: Path) -> Path | None:
    """Accuracy with its interval against packed size, and beside it against EBOPs where models have them (log axes)."""
    panels = [(c, p) for c in ("model_bytes", "ebops") if len(p := _points(results, c)) >= 2]
    panels = panels or [(c, p) for c in ("nonzeros", "bops") if len(p := _points(results, c)) >= 2][:1]
    if not panels:
        return None
    with sheet(path, 6.2 * max(len(panels), 1.3), 4.8) as drawing:
        grid = np.atleast_1d(drawing.subplots(1, len(panels), sharey=True))
        for axes, (cost, points) in zip(grid, panels, strict=True):
            drawing.draw_without_rendering()
            _cost_panel(axes, points, cost)
            axes.set_title("accuracy against " + {"model_bytes": "size", "ebops": "hardware work"}.get(cost, cost))
        interval = next((p[4].interval for p in panels[0][1] if p[4].interval), None)
        grid[0].set_ylabel("accuracy (fraction)" + (f"\nbars: {interval.split(',')[0]} interval" if interval else ""))
    return path


def _series(history: list[dict[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [(h.get("epoch", i), h[key]) for i, h in enumerate(history) if isinstance(h, dict) and h.get(key) is not None]
    table = np.array(rows, float).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def training_curves(results: dict[str, Any], path: Path) -> Path | None:
    """Validation accuracy (training accuracy thin) of all variants over epochs; below it the share of zeros where a schedule made them."""
    histories = [(i, n, m, [h for h in m.get("history") or [] if isinstance(h, dict)]) for i, (n, m) in enumerate(models(results))]
    histories = [h for h in histories if len(_series(h[3], "val_accuracy")[0]) or len(_series(h[3], "accuracy")[0])]
    if not histories:
        return None
    sparse = [h for h in histories if (_series(h[3], "sparsity")[1] > 0).any()]
    with sheet(path, 10.0, 6.6 if sparse else 4.6) as drawing:
        panels = drawing.subplots(2, 1, sharex=True, height_ratios=[2.2, 1]) if sparse else [drawing.subplots()]
        settled = []
        for index, name, model, history in histories:
            colour, marker, dash = look(name, index)
            epochs, shown = _series(history, "val_accuracy")
            if len(epochs):
                panels[0].plot(epochs, shown, color=colour, linestyle=dash, marker=marker, markersize=4, label=label(name, model), zorder=3)
            trained, curve = _series(history, "accuracy")
            panels[0].plot(trained, curve, color=colour, linewidth=0.9, alpha=0.55, label=None if len(epochs) else label(name, model))
            for values in (shown, curve):
                settled += list(values[len(values) // 4 :])
        low, high = np.quantile(settled, 0.02), max(settled)
        panels[0].set_ylim(low - 0.25 * (high - low) - 0.005, min(1.001, high + 0.08 * (high - low) + 0.002))
        panels[0].set_ylabel("accuracy (fraction)")
        panels[0].set_title("training: validation accuracy (thin: on the training data)")
        panels[0].legend(loc="lower right", ncols=2)
        for index, name, _, history in sparse:
            colour, marker, dash = look(name, index)
            panels[1].plot(*_series(history, "sparsity"), color=colour, linestyle=dash, marker=marker, markersize=4)
        if sparse:
            panels[1].set_ylabel("zeros in\nthe weights")
            panels[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
            panels[1].set_ylim(-0.03, 1.03)
        panels[-1].set_xlabel("epoch")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return path


def _matrix(axes: Axes, counts: np.ndarray, classes: list[str], title: str, first: bool) -> Any:
    size = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = classes if size <= 30 else [""] * size
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0.0, 1.0))  # square root: errors of a few per cent stay visible
    axes.set_title(title)
    axes.set_xticks(
        range(size), classes, rotation=45 if max(map(len, classes)) > 2 else 0, ha="right" if max(map(len, classes)) > 2 else "center"
    )
    axes.set_yticks(range(size), classes if first else [""] * size)
    axes.set_xlabel("predicted")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if size <= 16:
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                fontsize=13 if size <= 4 else 9.5 if size <= 10 else 7,
                color="white" if share[row, column] > 0.36 else "#222222",
            )
    return image


def confusion(results: dict[str, Any], path: Path) -> Path | None:
    """Confusion matrices of teacher and student side by side: colour is the share of the true class, numbers are counts."""
    listed = dict(models(results))
    chosen = [(n, listed[n]) for n in ("teacher",) if n in listed]
    last = student(results)
    chosen += [last] if last and last[0] != "teacher" else []
    drawn = []
    for name, model in chosen:
        counts = np.array(model.get("confusion") or [], dtype=np.int64)
        if counts.ndim == 2 and counts.size and counts.shape[0] == counts.shape[1]:
            drawn.append((label(name, model), counts))
    if not drawn:
        return None
    size = len(drawn[0][1])
    names = (results.get("data") or {}).get("classes") or []
    names = [str(c) for c in names] if len(names) == size else [str(k) for k in range(size)]
    side = 5.6 if size > 4 else 3.8
    with sheet(path, side * len(drawn) + 1.2, side + 0.9) as drawing:
        grid = np.atleast_1d(drawing.subplots(1, len(drawn)))
        for k, (axes, (title, counts)) in enumerate(zip(grid, drawn, strict=True)):
            image = _matrix(axes, counts, names if len(counts) == size else [str(i) for i in range(len(counts))], title, k == 0)
        grid[0].set_ylabel("true class")
        bar = drawing.colorbar(image, ax=list(grid), shrink=0.8, pad=0.02, format=PercentFormatter(1.0, decimals=0, symbol=" %"))
        bar.set_label("share of the true class\n(square-root scale)")
        bar.outline.set_visible(False)
    return path


PLOTS: dict[str, tuple[str, Callable[[dict[str, Any], Path], Path | None]]] = {
    "accuracy_cost": ("Accuracy against cost", accuracy_cost),
    "front": ("Learned bits: the front", front),
    "training_curves": ("Training", training_curves),
    "confusion": ("Who is taken for whom", confusion),
    "layer_bits": ("Bits and zeros of each layer", layer_bits),
    "weight_histograms": ("Weights on the quantizer's levels", weight_histograms),
    "utilisation": ("Share of the board", utilisation),
}
"""File name without ".png" to caption and function."""


def draw_all(results: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Draw every plot that the results hold data for into ``folder``; ``{name: path}`` of those drawn."""
    drawn = {name: draw(results, folder / f"{name}.png") for name, (_, draw) in PLOTS.items()}
    return {name: path for name, path in drawn.items() if path is not None}


__all__ = ["PLOTS", "accuracy_cost", "confusion", "draw_all", "front", "layer_bits", "training_curves", "utilisation", "weight_histograms"]
