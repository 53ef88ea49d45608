"""What all benchmarks share: the result file and its frame."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.integer import IntegerNetwork, run
from fpgacompress.keras_stack import versions
from fpgacompress.metrics.statistics import paired_over_seeds
from fpgacompress.pipeline.results import machine
from fpgacompress.run import write_json

RESULTS = Path(__file__).parent / "results"
QUICK = bool(os.environ.get("QUICK"))
"""A quick form keeps the code alive in continuous integration; its figures are not results and are not written."""

SMALL_DEMO = [
    "data.limit=1000",
    "teacher.epochs=1",
    "teacher.options={filters: [4], hidden: [8]}",
    "student.options={hidden: [16, 16]}",
    "train.pretrain_epochs=1",
    "train.epochs=2",
]
"""What a quick form changes in the main demo's recipe."""


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Sections of a recipe with those of another over them."""
    return one | {k: merged(one[k], v) if isinstance(v, dict) and isinstance(one.get(k), dict) else v for k, v in other.items()}


def integer_logits(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """Logits of an integer network, float64 ``(n, ...)``, for preprocessed samples ``(n, ...)`` float32 that its input type holds exactly."""
    kind = network.input.out
    found = [run(network, kind.exactly(x[i : i + 1000]).reshape(-1, *network.input.shape)) for i in range(0, len(x), 1000)]
    return network.output.out.to_float(np.concatenate(found))


def goal(text: str, target: float, reached: float, unit: str, *, at_most: bool = False) -> dict[str, Any]:
    """One "must reach" of an issue and what was measured."""
    return {
        "goal": text,
        "target": target,
        "reached": reached,
        "unit": unit,
        "holds": bool(reached <= target if at_most else reached >= target),
    }


def against_float(title: str, way: str, floats: Sequence[float], students: Sequence[float], remark: Any = "") -> dict[str, Any]:
    """What a way of quantizing loses, also printed as a line; test accuracies of the float models and of their students, seed by seed."""
    float_mean, student_mean, paired = float(np.mean(floats)), float(np.mean(students)), paired_over_seeds(floats, students)
    found = {
        "float": list(floats),
        "student": list(students),
        "float_mean": float_mean,
        "student_mean": student_mean,
        "lost": float_mean - student_mean,
        "lost_interval": [paired.low, paired.high],
    }
    low, high = (100 * v if v is not None else float("nan") for v in found["lost_interval"])
    print(
        f"{title:50s} {way:38s} float {100 * float_mean:.2f} quantized {100 * student_mean:.2f} "
        f"lost {100 * found['lost']:+.2f} [{low:+.2f}, {high:+.2f}] points, {len(floats)} seeds {remark}",
        flush=True,
    )
    return found


def write(name: str, command: str, seeds: list[int], rows: list[dict[str, Any]], goals: list[dict[str, Any]], **more: Any) -> None:
    """Write ``results/<name>.json`` and print the goals."""
    for entry in goals:
        print(
            f"{'reached' if entry['holds'] else 'NOT reached'}: {entry['goal']}: {entry['reached']:.4g} {entry['unit']} (goal {entry['target']:g})"
        )
    if QUICK:
        print("QUICK run: nothing written", file=sys.stderr)
        return
    tree = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "seeds": seeds,
        "command": command,
        "rows": rows,
        "goals": goals,
        **more,
    }
    print(f"wrote {write_json(RESULTS / f'{name}.json', tree)}")
