"""Every method of distillation against the same student without a teacher: five paired seeds, four tasks, students of 4 bits.

The students of a seed start from the same float weights, trained without a teacher (``online``, ``mutual`` and the like train their teachers beside
them), and train for the same epochs with the same masks and the same mirrored images. Trainings are steps of the pipeline, as a recipe would do
them, kept in ``runs/distillation``; a task's settings were chosen on validation data of other splits, a method's are plain defaults. The test split
is read once for each student, behind all trainings of a task. "Gap closed" is what a method gains in units of what the teacher is ahead of the
student without one.

    make bench-distillation
    python -m benchmarks.distillation magic ecg      # trains these tasks only, nothing written
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.distill import Lesson, Objective, Teacher, objective
from fpgacompress.keras_stack import load_model
from fpgacompress.lower import lower
from fpgacompress.metrics.statistics import paired_over_seeds
from fpgacompress.pipeline.teaching import teaching_logits
from fpgacompress.pipeline.training import Trainer, history_of
from fpgacompress.pipeline.variants import Variant
from fpgacompress.prune import Nothing, prune
from fpgacompress.recipe import load_recipe
from fpgacompress.report.canvas import BLUE, INK, RED, no_grid, sheet
from fpgacompress.run import RunFolder, read_json, write_json
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped
from fpgacompress.train.step import TrainingStep

from .common import QUICK, RESULTS, goal, integer_logits, merged, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("distillation-quick" if QUICK else "distillation")
GOAL, TASKS_WANTED = 0.6, 2
"""Share of the gap that a method closes, and on how many tasks."""
SLOWER = 1.15
"""Time of an epoch with a teacher's logits, in units of one without."""
SEEDS = [1] if QUICK else [1, 2, 3, 4, 5]
Tree = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A recipe, and the methods that make sense with it.

    Attributes:
        title: for tables.
        recipe: what differs from :data:`BASE`.
        methods: names in :data:`METHODS`, and settings of this task's own.
        pruned: whether the students have masks.
    """

    title: str
    recipe: Tree
    methods: dict[str, Tree] = field(default_factory=dict)
    pruned: bool = False


SOFT = {"alpha": 0.7, "temperature": 2}
BASE: Tree = {
    "quantize": {"preset": "int4", "ranges": "mse", "scales": "channel"},
    "compare": [],
    "train": {"tensorboard": False, "learning_rate": 2e-3, "pretrain_learning_rate": 2e-3},
}
METHODS: dict[str, Tree] = {
    "logits": {"distill": SOFT},
    "logits T4": {"distill": SOFT | {"temperature": 4}},
    "logits alone T4": {"distill": {"alpha": 1.0, "temperature": 4}},
    "hints": {"distill": {"method": "hints"}},
    "logits+hints": {"distill": SOFT | {"method": "logits+hints"}},
    "dkd": {"distill": SOFT | {"method": "dkd"}},
    "dist": {"distill": SOFT | {"method": "dist"}},
    "subclass": {"distill": SOFT | {"method": "subclass"}},
    "similarity": {"distill": {"method": "similarity", "options": {"weight": 300.0}}},
    "standardised": {"distill": SOFT | {"options": {"scale": "standardise"}}},
    "exits": {"distill": {"method": "exits"}},
    "ema": {"distill": SOFT | {"method": "ema"}},
    "mutual": {"distill": SOFT | {"method": "mutual"}},
    "scale learned": {"distill": SOFT | {"options": {"scale": "learned"}}},
    "refinery": {"distill": {"method": "refinery"}},
    "relational": {"distill": {"method": "relational", "options": {"weight": 0.04}}},
    "gradients": {"distill": {"method": "gradient_attention"}},
    "online": {"distill": SOFT | {"method": "online"}},
    "calibrated": {"teacher": {"calibrate": True}, "distill": SOFT},
    "assistants": {"distill": SOFT | {"chain": "auto"}},
    "8 and 6 bits": {"distill": SOFT | {"chain": [8, 6]}},
    "generations": {"distill": SOFT | {"generations": 2}},
}
"""Name to what of the recipe is measured."""
_BN = {"batchnorm": True, "dropout": 0.2}
_CNN = {"model": "cnn", "options": {"filters": [32, 64], "hidden": [128], **_BN}, "epochs": 16, "augment": "flip"}
_MAPS = {
    "attention": {"distill": {"method": "attention", "options": {"count": 2}}},
    "logits+attention": {"distill": SOFT | {"method": "logits+attention", "options": {"attention": {"count": 2}}}},
}


_DENSE = {"model": "mlp", "options": {"hidden": [128, 64], "dropout": 0.1, "batchnorm": True}, "epochs": 40}
_BEATS = {"model": "cnn1d", "options": {"filters": [16, 32], "hidden": [32], **_BN}, "epochs": 8}
_FOLDS = {"folds": {"teacher": {"folds": 4}, "distill": SOFT}}
_FOUR = [_DENSE] * 3
"""Beside the first one; each has weights of its own."""
_COMBINED = ("validation", "confidence", "attention")


TASKS = {
    "magic": Task(
        "MAGIC, MLP 128-64 to MLP 64-32",
        {
            "data": {"source": "magic"},
            "teacher": _DENSE,
            "student": {"options": {"hidden": [64, 32]}},
            "train": {"pretrain_epochs": 30, "epochs": 60},
        },
        METHODS | _FOLDS | {f"4 teachers, {c}": {"teachers": _FOUR, "distill": SOFT | {"combine": c}} for c in ("equal", *_COMBINED)},
    ),
    "ecg": Task(
        "ECG, patients apart, 4 CNNs 16-32-32 to CNN 8-16-16",
        {
            "data": {"source": "ecg"},
            "teacher": _BEATS,
            "teachers": [_BEATS] * 3,
            "student": {"model": "cnn1d", "options": {"filters": [8, 16], "hidden": [16]}},
            "train": {"pretrain_epochs": 8, "epochs": 10, "monitor": "loss"},
        },
        METHODS
        | _MAPS
        | {"1 teacher": {"teachers": [], "distill": SOFT}}
        | {f"4 teachers, {c}": {"distill": SOFT | {"combine": c}} for c in _COMBINED},
    ),
    "fashion_mlp": Task(
        "Fashion-MNIST, CNN 32-64-128 to MLP 64-32, 80 % zeros",
        {
            "data": {"source": "fashion_mnist"},
            "teacher": _CNN,
            "student": {"options": {"hidden": [64, 32]}},
            "prune": {"sparsity": 0.8},
            "train": {"pretrain_epochs": 10, "epochs": 24, "learning_rate": 4e-3},
        },
        METHODS,
        pruned=True,
    ),
    "fashion_cnn": Task(
        "Fashion-MNIST, CNN 32-64-128 to CNN 4-8-16",
        {
            "data": {"source": "fashion_mnist"},
            "teacher": _CNN,
            "student": {"model": "cnn", "options": {"filters": [4, 8], "hidden": [16]}},
            "train": {"pretrain_epochs": 8, "epochs": 8},
        },
        _MAPS | METHODS,
    ),
}
QUICK_TASKS, QUICK_METHODS = ("fashion_cnn",), ("logits", "logits+attention")
_QUICK = ["data.limit=600", "teacher.epochs=2", "train.pretrain_epochs=2", "train.epochs=2"]


@cache
def _trainer(task: str) -> Trainer:
    recipe = load_recipe(merged(BASE, TASKS[task].recipe) | {"name": task}, overrides=_QUICK if QUICK else [])
    return Trainer(recipe, RunFolder(FOLDER / task))


def students(task: str, method: str) -> tuple[Path, list[Path]]:
    """Folders of the teacher and of each seed's student; ``method`` of the task, or "none"."""
    own = TASKS[task].methods.get(method, {})
    recipe = _trainer(task).recipe.to_dict()
    trainer = _trainer(task).with_recipe(load_recipe(merged(recipe, own)))
    teacher, found = trainer.teacher(), []
    variant = Variant("student" if own else "none", TASKS[task].pruned, bool(own))
    for seed in SEEDS:
        twin = trainer.with_seed(seed)
        found.append(twin.quantized(variant, twin.float_student(), teacher))
    return teacher, found


def _tested(task: str, folder: Path) -> tuple[float, int]:
    """Test accuracy of a student's integer network, and its logits that differ from Keras'; read once and kept."""

    def make(where: Path) -> None:
        data, model = _trainer(task).dataset, load_model(folder / "model.h5")
        kind, test = data.preprocessing.input_type, data.read_test("benchmark of distillation")
        network, x = lower(model, kind, task), data.preprocessing.apply(test.x)
        logits = integer_logits(network, x)
        told = {"accuracy": float(np.mean(logits.argmax(1) == test.y)), "differing": int(np.sum(logits != logits_of(model, x)))}
        write_json(where / "told.json", told)

    told = read_json(RunFolder(FOLDER / task, message=lambda text: None).step("tested", {"student": folder.name}, make) / "told.json")
    return told["accuracy"], told["differing"]


@cache
def _teacher_accuracy(task: str, folder: Path) -> float:
    """Test accuracy of what teaches."""
    data = _trainer(task).dataset
    test = data.read_test("benchmark of distillation")
    return float(np.mean(teaching_logits(folder, data.preprocessing.apply(test.x))[0].argmax(1) == test.y))


def rows_of(task: str) -> list[Tree]:
    """One row for each method: accuracies over the seeds, paired with those without a teacher."""
    methods = {n: m for n, m in TASKS[task].methods.items() if not QUICK or n in QUICK_METHODS}
    folders = {method: students(task, method) for method in ("none", *methods)}  # all trainings before any test sample is read
    plain = _teacher_accuracy(task, folders["none"][0])
    rows: list[Tree] = []
    for method, (teacher, trained) in folders.items():
        told = [_tested(task, folder) for folder in trained]
        histories = [history_of(folder) for folder in trained]
        accuracies = [accuracy for accuracy, _ in told]
        none = rows[0]["accuracies"] if rows else accuracies
        gain, ahead = paired_over_seeds(accuracies, none), plain - float(np.mean(none))
        row: Tree = {"task": task, "title": TASKS[task].title, "method": method, "recipe": methods.get(method, {}), "teacher": plain}
        row |= {"teachers_own": _teacher_accuracy(task, teacher), "accuracies": accuracies}
        row |= {"accuracy": float(np.mean(accuracies)), "gain": float(np.mean(accuracies) - np.mean(none))}
        row |= {"gain_interval": [gain.low, gain.high], "gap": ahead, "gap_closed": (row["gain"] / ahead) if ahead > 0 else None}
        row |= {"validation": float(np.mean([max(r["val_accuracy"] for r in history) for history in histories]))}
        row |= {"seconds_per_epoch": float(np.median([r["seconds"] for history in histories for r in history[1:]]))}
        notes = {n for folder in trained if (folder / "notes.json").is_file() for n in read_json(folder / "notes.json")}
        row |= {"differing_logits": sum(n for _, n in told), "notes": sorted(notes)}
        rows.append(row)
        low, high = (100 * v if v is not None else float("nan") for v in row["gain_interval"])
        closed = "" if row["gap_closed"] is None else f" closes {row['gap_closed']:+.0%} of {100 * ahead:.2f}"
        print(
            f"{TASKS[task].title:54s} {method:22s} {100 * row['accuracy']:.2f} {100 * row['gain']:+.2f} [{low:+.2f}, {high:+.2f}] points{closed}"
            f" {row['seconds_per_epoch']:.2f} s",
            flush=True,
        )
    return rows


def epoch_costs(task: str) -> Tree:
    """Seconds of an epoch of the same quantized student without a teacher and with its cached logits, in turn, least of several of each."""
    trainer = _trainer(task)
    (x, y, *_), recipe = trainer.arrays, trainer.recipe
    steps = {}
    for name, section in (("none", None), ("logits", recipe.distill)):
        model = trainer.built(trainer.sample_student(), x, pruned=TASKS[task].pruned).model
        pruning = prune(model, recipe.prune, 100) if TASKS[task].pruned else Nothing()
        lesson = Lesson(model, Teacher(None, None, students(task, "none")[0]))
        wanted = objective(section, lesson) if section else Objective()
        arrays = {"x": shaped(model, x), "y": y.astype(np.int32), **lesson.arrays()}
        pruning.begin()
        rate = {"learning_rate": 1e-3, "total_steps": 10**6, "schedule": "constant"}
        steps[name] = TrainingStep(model, wanted, arrays, pruning=pruning, class_weights=None, **rate)
    order = np.random.default_rng(0).permutation(len(x)).astype(np.int32)[: len(x) // 128 * 128].reshape(-1, 128)
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(2 if QUICK else 16):
        for name, step in steps.items():
            started = time.perf_counter()
            step.run(order)
            taken[name].append(time.perf_counter() - started)
    none, soft = (min(v[1:]) for v in taken.values())  # the first call compiles
    print(f"{TASKS[task].title:54s} an epoch takes {none:.2f} s, with a teacher's logits {soft:.2f} s: {soft / none:.3f} times")
    return {"task": task, "seconds_plain": none, "seconds_logits": soft, "ratio": soft / none}


def picture(rows: list[Tree], path: Path) -> Path:
    """Gain of each method with its interval, and where the teacher is, one panel per task."""
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    most = max(sum(r["task"] == t for r in rows) for t in tasks)
    with sheet(path, 4.6 * len(tasks), 1.4 + 0.3 * most) as drawing:
        for axes, task in zip(drawing.subplots(1, len(tasks), squeeze=False)[0], tasks):
            own = sorted((r for r in rows if r["task"] == task and r["method"] != "none"), key=lambda r: r["gain"])
            for i, row in enumerate(own):
                low, high = (100 * (row["gain"] if v is None else v) for v in row["gain_interval"])
                axes.plot([low, high], [i, i], color=BLUE, linewidth=1.5)
                axes.plot(100 * row["gain"], i, "o", color=BLUE)
            axes.axvline(0, color=INK, linewidth=1)
            axes.axvline(100 * own[0]["gap"], color=RED, linestyle="--", linewidth=1.5)
            axes.set_yticks(range(len(own)), [r["method"] for r in own])
            axes.set_title(own[0]["title"].replace(", ", ",\n", 1), fontsize=11)
            axes.set_xlabel("points gained (95 %); dashed: teacher")
            no_grid(axes, "y")
    return path


def distillation_goals(rows: list[Tree], costs: list[Tree]) -> list[Tree]:
    """What the issue asks for. The best method of a task is picked on validation accuracy, and its test accuracy counts."""
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    taught = {t: [r for r in rows if r["task"] == t and r["method"] != "none"] for t in tasks}
    picked = {t: max(own, key=lambda r: r["validation"]) for t, own in taught.items()}
    alike = {m: [r["gap_closed"] or 0.0 for t in tasks for r in taught[t] if r["method"] == m] for m in METHODS}
    default = max(alike, key=lambda m: sum(v >= GOAL for v in alike[m]))
    closed = {t: r["gap_closed"] or 0.0 for t, r in picked.items()}
    return [
        goal(
            f"tasks on which one method ({default}) closes {GOAL:.0%} of the gap",
            TASKS_WANTED,
            sum(v >= GOAL for v in alike[default]),
            "tasks",
        ),
        *(
            goal(f"{t}: gap closed by the method that validation picks ({picked[t]['method']})", GOAL, c, "fraction")
            for t, c in closed.items()
        ),
        goal("epoch with cached logits, worst task", SLOWER, max(c["ratio"] for c in costs), "times a plain one", at_most=True),
        goal("logits that differ from Keras", 0, sum(r["differing_logits"] for r in rows), "logits", at_most=True),
    ]


def main() -> None:
    asked = tuple(sys.argv[1:])
    tasks = asked or (QUICK_TASKS if QUICK else tuple(TASKS))
    rows = [row for name in tasks for row in rows_of(name)]
    if not asked:
        costs = [epoch_costs(name) for name in tasks if name.startswith("fashion")]
        if not QUICK:
            picture(rows, RESULTS / "distillation.png")
        write("distillation", "make bench-distillation", SEEDS, rows, distillation_goals(rows, costs), epochs=costs)


if __name__ == "__main__":
    main()
