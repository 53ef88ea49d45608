"""Learned bits against others: one training's front beside uniform QAT, greedy allocation and AutoQKeras of the same network, data and seeds, and
HGQ2 where it was measured.

Each seed trains the float network once; uniform students of 8 to 2 bits, greedy allocations at their costs and the front start from it. All of
them learn from the same teacher: boosted trees and perceptrons, each asked only about samples it has not seen (tables of measurements,
heartbeats), or an ensemble of wider networks (images). HGQ2 has none; that it can be had in the same training is what is ours. Points are picked
by validation loss; the test split is read once, behind everything. EBOPs are counted on the integer networks; adder-graph cells (da4ml) where
that is feasible. Some points of the first seed (``Task.simulated``) are compiled and run in C simulation. HGQ2's rows come from
``results/peers_hgq2.json`` (``benchmarks/peers/hgq2``), same splits, its points picked by validation accuracy as its authors do. Its training has as many
epochs as each of our students has behind it (the ramp, settling, tuning), or more, within a tenth; settling and tuning are done for each point, so that our whole
training has more, 2.6 times as many on tables, where each point is improved by coordinate descent, too. Heartbeats are split beat by beat: between
patients the test accuracy falls with the size of the network (HGQ2, one seed: 0.83 at 700 EBOPs, 0.74 at 120,000), so that no front can be compared.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress import distill, zoo
from fpgacompress.data import load
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.verify import HlsExecutor, KerasExecutor, verify
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.reuse import plan
from fpgacompress.integer import IntegerNetwork, run
from fpgacompress.keras_stack import load_model, seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops, nonzeros
from fpgacompress.quantize.allocate import allocate, cost_model
from fpgacompress.quantize.allocate.autoqkeras import autoqkeras
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.learned import learned_twin
from fpgacompress.quantize.sensitivity import Candidates, measure
from fpgacompress.recipe import DistillSection, QuantizeSection
from fpgacompress.run import read_json
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.front import FrontConfig, learn_front
from fpgacompress.train.loop import shaped
from fpgacompress.train.monitor import score

from .common import QUICK, RESULTS, write
from .learned_bits_rows import against_peer, cells_of, draw, goals, spans
from .peers.export_data import SEED, VALIDATION


@dataclass(frozen=True)
class Task:
    """Settings of one data set.

    Attributes:
        hidden: layers of the students.
        teacher: of whom they learn: a name in ``TEACHERS``.
        float_epochs, epochs, settle, tune, uniform: epochs of the float network, the ramp, each point with its cost held and with its bits
            fixed, and each student of fixed bits.
        wide: hidden layers of the networks of an ensemble.
        sweeps: of coordinate descent over each point.
        cells: EBOPs up to which da4ml's cells are counted.
        simulated: points of the first seed whose hls4ml project is compiled and compared.
        auto: whether AutoQKeras searches, too (first seed).
        beta: first and last.
    """

    source: str
    hidden: list[int]
    teacher: str
    float_epochs: int
    epochs: int
    settle: int
    tune: int
    uniform: int
    cycles: int = 40
    points: int = 12
    sweeps: int = 0
    cells: int = 0
    simulated: int = 3
    auto: bool = False
    beta: tuple[float, float] = (0.1, 50.0)
    wide: list[int] = field(default_factory=lambda: [512, 256])
    options: dict[str, Any] = field(default_factory=dict)


_TABLE = {"teacher": "tables", "float_epochs": 40, "epochs": 6000, "uniform": 300, "cycles": 60, "sweeps": 3, "cells": 20_000}
_IMAGE = {"teacher": "ensemble", "float_epochs": 12, "epochs": 400, "settle": 8, "tune": 16, "uniform": 40, "beta": (0.03, 300.0)}
_BEATS = {"input": "beats+rr", "split": "beats"}
_ECG = {"teacher": "tables", "float_epochs": 20, "epochs": 2400, "uniform": 80, "cycles": 48, "sweeps": 3, "cells": 20_000}
TASKS = {
    "magic": Task("magic", [32, 16], **_TABLE, settle=150, tune=150, points=32, simulated=32, auto=True, beta=(0.01, 100.0)),
    "drybean": Task("drybean", [64, 32, 32], **_TABLE, settle=200, tune=200, points=24, simulated=24, beta=(0.03, 200.0)),
    "fashion_mnist": Task("fashion_mnist", [64, 32], **_IMAGE, points=18, auto=True),
    "mnist": Task("mnist", [64, 32], **_IMAGE, points=14),
    "ecg_beats": Task("ecg", [64, 32], **_ECG, settle=40, tune=40, points=18, beta=(0.03, 200.0), options=_BEATS),
}
_QUICK = {"teacher": "ensemble", "float_epochs": 10, "epochs": 40, "settle": 2, "tune": 4, "uniform": 5, "wide": [16]}
SMALL = {"gamma_neutron": Task("gamma_neutron", [8], **_QUICK, points=4, sweeps=1, auto=True)}
UNIFORM = (8, 4) if QUICK else (8, 6, 4, 3, 2)
GREEDY = (4,) if QUICK else (6, 4, 3)
"""Uniform bits at whose cost bits are allocated greedily."""
AUTO_TRIALS = 2 if QUICK else 30
SEEDS = [1] if QUICK else [int(seed) for seed in os.environ.get("SEEDS", "1 2 3").split()]
METHODS = os.environ.get("METHODS", "learned fixed").split()
"""``METHODS=learned`` trains the fronts only, and the last result's rows of fixed bits stay."""
MEMBERS = 1 if QUICK else 4


def _ensemble(task: Task, data: Any, arrays: TrainingData) -> np.ndarray:
    """Mean logits of the training samples under a few wider networks."""
    total = np.zeros((len(arrays.x), len(data.classes)), np.float32)
    for seed in range(MEMBERS):
        seed_everything(100 + seed)
        model = zoo.build("mlp", data.input_shape, len(data.classes), {"hidden": task.wide, "dropout": 0.2})
        fit(model, arrays, TrainConfig(task.float_epochs, seed=100 + seed))
        total += logits_of(model, arrays.x) / MEMBERS
    return total


def _tables(task: Task, data: Any, arrays: TrainingData) -> np.ndarray:
    """Logits of the training samples: trees and three perceptrons, each trained on the other four fifths."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neural_network import MLPClassifier

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    trees = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.05, max_leaf_nodes=24, l2_regularization=1.0, random_state=0)
    nets = [MLPClassifier((96, 48), alpha=1e-3, early_stopping=True, n_iter_no_change=12, random_state=s) for s in range(3)]
    told = [cross_val_predict(m, arrays.x, arrays.y, cv=folds, method="predict_proba") for m in (trees, *nets)]
    return np.log(np.clip((told[0] + np.mean(told[1:], axis=0)) / 2, 1e-4, 1)).astype(np.float32)


TEACHERS = {
    "tables": (_tables, DistillSection(temperature=1.0, alpha=0.7)),
    "ensemble": (_ensemble, DistillSection(temperature=2.0, alpha=0.7)),
}
"""Function that gives the logits, and how they are used."""


def _measured(model: Any, name: str, task: Task, data: Any, test: Any, **row: Any) -> dict[str, Any]:
    """A student's row: figures of its integer network on validation and test data, what it costs, and whether QKeras gives the same logits."""
    kind = data.preprocessing.input_type
    network: IntegerNetwork = lower(model, kind, name)
    apply = data.preprocessing.apply

    def logits(split: Any) -> np.ndarray:
        return network.output.out.to_float(run(network, kind.exactly(apply(split.x)).reshape(-1, *network.input.shape)))

    row |= {"task": name, "ebops": ebops(network).value, "nonzeros": nonzeros(network).value}
    judged, at_test = score(logits(data.validation), data.validation.y), logits(test)
    row |= {"validation": judged["val_accuracy"], "validation_loss": judged["val_loss"]}
    row |= {"test": float(np.mean(at_test.argmax(1) == test.y)), "differing": int(np.sum(at_test != logits_of(model, apply(test.x))))}
    if row["ebops"] <= task.cells:
        from .adder_graph import adder_cost

        cost = adder_cost(network, kind.exactly(apply(data.validation.x[:500])).reshape(-1, *network.input.shape))["cost"]
        row |= {"cells": cost} | spans(network)
    return row


def _simulated(model: Any, network: IntegerNetwork, stored: np.ndarray) -> dict[str, Any]:
    """Bits of every layer that differ between emulation, QKeras and the compiled hls4ml project."""
    with tempfile.TemporaryDirectory() as folder:
        layers = plan(network, board=load_board("zcu102"), io="parallel", strategy="auto", reuse="auto", backend="Vitis")
        firmware = generate(network, Path(folder) / "project", plan=layers, name="net")
        told = verify(network, stored, {"keras": KerasExecutor(model, network), "hls": HlsExecutor(firmware)})
    return {"samples": told.samples, "differing_bits": told.by_executor}


def _front(twin: Any, task: Task, seed: int, arrays: TrainingData, objective: Any, bits: int) -> list[tuple[dict[str, Any], Any]]:
    """Students of one training with learned bits, and their rows' heads."""
    folder, started = Path(tempfile.mkdtemp(prefix="front")), time.perf_counter()
    config = FrontConfig(
        epochs=task.epochs,
        settle_epochs=task.settle,
        tune_epochs=task.tune,
        descent_sweeps=task.sweeps,
        points=task.points,
        batch_size=512,
        cycles=task.cycles,
        beta=task.beta,
        seed=seed,
        rounding="truncate",
        monitor="loss",
    )
    points = learn_front(twin, arrays, config, folder, input_bits=bits, objective=objective, progress=lambda t: print(t, file=sys.stderr))
    head = {"method": "learned", "seed": seed, "seconds": round(time.perf_counter() - started, 1)}
    found = [(head | {"epoch": p.epoch}, load_model(p.folder / "student.h5")) for p in points]
    shutil.rmtree(folder)
    return found


def _fixed_bits(base: Any, task: Task, seed: int, arrays: TrainingData, kind: Any, samples: np.ndarray) -> dict[str, QuantizeSection]:
    """Name to bits of the students that others would train: uniform, greedy allocation, and for the first seed AutoQKeras."""
    sections = {
        f"uniform {bits}": QuantizeSection(default={"kernel": bits, "activation": bits, "bias": 12}, ranges="mse") for bits in UNIFORM
    }
    candidates = Candidates(base, samples, kind, (8, 4, 2) if QUICK else (8, 7, 6, 5, 4, 3, 2))
    costs, table = cost_model(candidates, "ebops"), measure(candidates, shaped(base, arrays.x_val[:2000]), arrays.y_val[:2000])
    for bits in GREEDY:
        chosen = allocate(table, costs, costs.of(candidates.uniform(bits)), "greedy")
        sections[f"greedy {bits}"] = candidates.recipe(chosen.choice)
    if task.auto and seed == SEEDS[0]:
        fixed = candidates.without_input()
        costs = cost_model(fixed, "ebops")
        data = TrainingData(shaped(base, arrays.x), arrays.y.astype(np.int32), shaped(base, arrays.x_val), arrays.y_val)
        chosen, _ = autoqkeras(fixed, costs, costs.of(fixed.uniform(4)), data, trials=AUTO_TRIALS, widest=6)
        if chosen is not None:
            sections["autoqkeras"] = fixed.recipe(chosen)
    return sections


def _students(task: Task, seed: int, data: Any, arrays: TrainingData) -> list[tuple[dict[str, Any], Any]]:
    kind = data.preprocessing.input_type
    objective = distill.objective(TEACHERS[task.teacher][1])
    seed_everything(seed)
    base = zoo.build("mlp", data.input_shape, len(data.classes), {"hidden": task.hidden})
    fit(base, arrays, TrainConfig(task.float_epochs, seed=seed))
    samples = shaped(base, arrays.x[:2048])
    wide = QuantizeSection(preset="int8", input=kind.width, input_integer=kind.integer - kind.signed)
    found = []
    if "learned" in METHODS:
        twin = learned_twin(quantized_student(base, wide, samples), activations="channel")
        found += _front(twin, task, seed, arrays, objective, kind.width)
    for name, section in _fixed_bits(base, task, seed, arrays, kind, samples).items() if "fixed" in METHODS else ():
        student, started = quantized_student(base, section, samples), time.perf_counter()
        fit(student, arrays, TrainConfig(task.uniform, learning_rate=3e-3, seed=seed), objective=objective)
        found.append(({"method": name, "seed": seed, "seconds": round(time.perf_counter() - started, 1)}, student))
    gc.collect()
    return found


def _task(name: str, task: Task) -> list[dict[str, Any]]:
    data = load(task.source, validation=200 if QUICK else VALIDATION, seed=SEED, options=task.options)
    apply = data.preprocessing.apply
    plain = TrainingData(apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y)
    logits = TEACHERS[task.teacher][0](task, data, plain)
    arrays = TrainingData(plain.x, plain.y, plain.x_val, plain.y_val, {"teacher_logits": logits})
    students = [student for seed in SEEDS for student in _students(task, seed, data, arrays)]
    test = data.read_test("every student's last figure")
    rows = [_measured(model, name, task, data, test, **told) for told, model in students]
    own = [i for i, row in enumerate(rows) if row["method"] == "learned" and row["seed"] == SEEDS[0]]
    for i in {own[j] for j in np.linspace(0, len(own) - 1, task.simulated).round().astype(int)} if own else ():
        network = lower(students[i][1], data.preprocessing.input_type, name)
        stored = data.preprocessing.apply_integer(data.validation.x[:200]).reshape(-1, *network.input.shape)
        rows[i]["verified"] = _simulated(students[i][1], network, stored)
    for row in rows:
        cells = f", {row['cells']:,.0f} cells" if "cells" in row else ""
        print(f"{name:<14} {row['method']:<10} seed {row['seed']}  test {row['test']:.4f}  EBOPs {row['ebops']:>8,}{cells}", flush=True)
    return rows


def main() -> None:
    """Run the tasks named on the command line, or all; rows of tasks not run are kept from the last result."""
    tasks = SMALL if QUICK else {name: TASKS[name] for name in sys.argv[1:] or TASKS}
    rows = [row for name, task in tasks.items() for row in _task(name, task)]
    path, peers = RESULTS / "learned_bits.json", RESULTS / "peers_hgq2.json"
    if path.is_file() and not QUICK:
        old = read_json(path)["rows"]
        rows = [r for r in old if r["task"] not in tasks or ("learned" if r["method"] == "learned" else "fixed") not in METHODS] + rows
    runs = read_json(peers)["rows"] if peers.is_file() else []
    compared = against_peer(rows, runs)
    if not QUICK:
        draw(rows, runs, RESULTS / "learned_bits.png")
    write("learned_bits", "make bench-learned-bits", SEEDS, rows, goals(rows, compared), against_hgq2=compared, cells_told=cells_of(rows))


if __name__ == "__main__":
    main()
