"""Fronts of a peer, from the folder its script wrote to, in one result file.

    python -m benchmarks.peers.collect hgq2 FOLDER

Writes ``benchmarks/results/peers_hgq2.json`` from ``FOLDER/TASK_SEED.json`` and prints, for each task and budget, the mean over seeds of the
test accuracy of the point that is best on validation data within the budget.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.errors import DataError

from ..common import write

BUDGETS = [100 * 2**i for i in range(11)]
"""EBOPs, or cells of the adder graph."""


def within(points: list[dict[str, Any]], budget: float, cost: str = "ebops") -> dict[str, Any] | None:
    """The point that is best on validation data among those that cost no more than the budget (the cheaper of equals); None: there is none."""
    can = [p for p in points if p.get(cost) is not None and p[cost] <= budget]
    return max(can, key=lambda p: (p["accuracy_validation"], -p[cost])) if can else None


def table(runs: list[dict[str, Any]], cost: str) -> list[dict[str, Any]]:
    """For each task and budget: mean and range of test accuracy over the seeds."""
    rows = []
    for task in dict.fromkeys(r["task"]["task"] for r in runs):
        seeds = [r["points"] for r in runs if r["task"]["task"] == task]
        for budget in BUDGETS:
            chosen = [p for p in (within(points, budget, cost) for points in seeds) if p]
            if len(chosen) == len(seeds):
                tests = [p["accuracy_test"] for p in chosen]
                rows.append({"task": task, "within": budget, "of": cost, "seeds": len(tests), "accuracy_test": float(np.mean(tests))})
                rows[-1] |= {"lowest": min(tests), "highest": max(tests), cost: float(np.mean([p[cost] for p in chosen]))}
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    runs = [json.loads(path.read_text()) for path in sorted(given.folder.glob("*_[0-9]*.json"))]
    if not runs:
        raise DataError(f"no TASK_SEED.json in {given.folder}", do=f"run benchmarks/peers/{given.peer}/run.sh first")
    summary = table(runs, "ebops") + table(runs, "da4ml_cost")
    for row in summary:
        print(f"{row['task']:14} {row['of']:10} <= {row['within']:6} test {row['accuracy_test']:.4f} ({row['seeds']} seeds)")
    seeds = sorted({r["settings"]["seed"] for r in runs})
    command = f"sh benchmarks/peers/{given.peer}/run.sh"
    write(f"peers_{given.peer}", command, seeds, runs, [], summary=summary, peer_versions=runs[0]["versions"])


if __name__ == "__main__":
    main()
