"""Post-training quantization against the float model it starts from, on five tasks.

No way here trains: ranges come from 2,048 training samples. Each row is the mean over the task's seeds (other float models, the same split), with
the paired interval of what is lost. The first way, 8 bits everywhere with bias correction, is the one the goal is about; it was fixed beforehand.
Each student is lowered, its integer network and its TFLite file must give the very logits of Keras. The test split is read at the end of each
task, nothing is chosen by it. Four bits with training are in ``benchmarks/quantization_qat.py``.

    make bench-quantization                              # everything
    python -m benchmarks.quantization fashion_mlp ecg    # these tasks only, nothing written
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.errors import UnsupportedError
from fpgacompress.export.tflite import Interpreter, write_tflite
from fpgacompress.integer import Emulator
from fpgacompress.pipeline.quantize_model import TFLITE_SAMPLES, section_of
from fpgacompress.quantize.ptq import PtqResult, post_training
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped

from .common import QUICK, against_float, goal, write
from .quantization_models import QUICK_TASKS, TASKS, Data, float_model, seeds_of

GOAL = 0.001
"""Test accuracy that 8 bits after training may lose."""
FIRST = "int8, bias correction"
LITE = "TFLite's own int8"


@dataclass(frozen=True)
class Way:
    """One way of quantizing: method and preset of the command line, and further settings."""

    method: str
    preset: str
    flags: dict[str, Any] = field(default_factory=dict)


WAYS = {
    FIRST: Way("full-integer", "int8", {"bias_correction": True}),
    "int8, plain": Way("full-integer", "int8"),
    "int8, equalized, bias correction": Way("full-integer", "int8", {"equalize": True, "bias_correction": True}),
    "int4, squared error, bias correction": Way("full-integer", "int4", {"ranges": "mse", "bias_correction": True}),
    "int8 weights, float activations": Way("dynamic", "int8"),
    "int4 weights, float activations": Way("dynamic", "int4"),
}


def _right(logits: np.ndarray, y: np.ndarray) -> float:
    return float((logits.argmax(1) == y).mean())


def _exact(result: PtqResult, data: Data, x: np.ndarray, logits: np.ndarray) -> dict[str, int]:
    """Logits in which the integer network, and the TFLite file, differ from Keras."""
    network = result.network
    if network is None:
        return {}
    stored = data.preprocessing.input_type.exactly(x).reshape(-1, *network.input.shape)
    found = {"differing_logits": int(np.count_nonzero(network.output.out.to_float(Emulator(network).run(stored)) != logits))}
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = write_tflite(network, Path(folder) / "m.tflite", "fixed")
        except UnsupportedError as error:
            print(f"    no TFLite file: {error}", file=sys.stderr)
        else:
            found["differing_tflite"] = int(np.count_nonzero(Interpreter(file.path).run(x) != logits))
    return found


def _own_int8(model: Any, data: Data, x: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        file = write_tflite(model, Path(folder) / "m.tflite", "int8", shaped(model, data.x[:TFLITE_SAMPLES]))
        return Interpreter(file.path).run(x)


def ptq_rows(task: str) -> list[dict[str, Any]]:
    """One row for each way on a task."""
    floats: list[float] = []
    reached: dict[str, list[float]] = {name: [] for name in (*WAYS, LITE)}
    counts: dict[str, dict[str, int]] = {name: {} for name in reached}
    sizes: dict[str, Any] = {}
    for seed in seeds_of(task):
        model, data = float_model(task, seed)
        results = {
            name: post_training(model, section_of(way.method, way.preset, **way.flags), data.x, input_type=data.preprocessing.input_type)
            for name, way in WAYS.items()
        }
        x, y = data.test("benchmark of quantization after training")
        floats.append(_right(logits_of(model, x), y))
        reached[LITE].append(_right(_own_int8(model, data, x), y))
        for name, result in results.items():
            logits = logits_of(result.student, x)
            reached[name].append(_right(logits, y))
            for key, value in _exact(result, data, x, logits).items():
                counts[name][key] = counts[name].get(key, 0) + value
            sizes[name] = {"bytes": result.report.bytes, "float_bytes": result.report.float_bytes}
    title = TASKS[task].title
    return [
        {"task": task, "title": title, "way": name}
        | against_float(title, name, floats, values, counts[name] or "")
        | {"test_samples": len(y), **counts[name], **sizes.get(name, {})}
        for name, values in reached.items()
    ]


def ptq_goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The issue's goal for each task, and exactness."""
    goals = [
        goal(f"INT8 after training, accuracy lost: {r['title']}", GOAL, r["lost"], "fraction", at_most=True)
        for r in rows
        if r["way"] == FIRST
    ]
    for key, what in (("differing_logits", "the integer network"), ("differing_tflite", "the student's TFLite file")):
        goals.append(goal(f"logits in which {what} differs from Keras", 0, sum(r.get(key, 0) for r in rows), "logits", at_most=True))
    return goals


def main() -> None:
    asked = sys.argv[1:]
    rows = [row for task in asked or (QUICK_TASKS if QUICK else TASKS) for row in ptq_rows(task)]
    if asked:
        return
    seeds = {task: seeds_of(task) for task in TASKS}
    write("quantization", "make bench-quantization", seeds_of("breastmnist"), rows, ptq_goals(rows), task_seeds=seeds)


if __name__ == "__main__":
    main()
