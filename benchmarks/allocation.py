"""Bits per layer for one budget: uniform, greedy, exact, Optuna and AutoQKeras, each trained for the same epochs afterwards.

The budget is what uniform 4-bit widths cost in EBOPs before training. Every allocation starts from the same float weights; the widths are
chosen on validation samples, each student is trained with three seeds, and the test split is read once, behind all of them. The input keeps
the width of the data, since AutoQKeras cannot choose it; the last row shows what choosing it as well is worth.
"""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np

from fpgacompress import zoo
from fpgacompress.data import load
from fpgacompress.integer.emulate import run
from fpgacompress.keras_stack import load as load_stack
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops
from fpgacompress.quantize.allocate import after_ptq, allocate, cost_model, searched
from fpgacompress.quantize.allocate.autoqkeras import autoqkeras
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.sensitivity import Candidates, agreement, fisher, measure
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.loop import shaped

from .common import QUICK, goal, write

# data, model, its options, epochs of the float model, epochs of each student, peak learning rate of the students
TASKS = [
    ("fashion_mnist", "mlp", {"hidden": [64, 32]}, 8, 6, 1e-3),
    ("magic", "mlp", {"hidden": [32, 16]}, 30, 20, 2e-3),
    ("ecg", "cnn1d", {"filters": [8, 16], "hidden": [16]}, 12, 8, 1e-3),
]
SMALL = [("fashion_mnist", "mlp", {"hidden": [8]}, 1, 1, 1e-3)]
BITS = (8, 4, 2) if QUICK else (8, 7, 6, 5, 4, 3, 2)
SEEDS = [1] if QUICK else [1, 2, 3]
TRIALS, AUTO_TRIALS = (6, 2) if QUICK else (200, 30)
WIDEST = 6
"""AutoQKeras gets no wider choices, or hardly one of its trials would keep the budget, which it does not know."""


def _timed(work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _choices(candidates: Candidates, model: Any, data: TrainingData, budget: float) -> dict[str, tuple[Any, Candidates, float]]:
    """Method to (widths or None, candidates they belong to, seconds)."""
    fixed = candidates.without_input()
    costs = cost_model(fixed, "ebops")
    x, y = data.x_val[:2000], data.y_val[:2000]
    table, measuring = _timed(lambda: measure(fixed, x, y))
    found: dict[str, tuple[Any, Candidates, float]] = {"uniform": (fixed.uniform(4), fixed, 0.0)}
    for method in ("greedy", "exact"):
        chosen = allocate(table, costs, budget, method)
        found[method] = (chosen.choice, fixed, measuring + chosen.seconds)
    chosen = searched(after_ptq(fixed, x, y), costs, budget, trials=TRIALS)
    found["optuna"] = (chosen.choice, fixed, chosen.seconds)
    (chosen, _), seconds = _timed(lambda: autoqkeras(fixed, costs, budget, data, trials=AUTO_TRIALS, widest=WIDEST))
    found["autoqkeras"] = (chosen, fixed, seconds)
    table, measuring = _timed(lambda: measure(candidates, x, y))
    chosen = allocate(table, cost_model(candidates, "ebops"), budget, "exact")
    found["exact with input"] = (chosen.choice, candidates, measuring + chosen.seconds)
    return found


def _task(
    source: str, name: str, options: dict[str, Any], float_epochs: int, epochs: int, rate: float
) -> tuple[list[dict[str, Any]], dict]:
    load_stack().keras.backend.clear_session()
    dataset = load(source, validation=0.15, options={"limit": 2000} if QUICK else {})
    apply = dataset.preprocessing.apply
    seed_everything(1)
    model = zoo.build(name, dataset.input_shape, len(dataset.classes), options)
    x, x_val = shaped(model, apply(dataset.train.x)), shaped(model, apply(dataset.validation.x))
    data = TrainingData(x, dataset.train.y.astype(np.int32), x_val, dataset.validation.y)
    fit(model, data, TrainConfig(float_epochs, learning_rate=2e-3))
    samples, kind = x[:1024], dataset.preprocessing.input_type
    candidates = Candidates(model, samples, kind, BITS)
    fixed = candidates.without_input()
    budget = cost_model(fixed, "ebops").of(fixed.uniform(4))
    compared = {
        by: agreement(measure(fixed, x_val[:2000], data.y_val[:2000]), fisher(fixed, x_val, data.y_val), by).to_json()
        for by in ("loss", "divergence")
    }
    students: dict[str, list[Any]] = {}
    rows = []
    for method, (choice, owner, seconds) in _choices(candidates, model, data, budget).items():
        row: dict[str, Any] = {"data": source, "method": method, "budget": budget, "seconds": seconds}
        if choice is None:
            row["unavailable"] = f"none of its {AUTO_TRIALS} trials keeps the budget"
        else:
            row |= {"bits": {str(t): b for t, b in choice.items()}, "cost_before": cost_model(owner, "ebops").of(choice)}
            students[method] = []
            for seed in SEEDS:
                student = quantized_student(model, owner.recipe(choice), samples)
                fit(student, data, TrainConfig(epochs, learning_rate=rate, seed=seed))
                gc.collect()  # a training keeps all its samples in TensorFlow's memory until its cycles are found
                students[method].append(student)
        rows.append(row)
    test = dataset.read_test("allocation benchmark")
    x_test = shaped(model, apply(test.x))
    for row in rows:
        row["accuracies"], row["costs"], row["differing"] = [], [], 0
        for student in students.get(row["method"], []):
            network, logits = lower(student, kind), logits_of(student, x_test)
            integers = network.output.out.to_float(run(network, kind.quantize(x_test)))
            row["accuracies"].append(float(np.mean(logits.argmax(1) == test.y)))
            row["costs"].append(ebops(network).value)
            row["differing"] += int(np.sum(integers != logits))
        _tell(row)
    reference = float(np.mean(logits_of(model, x_test).argmax(1) == test.y))
    print(f"{source}: float {reference:.4f}, budget {budget:,.0f} EBOPs, Fisher against measured {compared['loss']['spearman']:.3f} (loss)")
    return rows, {"data": source, "float": reference, "budget": budget, "agreement": compared}


def _tell(row: dict[str, Any]) -> None:
    if "unavailable" in row:
        print(f"{row['data']:14} {row['method']:17} {row['unavailable']}  ({row['seconds']:.1f} s)")
    else:
        print(
            f"{row['data']:14} {row['method']:17} test {np.mean(row['accuracies']):.4f}  EBOPs {row['cost_before']:,.0f} before, "
            f"{np.mean(row['costs']):,.0f} after training  ({row['seconds']:.1f} s)",
            flush=True,
        )


def main() -> None:
    rows, tasks = [], []
    for task in SMALL if QUICK else TASKS:
        told, about = _task(*task)
        rows += told
        tasks.append(about)
    goals = [
        goal(
            "bits that differ between the trained students and their integer networks, whole test sets",
            0,
            sum(row["differing"] for row in rows),
            "values",
            at_most=True,
        )
    ]
    for about in tasks:
        means = {r["method"]: float(np.mean(r["accuracies"])) for r in rows if r["data"] == about["data"] and r["accuracies"]}
        for other in ("uniform", "autoqkeras"):
            if other in means:
                goals.append(
                    goal(f"{about['data']}: exact allocation over {other}, test accuracy", 0, means["exact"] - means[other], "fraction")
                )
    write(
        "allocation",
        "make bench-allocation",
        SEEDS,
        rows,
        goals,
        tasks=tasks,
        bits=list(BITS),
        trials=TRIALS,
        autoqkeras_trials=AUTO_TRIALS,
    )


if __name__ == "__main__":
    main()
