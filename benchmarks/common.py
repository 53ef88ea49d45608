"""What all benchmarks share: the result file and its frame."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpgacompress.keras_stack import versions
from fpgacompress.pipeline.results import machine
from fpgacompress.run import write_json

RESULTS = Path(__file__).parent / "results"
QUICK = bool(os.environ.get("QUICK"))
"""A quick form keeps the code alive in continuous integration; its figures are not results and are not written."""


def goal(text: str, target: float, reached: float, unit: str, *, at_most: bool = False) -> dict[str, Any]:
    """One "must reach" of an issue and what was measured."""
    return {
        "goal": text,
        "target": target,
        "reached": reached,
        "unit": unit,
        "holds": bool(reached <= target if at_most else reached >= target),
    }


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
