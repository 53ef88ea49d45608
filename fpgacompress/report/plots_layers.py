"""Plots of what goes to hardware: bits and zeros of each layer, weights on their levels, share of the board."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .canvas import BLUE, GREEN, INK, ORANGE, RED, SKY, no_grid, sheet
from .hardware import RESOURCES, Cell, by_stage
from .results import label, section, student

MOST_LAYERS = 12
"""Weight histograms drawn in one picture; the page says how many more there are."""


def type_bits(text: Any) -> int | None:
    """Width of a fixed-point type written as "fixed<6,-2>", "ufixed<8,0,...>" or "ap_fixed<6, 2>"; None when it is not one."""
    found = re.search(r"(?:fixed|int)\s*<\s*(\d+)", str(text))
    return int(found.group(1)) if found else None


def _shown(value: Any) -> float:
    number = getattr(value, "value", value)
    return float(number) if isinstance(number, (int, float)) else float("nan")


def _layers(results: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = student(results)
    layers = (chosen[1].get("layers") if chosen else None) or []
    return [
        layer for layer in layers if isinstance(layer, dict) and np.isfinite(_shown(layer.get("weights"))) and _shown(layer["weights"]) > 0
    ]


def layer_bits(results: dict[str, Any], path: Path) -> Path | None:
    """Left: bits of weights, bias and activation of each layer of the student. Right: share of zeros in its quantized weights."""
    layers = _layers(results)
    if not layers:
        return None
    rows = np.arange(len(layers))
    with sheet(path, 11.0, 1.7 + 0.75 * len(layers)) as drawing:
        left, right = drawing.subplots(1, 2, sharey=True, width_ratios=[1, 1.15])
        widest = 0
        for k, (key, what, colour, hatch) in enumerate(
            (("kernel_type", "weights", BLUE, None), ("bias_type", "bias", SKY, "///"), ("activation_type", "activation", ORANGE, "..."))
        ):
            for row, layer in zip(rows, layers, strict=True):
                bits = type_bits(layer.get(key))
                if bits is None and key == "kernel_type" and np.isfinite(_shown(layer.get("bits"))):
                    bits = int(_shown(layer["bits"]))
                if bits is not None:
                    place = row + 0.26 * (k - 1)
                    left.barh(place, bits, 0.24, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
                    left.text(bits + 0.1, place, str(bits), va="center", fontsize=10)
                    widest = max(widest, bits)
            left.barh(0, 0, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=what)
        left.set_yticks(rows, [str(layer.get("name")) for layer in layers])
        left.invert_yaxis()
        left.set_xlim(0, max(widest, 1) * 1.12)
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set_xlabel("bits")
        left.set_title("bits of each layer", pad=30)
        left.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.995), ncols=3, handlelength=1.3, columnspacing=1.2, borderaxespad=0.2)
        no_grid(left, "y")
        for row, layer in zip(rows, layers, strict=True):
            whole, kept = _shown(layer["weights"]), _shown(layer.get("nonzeros"))
            zeros = 1 - kept / whole if np.isfinite(kept) else _shown(layer.get("sparsity"))
            right.barh(row, 1, 0.5, color="#eeeeee")
            if np.isfinite(zeros):
                right.barh(row, zeros, 0.5, color=GREEN)
                kept = kept if np.isfinite(kept) else whole * (1 - zeros)
                right.text(1.02, row, f"{100 * zeros:.1f} %\n{kept:,.0f} of {whole:,.0f} left", va="center", fontsize=10)
            nominal = _shown(layer.get("nominal_sparsity"))
            if np.isfinite(nominal):
                right.plot([nominal, nominal], [row - 0.33, row + 0.33], color=INK, linewidth=2.5, label="asked for" if row == 0 else None)
        if right.get_legend_handles_labels()[0]:
            right.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.995), handlelength=1.0, borderaxespad=0.2)
        right.set_xlim(0, 1.48)
        right.set_xticks(np.linspace(0, 1, 5))
        right.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        right.set_xlabel("zeros in the quantized weights", loc="left")
        right.set_title("sparsity of each layer", pad=30)
        no_grid(right, "y")
    return path


def _histogram(axes: Axes, name: str, weights: dict[str, Any]) -> None:
    levels, counts = np.asarray(weights["values"], float), np.asarray(weights["counts"], float)
    lsb = float(weights.get("lsb") or 1.0)
    zero, total = float(counts[levels == 0].sum()), float(counts.sum())
    tallest = float(counts[levels != 0].max(initial=0.0)) or 1.0
    top = 1.32 * tallest
    axes.bar(levels[levels != 0] * lsb, counts[levels != 0], 0.86 * lsb, color=BLUE)
    axes.bar([0.0], [min(zero, top)], 0.86 * lsb, color=RED, hatch="//" if zero > top else None, edgecolor="white", linewidth=0)
    axes.set_ylim(0, top)
    span = max(abs(levels).max(initial=1), 1) + 1
    axes.set_xlim(-span * lsb, span * lsb)
    text = f"zero: {100 * zero / max(total, 1):.1f} %\n{zero:,.0f} weights" + ("\n(bar cut)" if zero > top else "")
    side = 1 if counts[levels > 0].sum() <= counts[levels < 0].sum() else -1
    axes.text(
        0.99 if side > 0 else 0.01,
        0.99,
        text,
        transform=axes.transAxes,
        ha="right" if side > 0 else "left",
        va="top",
        fontsize=10,
        color=RED,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
    )
    used = int(np.sum(counts > 0))
    grid = type_bits(weights.get("type"))
    of = f" of {2**grid}" if grid and grid < 20 else ""
    axes.set_title(f"{name}", fontsize=12)
    exponent = np.log2(lsb)
    step = f"$2^{{{exponent:.0f}}}$" if float(exponent).is_integer() else f"{lsb:.4g}"
    axes.set_xlabel(f"weight ({weights.get('type') or 'type n/a'}, step {step}; {used}{of} levels used)", fontsize=10)
    axes.locator_params(axis="x", nbins=7)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def weight_histograms(results: dict[str, Any], path: Path) -> Path | None:
    """One panel for each layer of the student: how many weights sit on each level; the bar of the zeros is cut and carries its number."""
    kept = section(results, "weights")
    name, model = student(results) or ("student", {})
    layers = {
        k: w
        for k, w in section(kept, name if name in kept else next(iter(kept), "")).items()
        if isinstance(w, dict) and len(w.get("values") or []) and len(w["values"]) == len(w.get("counts") or [])
    }
    if not layers:
        return None
    shown = list(layers.items())[:MOST_LAYERS]
    columns = min(2 if len(shown) in (2, 4) else 3, len(shown))
    lines = -(-len(shown) // columns)
    with sheet(path, 4.4 * columns + (2.0 if columns == 1 else 0), 3.5 * lines + 0.5) as drawing:
        grid = drawing.subplots(lines, columns, squeeze=False)
        for axes, (layer, weights) in zip(grid.flat, shown, strict=False):
            _histogram(axes, layer, weights)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("weights")
        more = f" (first {len(shown)} of {len(layers)} layers)" if len(layers) > len(shown) else ""
        drawing.suptitle(
            f"{label(name, model)}: weights on the quantizer's levels{more}", x=0.01, ha="left", fontweight="bold", fontsize=13
        )
    return path


def _board_panel(axes: Axes, names: list[str], cells: dict[str, Cell], stage: str, first: bool) -> None:
    shares = [cells[n].share if n in cells else None for n in names]
    for row, share in enumerate(shares):
        if share is None:
            axes.text(0.02, row, "n/a", va="center", color="#777777")
            continue
        colour = RED if share.value > 1 else ORANGE if (share.high or 0) > 1 else BLUE
        axes.barh(row, share.value, 0.56, color=colour)
        ends = share.value
        if share.low is not None and share.high is not None:
            axes.errorbar(
                share.value,
                row,
                xerr=[[max(share.value - share.low, 0)], [max(share.high - share.value, 0)]],
                color=INK,
                capsize=5,
                elinewidth=1.8,
            )
            ends = max(ends, share.high)
        axes.text(ends + 0.02, row, f"{100 * share.value:.1f} %", va="center", fontsize=11, fontweight="bold")
    axes.axvline(1.0, color=INK, linestyle="--", linewidth=1.4)
    most = max([1.0] + [max(s.high or 0, s.value) for s in shares if s is not None])
    axes.set_xlim(0, most * 1.22)
    axes.set_yticks(range(len(names)), [RESOURCES[n] for n in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_xlabel("of the board" + (" (dashed: all of it)" if first else ""))
    axes.set_title(stage)
    no_grid(axes, "y")


def utilisation(results: dict[str, Any], path: Path) -> Path | None:
    """Share of the board's LUT, FF, DSP and BRAM with intervals, one panel for each stage: different quantities never share an axis."""
    estimate = section(results, "estimate")
    stages = {stage: {n: c for n, c in cells.items() if c.share is not None} for stage, cells in by_stage(estimate).items()}
    stages = {stage: cells for stage, cells in stages.items() if cells}
    if not stages:
        return None
    names = [n for n in RESOURCES if any(n in cells for cells in stages.values())]
    with sheet(path, max(5.4 * len(stages), 7.0), 1.9 + 0.5 * len(names)) as drawing:
        grid = np.atleast_1d(drawing.subplots(1, len(stages)))
        for k, (axes, (stage, cells)) in enumerate(zip(grid, stages.items(), strict=True)):
            _board_panel(axes, names, cells, stage, k == 0)
        drawing.suptitle(
            f"share of {estimate.get('board') or 'the board'} ({estimate.get('part') or 'part n/a'})",
            x=0.01,
            ha="left",
            fontweight="bold",
            fontsize=13,
        )
    return path
