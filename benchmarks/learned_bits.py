"""Learned bits against uniform ones: one training's front beside uniform QAT of the same network, data and seeds, and HGQ2 where it was measured.

Each seed trains the float network once. Uniform students of 8 to 2 bits and the front start from it. The front has a teacher (an ensemble of
wider float networks, trained here, averaged) unless told otherwise; uniform students are trained with the same teacher. Points are picked on
validation data; the test split is read once, behind everything. EBOPs are counted on the integer networks; adder-graph cells (da4ml) where
that is feasible. HGQ2's rows come from ``results/peers_hgq2.json`` (``benchmarks/peers/hgq2``), same splits.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress import distill, zoo
from fpgacompress.data import load
from fpgacompress.integer import IntegerNetwork, run
from fpgacompress.keras_stack import load_model, seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops, nonzeros
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.learned import learned_twin
from fpgacompress.recipe import DistillSection, QuantizeSection
from fpgacompress.run import read_json
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.front import FrontConfig, learn_front
from fpgacompress.train.loop import shaped

from .common import QUICK, RESULTS, goal, write
from .peers.export_data import SEED, VALIDATION

# task: source, its options, hidden layers, teacher's hidden layers, float epochs, epochs of the ramp, of the tuning and of uniform QAT
TASKS: dict[str, tuple[str, dict[str, Any], list[int], list[int], int, int, int, int]] = {
    "magic": ("magic", {}, [32, 16], [96, 48], 40, 4000, 150, 300),
    "drybean": ("drybean", {}, [64, 32, 32], [128, 64], 40, 4000, 150, 300),
    "fashion_mnist": ("fashion_mnist", {}, [64, 32], [512, 256], 12, 300, 15, 40),
    "mnist": ("mnist", {}, [64, 32], [512, 256], 12, 300, 15, 40),
    "ecg": ("ecg", {"input": "beats+rr"}, [64, 32], [128, 64], 20, 600, 40, 60),
}
SMALL = {"gamma_neutron": ("gamma_neutron", {}, [8], [16], 10, 40, 4, 5)}
UNIFORM = (8, 4) if QUICK else (8, 6, 4, 3, 2)
SEEDS = [1] if QUICK else [1, 2, 3]
TEACHERS = 1 if QUICK else 4
CELLS = {"magic": 20_000, "drybean": 20_000}
"""EBOPs up to which da4ml's cells are counted."""
AIMS = [("magic", "cells", 800, 0.870), ("drybean", "cells", 900, 0.922), ("fashion_mnist", "ebops", 66_000, 0.88)]


def _teacher(shape: tuple[int, ...], classes: int, hidden: list[int], data: TrainingData, epochs: int) -> np.ndarray:
    """Mean logits of the training samples under a few wider networks."""
    total = np.zeros((len(data.x), classes), np.float32)
    for seed in range(TEACHERS):
        seed_everything(100 + seed)
        model = zoo.build("mlp", shape, classes, {"hidden": hidden, "dropout": 0.2})
        fit(model, data, TrainConfig(epochs, seed=100 + seed))
        total += logits_of(model, data.x) / TEACHERS
    return total


def _measured(model: Any, task: str, data: Any, test: Any, **row: Any) -> dict[str, Any]:
    """A student's row: validation and test accuracy of its integer network, and what that costs."""
    kind = data.preprocessing.input_type
    network: IntegerNetwork = lower(model, kind, task)
    apply = data.preprocessing.apply

    def accuracy(split: Any) -> float:
        logits = run(network, kind.exactly(apply(split.x)).reshape(-1, *network.input.shape))
        return float(np.mean(logits.argmax(1) == split.y))

    row |= {"task": task, "ebops": ebops(network).value, "nonzeros": nonzeros(network).value}
    row |= {"validation": accuracy(data.validation), "test": accuracy(test)}
    if row["ebops"] <= CELLS.get(task, 0):
        from .adder_graph import adder_cost

        row["cells"] = adder_cost(network, kind.exactly(apply(data.validation.x[:500])).reshape(-1, *network.input.shape))["cost"]
    return row


def _students(task: str, settings: tuple, seed: int, data: Any, arrays: TrainingData, folder: Path) -> list[tuple[dict[str, Any], Any]]:
    _, _, hidden, _, float_epochs, ramp, tune, uniform = settings
    kind, shape, classes = data.preprocessing.input_type, data.input_shape, len(data.classes)
    objective = distill.objective(DistillSection(temperature=2.0, alpha=0.7))
    seed_everything(seed)
    base = zoo.build("mlp", shape, classes, {"hidden": hidden})
    fit(base, arrays, TrainConfig(float_epochs, seed=seed))
    samples, found = shaped(base, arrays.x[:2048]), []
    wide = QuantizeSection(preset="int8", input=kind.width, input_integer=kind.integer - kind.signed)
    started = time.perf_counter()
    config = FrontConfig(epochs=ramp, tune_epochs=tune, points=4 if QUICK else 14, batch_size=512, seed=seed, rounding="truncate")
    twin = learned_twin(quantized_student(base, wide, samples))
    points = learn_front(
        twin, arrays, config, folder, input_bits=kind.width, objective=objective, progress=lambda t: print(t, file=sys.stderr)
    )
    seconds = time.perf_counter() - started
    for point in points:
        told = {"method": "learned", "seed": seed, "seconds": round(seconds, 1), "epoch": point.epoch}
        found.append((told, load_model(point.folder / "student.h5")))
    for bits in UNIFORM:
        section = QuantizeSection(default={"kernel": bits, "activation": bits, "bias": 12}, ranges="mse")
        student = quantized_student(base, section, samples)
        started = time.perf_counter()
        fit(student, arrays, TrainConfig(uniform, learning_rate=3e-3, seed=seed), objective=objective)
        told = {"method": f"uniform {bits}", "seed": seed, "seconds": round(time.perf_counter() - started, 1)}
        found.append((told, student))
    return found


def _task(task: str, settings: tuple) -> list[dict[str, Any]]:
    source, options, _, teacher, float_epochs, *_ = settings
    data = load(source, validation=200 if QUICK else VALIDATION, seed=SEED, options=options)
    apply = data.preprocessing.apply
    plain = TrainingData(apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y)
    logits = _teacher(data.input_shape, len(data.classes), teacher, plain, float_epochs)
    arrays = TrainingData(plain.x, plain.y, plain.x_val, plain.y_val, {"teacher_logits": logits})
    students = []
    for seed in SEEDS:
        folder = Path(tempfile.mkdtemp(prefix="front"))
        students += _students(task, settings, seed, data, arrays, folder)
        shutil.rmtree(folder)
    test = data.read_test("every student's last figure")
    rows = [_measured(model, task, data, test, **told) for told, model in students]
    for row in rows:
        cells = f", {row['cells']:,.0f} cells" if "cells" in row else ""
        print(f"{task:<14} {row['method']:<10} seed {row['seed']}  test {row['test']:.4f}  EBOPs {row['ebops']:>8,}{cells}", flush=True)
    return rows


def within(rows: list[dict[str, Any]], task: str, cost: str, budget: float) -> float:
    """Mean over seeds of the test accuracy of the learned student that is best on validation data among those within a budget; nan without one."""
    best = []
    for seed in {r["seed"] for r in rows}:
        fit_in = [r for r in rows if r["task"] == task and r["method"] == "learned" and r["seed"] == seed and r.get(cost, np.inf) <= budget]
        best += [max(fit_in, key=lambda r: r["validation"])["test"]] if fit_in else []
    return float(np.mean(best)) if best else float("nan")


def goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the front reaches: the aims, how it stands to uniform QAT, and the time of a run."""
    found = [goal(f"{t}: accuracy within {b:,} {c}", aim, within(rows, t, c, b), "fraction") for t, c, b, aim in AIMS if _has(rows, t)]
    for task in dict.fromkeys(r["task"] for r in rows):
        own = [r for r in rows if r["task"] == task]
        behind = []
        for name in dict.fromkeys(r["method"] for r in own if r["method"] != "learned"):
            theirs = [r for r in own if r["method"] == name]
            budget = float(np.mean([r["ebops"] for r in theirs]))
            behind.append(within(own, task, "ebops", budget) - float(np.mean([r["test"] for r in theirs])))
        found.append(
            goal(f"{task}: learned minus uniform at equal EBOPs, worst of {len(behind)}", 0.0, float(np.nanmin(behind)), "fraction")
        )
        found.append(goal(f"{task}: seconds of one run", 900, max(r["seconds"] for r in own), "s", at_most=True))
    return found


def _has(rows: list[dict[str, Any]], task: str) -> bool:
    return any(r["task"] == task for r in rows)


def main() -> None:
    """Run the tasks named on the command line, or all; rows of tasks not run are kept from the last result."""
    tasks = SMALL if QUICK else {name: TASKS[name] for name in sys.argv[1:] or TASKS}
    rows = [row for name, settings in tasks.items() for row in _task(name, settings)]
    path = RESULTS / "learned_bits.json"
    if path.is_file() and not QUICK:
        rows = [r for r in read_json(path)["rows"] if r["task"] not in tasks] + rows
    write("learned_bits", "python -m benchmarks.learned_bits", SEEDS, rows, goals(rows))


if __name__ == "__main__":
    main()
