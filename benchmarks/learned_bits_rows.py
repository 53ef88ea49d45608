"""What the benchmark of learned bits says of its rows: the student within a budget, the peer beside it, what cells are made of, the goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.integer import IntegerNetwork
from fpgacompress.integer.widths import channel_bits
from fpgacompress.metrics.csd import span_bits

from .common import goal
from .peers.collect import within as peers_within

AIMS = [("magic", "cells", 800, 0.870), ("drybean", "cells", 900, 0.922), ("fashion_mnist", "ebops", 66_000, 0.88)]
BUDGETS = [100 * 2**i for i in range(11)]
TOLD = ("magic", "drybean"), 40, 2500
"""Tasks, least and most cells of students whose cells are explained."""


def spans(network: IntegerNetwork) -> dict[str, int]:
    """Bits of the biases that are read and of the hidden values that are: what an adder graph has cells for beside its products."""
    biases = values = 0
    rows = [np.asarray(node.kernel.values).reshape(-1, node.shape[-1]) for node in network.weighted if node.kernel is not None]
    for place, node in enumerate(network.weighted):
        heard = np.any(rows[place + 1] != 0, axis=1) if place + 1 < len(rows) else np.ones(node.shape[-1], bool)
        if node.bias is not None:
            biases += int(span_bits(np.asarray(node.bias.values))[heard].sum())
        if place:
            values += int(channel_bits(network, node.inputs[0])[np.any(rows[place] != 0, axis=1)].sum())
    return {"bias_bits": biases, "value_bits": values}


def cells_of(rows: list[dict[str, Any]]) -> dict[str, float]:
    """How well EBOPs and bits tell the cells of adder graphs of ``TOLD`` students: least squares of ``cells = EBOPs + bias * bias_bits + value *
    value_bits``, each student's error as a share of its cells; empty where too few were counted. Heartbeats are left out: saturation of their many
    inputs takes a fifth of the cells of a small student, and is not among these bits."""
    tasks, least, most = TOLD
    own = [r for r in rows if r["method"] == "learned" and r["task"] in tasks and "bias_bits" in r and least <= r["cells"] <= most]
    if len(own) < 10:
        return {}
    cells, ebops = np.array([r["cells"] for r in own]), np.array([r["ebops"] for r in own])
    bits = np.array([[r["bias_bits"], r["value_bits"]] for r in own], float)
    found = np.linalg.lstsq(bits / cells[:, None], 1 - ebops / cells, rcond=None)[0]
    rest = cells - ebops - bits @ found
    alone = float(np.sum(ebops / cells) / np.sum((ebops / cells) ** 2))
    return {
        "students": len(own),
        "bias": float(found[0]),
        "value": float(found[1]),
        "error": float(np.sqrt(np.mean((rest / cells) ** 2))),
        "error_of_ebops_alone": float(np.sqrt(np.mean((1 - alone * ebops / cells) ** 2))),
    }


def within(rows: list[dict[str, Any]], task: str, cost: str, budget: float) -> float:
    """Mean over seeds of the test accuracy of the learned student of least validation loss among those within a budget; nan where a seed has
    none."""
    own = [r for r in rows if r["task"] == task and r["method"] == "learned"]
    best = []
    for seed in {r["seed"] for r in own}:
        fit_in = [r for r in own if r["seed"] == seed and r.get(cost, np.inf) <= budget]
        best.append(min(fit_in, key=lambda r: r["validation_loss"])["test"] if fit_in else np.nan)
    return float(np.mean(best)) if best else float("nan")


def peer(runs: list[dict[str, Any]], task: str, cost: str, budget: float) -> float:
    """The same of HGQ2, whose points are picked by validation accuracy as its authors do; nan where it was not measured."""
    own = [peers_within(r["points"], budget, {"cells": "da4ml_cost"}.get(cost, cost)) for r in runs if r["task"]["task"] == task]
    return float(np.mean([p["accuracy_test"] if p else np.nan for p in own])) if own else float("nan")


def against_peer(rows: list[dict[str, Any]], runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both fronts at equal budgets, printed, too."""
    found = []
    for task in dict.fromkeys(r["task"] for r in rows):
        for cost in ("ebops", "cells"):
            for budget in BUDGETS:
                ours, theirs = within(rows, task, cost, budget), peer(runs, task, cost, budget)
                if not (np.isnan(ours) or np.isnan(theirs)):
                    found.append({"task": task, "of": cost, "within": budget, "learned": ours, "HGQ2": theirs})
                    print(f"{task:14} {cost:5} <= {budget:7,}  learned {ours:.4f}  HGQ2 {theirs:.4f}  {100 * (ours - theirs):+.2f}")
    return found


def goals(rows: list[dict[str, Any]], compared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the front reaches: the aims, how it stands to fixed bits and to HGQ2, its points, its time, its bits."""
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    found = [goal(f"{t}: accuracy within {b:,} {c}", aim, within(rows, t, c, b), "fraction") for t, c, b, aim in AIMS if t in tasks]
    for task in tasks:
        own = [r for r in rows if r["task"] == task]
        learned = [r for r in own if r["method"] == "learned"]
        behind = {}
        for name in dict.fromkeys(r["method"] for r in own if r["method"] != "learned"):
            theirs = [r for r in own if r["method"] == name]
            budget = float(np.mean([r["ebops"] for r in theirs]))
            behind[name] = within(own, task, "ebops", budget) - float(np.mean([r["test"] for r in theirs]))
        behind = {name: gain for name, gain in behind.items() if not np.isnan(gain)}
        if behind:
            worst = min(behind, key=lambda name: behind[name])
            text = f"{task}: learned minus fixed bits at equal EBOPs, worst of {len(behind)} ({worst})"
            found.append(goal(text, 0.0, behind[worst], "fraction"))
        for cost in ("ebops", "cells"):
            gains = [c["learned"] - c["HGQ2"] for c in compared if c["task"] == task and c["of"] == cost]
            if gains:
                found.append(
                    goal(f"{task}: learned minus HGQ2 at equal {cost}, mean of {len(gains)} budgets", 0.0, np.mean(gains), "fraction")
                )
                found.append(goal(f"{task}: learned minus HGQ2 at equal {cost}, worst budget", 0.0, min(gains), "fraction"))
        if not learned:
            continue
        fewest = min(sum(r["seed"] == seed for r in learned) for seed in {r["seed"] for r in learned})
        found.append(goal(f"{task}: points of one run", 8, fewest, "points"))
        found.append(goal(f"{task}: seconds of one run", 900, max(r["seconds"] for r in learned), "s", at_most=True))
    differing = sum(r["differing"] for r in rows) + sum(sum(r["verified"]["differing_bits"].values()) for r in rows if "verified" in r)
    simulated = sum("verified" in r for r in rows)
    text = f"differing logits of {len(rows)} students on test sets, and bits of {simulated} in C simulation"
    return [*found, goal(text, 0, differing, "values", at_most=True)]


def draw(rows: list[dict[str, Any]], runs: list[dict[str, Any]], path: Path) -> None:
    """Test accuracy against EBOPs, a panel for each task, every seed's points."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(r["task"] for r in rows))
    figure = Figure((4.6 * len(tasks), 4.2), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        own = [r for r in rows if r["task"] == task]
        theirs = [p for r in runs if r["task"]["task"] == task for p in r["points"] if p["ebops"] > 0]
        axes.scatter([p["ebops"] for p in theirs], [100 * p["accuracy_test"] for p in theirs], 12, "0.6", marker="x", label="HGQ2")
        for method, color, mark in (("uniform", "C1", "s"), ("greedy", "C2", "^"), ("autoqkeras", "C3", "D"), ("learned", "C0", "o")):
            points = [r for r in own if r["method"].startswith(method)]
            axes.scatter([r["ebops"] for r in points], [100 * r["test"] for r in points], 16, color, marker=mark, label=method, zorder=3)
        best = max(r["test"] for r in own)
        seen = [r["ebops"] for r in own if r["test"] > best - 0.08] + [q["ebops"] for q in theirs if q["accuracy_test"] > best - 0.08]
        axes.set(xscale="log", xlabel="EBOPs", ylabel="test accuracy, %", title=task)
        axes.set(xlim=(0.7 * min(seen), 1.4 * max(seen)), ylim=(100 * best - 8, 100 * best + 0.5))
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
