"""Every method of distillation against the same student without a teacher: five paired seeds, three data sets, students of 4 bits.

The students of a seed start from the same float weights, trained without a teacher, and train for the same epochs with the same masks; methods
that read logits and methods that read features get the same teacher, whose outputs are computed once. Weights, temperatures and epochs
are plain defaults, tuned for no task; the test split is read once for each student, behind all trainings of a task. "Gap closed" is what a method
gains in units of what the teacher is ahead of the student without one. Trainings are kept in ``runs/distillation``.

    make bench-distillation
    python -m benchmarks.distillation magic ecg      # these tasks only, nothing written
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress import zoo
from fpgacompress.data import load
from fpgacompress.distill import Lesson, Objective, Teacher, objective
from fpgacompress.distill.checks import training_notes
from fpgacompress.integer import run
from fpgacompress.keras_stack import load_model, save_model, seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.statistics import paired_over_seeds
from fpgacompress.prune import prune
from fpgacompress.prune.masks import strip
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.run import RunFolder, read_json, write_json
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.loop import shaped, steps_of

from .common import QUICK, goal, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / "distillation"
VERSION = 1
GOAL, TASKS_WANTED = 0.6, 2
"""Share of the gap that the best method closes, and on how many tasks."""
SLOWER = 1.15
"""Time of an epoch with a teacher's logits, in units of one without."""


@dataclass(frozen=True)
class Task:
    """A data set, a teacher and a student.

    Attributes:
        title: for tables.
        source, options: data set, as recipes name it.
        teacher, student: model of the zoo and its settings.
        sparsity: zeros of the student's kernels.
        teacher_epochs, float_epochs, epochs: of the teacher, the float student and each quantized one.
        learning_rate: peak rate of the quantized students.
        monitor: validation figure that picks the epoch.
        methods: names in :data:`METHODS` that make sense here.
    """

    title: str
    source: str
    teacher: tuple[str, dict[str, Any]]
    student: tuple[str, dict[str, Any]]
    teacher_epochs: int
    float_epochs: int
    epochs: int
    learning_rate: float = 2e-3
    sparsity: float = 0.0
    batch: int = 128
    monitor: str = "accuracy"
    options: dict[str, Any] = field(default_factory=dict)
    methods: tuple[str, ...] = ("logits", "logits T4", "standardised", "dkd", "dist", "hints", "relational", "similarity", "logits+hints")


METHODS = {
    "logits": DistillSection(alpha=0.7, temperature=2),
    "logits T4": DistillSection(alpha=0.7, temperature=4),
    "standardised": DistillSection(alpha=0.7, temperature=2, options={"scale": "standardise"}),
    "dkd": DistillSection(method="dkd", alpha=0.7, temperature=2),
    "dist": DistillSection(method="dist", alpha=0.7, temperature=2),
    "hints": DistillSection(method="hints"),
    "attention": DistillSection(method="attention", options={"count": 2}),
    "relational": DistillSection(method="relational", options={"weight": 0.04}),
    "similarity": DistillSection(method="similarity", options={"weight": 300.0}),
    "logits+hints": DistillSection(method="logits+hints", alpha=0.7, temperature=2),
    "logits+attention": DistillSection(method="logits+attention", alpha=0.7, temperature=2, options={"attention": {"count": 2}}),
}
"""Name to the recipe section that is measured."""
_BN = {"batchnorm": True, "dropout": 0.2}
_MAPS = (*Task.methods, "attention", "logits+attention")
TASKS = {
    "magic": Task(
        "MAGIC, MLP 128-64 to 16", "magic", ("mlp", {"hidden": [128, 64], "dropout": 0.1}), ("mlp", {"hidden": [16]}), 60, 60, 60
    ),
    "fashion_mlp": Task(
        "Fashion-MNIST, CNN 32-64-128 to MLP 64-32, 80 % zeros",
        "fashion_mnist",
        ("cnn", {"filters": [32, 64], "hidden": [128], **_BN}),
        ("mlp", {"hidden": [64, 32]}),
        12,
        10,
        12,
        sparsity=0.8,
    ),
    "fashion_cnn": Task(
        "Fashion-MNIST, CNN 32-64-128 to CNN 4-8-16",
        "fashion_mnist",
        ("cnn", {"filters": [32, 64], "hidden": [128], **_BN}),
        ("cnn", {"filters": [4, 8], "hidden": [16]}),
        12,
        8,
        8,
        methods=_MAPS,
    ),
    "ecg": Task(
        "ECG, patients apart, CNN 16-32-32 to CNN 4-8-8",
        "ecg",
        ("cnn1d", {"filters": [16, 32], "hidden": [32], **_BN}),
        ("cnn1d", {"filters": [4, 8], "hidden": [8]}),
        15,
        12,
        12,
        monitor="loss",
        methods=_MAPS,
    ),
}
QUICK_TASKS = ("fashion_cnn",)
SEEDS = [1] if QUICK else [1, 2, 3, 4, 5]


@dataclass(frozen=True)
class Data:
    """Preprocessed arrays of a task, and the dataset they come from."""

    source: Any
    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


@cache
def data_of(name: str) -> Data:
    """The arrays of a task; the split is the same for all seeds."""
    task = TASKS[name]
    source = load(task.source, options=task.options | ({"limit": 600} if QUICK else {}))
    apply = source.preprocessing.apply
    return Data(source, apply(source.train.x), source.train.y, apply(source.validation.x), source.validation.y)


def _say(epoch: int, epochs: int, row: dict[str, float], left: float) -> None:
    print(f"    epoch {epoch}/{epochs} val {row['val_accuracy']:.4f}, {left:.0f} s left", file=sys.stderr, flush=True)


def _step(name: str, what: str, seed: int, settings: dict[str, Any], make: Any) -> Path:
    """A training of a task, done once and kept."""
    inputs = {"version": VERSION, "data": data_of(name).source.sha256, "what": what, "seed": seed, "quick": QUICK, **settings}
    whose = TASKS[name].source if what == "teacher" else name  # one teacher for all students of a data set
    return RunFolder(FOLDER).step(
        f"{whose}-{what.replace('+', '-').replace(' ', '-')}", inputs, make, title=f"{TASKS[name].title}, {what}, seed {seed}"
    )


def _float(name: str, role: str, seed: int) -> Path:
    """Folder of a float model: the teacher (of one seed) or a student without a teacher."""
    task, data = TASKS[name], data_of(name)
    kind, options = getattr(task, role)
    epochs = 2 if QUICK else getattr(task, "teacher_epochs" if role == "teacher" else "float_epochs")

    def make(where: Path) -> None:
        seed_everything(seed)
        model = zoo.build(kind, data.x.shape[1:], len(data.source.classes), options)
        config = TrainConfig(epochs, task.batch, 2e-3, seed=seed, monitor=task.monitor)
        fit(model, TrainingData(data.x, data.y, data.x_val, data.y_val), config, progress=_say)
        save_model(model, where / "model.h5")

    return _step(name, role, seed, {"model": [kind, options], "epochs": epochs, "monitor": task.monitor}, make)


def student(name: str, method: str, seed: int) -> Path:
    """Folder of a quantized student: ``method`` a key of :data:`METHODS`, or "none"."""
    task, data = TASKS[name], data_of(name)
    base, teacher = _float(name, "student", seed), _float(name, "teacher", 100)
    section = METHODS.get(method)
    config = TrainConfig(2 if QUICK else task.epochs, task.batch, task.learning_rate, seed=seed, monitor=task.monitor, select_from=0.5)
    pruning = PruneSection(sparsity=task.sparsity)

    def make(where: Path) -> None:
        seed_everything(seed)
        start = load_model(base / "model.h5")
        quantize = QuantizeSection(preset="int4", ranges="mse", scales="channel")
        model = quantized_student(start, quantize, shaped(start, data.x[: quantize.calibration_samples]))
        if task.sparsity:
            model = prune(model, pruning, steps_of(len(data.x), config))
        lesson = Lesson(model, Teacher(teacher / "model.h5", data.x, teacher))
        wanted = objective(section, lesson) if section else Objective()
        history = fit(model, TrainingData(data.x, data.y, data.x_val, data.y_val, lesson.arrays()), config, objective=wanted, progress=_say)
        write_json(where / "history.json", history)
        write_json(where / "notes.json", training_notes(history, wanted))
        save_model(strip(model) if task.sparsity else model, where / "model.h5")

    settings = {"method": section.model_dump(mode="json") if section else None, "base": base.name, "teacher": teacher.name}
    return _step(name, method, seed, settings | {"config": vars(config), "sparsity": task.sparsity}, make)


def _tested(name: str, folder: Path) -> tuple[float, int]:
    """Test accuracy of a student's integer network, and its logits that differ from Keras'."""
    data, model = data_of(name), load_model(folder / "model.h5")
    kind, test = data.source.preprocessing.input_type, data.source.read_test("benchmark of distillation")
    network = lower(model, kind, name)
    x = data.source.preprocessing.apply(test.x)
    found = [
        network.output.out.to_float(run(network, kind.exactly(x[i : i + 1000]).reshape(-1, *network.input.shape)))
        for i in range(0, len(x), 1000)
    ]
    logits = np.concatenate(found)
    return float(np.mean(logits.argmax(1) == test.y)), int(np.sum(logits != logits_of(model, x)))


def rows_of(name: str) -> list[dict[str, Any]]:
    """One row for each method: accuracies over the seeds, paired with those without a teacher."""
    task, data = TASKS[name], data_of(name)
    methods = ("none", *((task.methods[0], task.methods[-1]) if QUICK else task.methods))
    folders = {
        method: [student(name, method, seed) for seed in SEEDS] for method in methods
    }  # all trainings before any test sample is read
    test = data.source.read_test("benchmark of distillation")
    teacher = float(
        np.mean(
            logits_of(load_model(_float(name, "teacher", 100) / "model.h5"), data.source.preprocessing.apply(test.x)).argmax(1) == test.y
        )
    )
    found: dict[str, list[float]] = {}
    rows = []
    for method, trained in folders.items():
        told = [_tested(name, folder) for folder in trained]
        found[method] = [accuracy for accuracy, _ in told]
        histories = [read_json(folder / "history.json") for folder in trained]
        gain = paired_over_seeds(found[method], found["none"])
        gap = teacher - float(np.mean(found["none"]))
        row = {"task": name, "title": task.title, "method": method, "teacher": teacher, "accuracies": found[method]}
        row |= {"accuracy": float(np.mean(found[method])), "gain": float(np.mean(found[method]) - np.mean(found["none"]))}
        row |= {"gain_interval": [gain.low, gain.high], "gap": gap, "gap_closed": (row["gain"] / gap) if gap > 0 else None}
        row |= {"validation": float(np.mean([max(r["val_accuracy"] for r in history) for history in histories]))}
        row |= {"seconds_per_epoch": float(np.median([r["seconds"] for history in histories for r in history[1:]]))}
        row |= {
            "differing_logits": sum(n for _, n in told),
            "notes": sorted({n for folder in trained for n in read_json(folder / "notes.json")}),
        }
        rows.append(row)
        low, high = (100 * v if v is not None else float("nan") for v in row["gain_interval"])
        closed = "" if row["gap_closed"] is None else f" closes {row['gap_closed']:+.0%} of {100 * gap:.2f}"
        print(
            f"{task.title:58s} {method:18s} {100 * row['accuracy']:.2f} {100 * row['gain']:+.2f} [{low:+.2f}, {high:+.2f}] points{closed}"
            f" {row['seconds_per_epoch']:.2f} s",
            flush=True,
        )
    return rows


def distillation_goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the issue asks for."""
    best = {
        t: max((r["gap_closed"] or 0.0 for r in rows if r["task"] == t and r["method"] != "none"), default=0.0)
        for t in {r["task"] for r in rows}
    }
    slower = [
        r["seconds_per_epoch"] / next(p["seconds_per_epoch"] for p in rows if p["task"] == r["task"] and p["method"] == "none")
        for r in rows
        if r["method"] == "logits"
    ]
    return [
        goal(f"tasks on which a method closes {GOAL:.0%} of the gap", TASKS_WANTED, sum(b >= GOAL for b in best.values()), "tasks"),
        *(goal(f"{t}: gap closed by the best method", GOAL, b, "fraction") for t, b in sorted(best.items())),
        goal("epoch with cached logits, worst task", SLOWER, max(slower), "times a plain one", at_most=True),
        goal("logits that differ from Keras", 0, sum(r["differing_logits"] for r in rows), "logits", at_most=True),
    ]


def main() -> None:
    asked = tuple(sys.argv[1:])
    rows = [row for name in (asked or (QUICK_TASKS if QUICK else tuple(TASKS))) for row in rows_of(name)]
    if not asked:
        write(
            "distillation",
            "make bench-distillation",
            SEEDS,
            rows,
            distillation_goals(rows),
            methods={n: s.model_dump() for n, s in METHODS.items()},
        )


if __name__ == "__main__":
    main()
