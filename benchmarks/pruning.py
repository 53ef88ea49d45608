"""Every way of pruning at 50, 75, 90 and 95 % zeros: accuracy against non-zeros, against estimated LUT, and against adders, with and without a teacher.

Three paired seeds, three tasks. The students of a seed start from the same float weights; each is pruned while it learns its few bits, with the
same epochs, rates and schedule for all methods, whose own settings are plain defaults. Trainings are steps of the pipeline, as a recipe would do them,
kept in ``runs/pruning``. N:M at 90 and 95 % are 1:8 and 1:16, 87.5 and 93.75 % zeros. What is recommended is chosen on validation data; the test
split is read once for each student, behind all trainings of a task. LUT are those that the package estimates for hls4ml at csynth, with the automatic plan; convolutions have no calibrated law, so they have no
LUT. A layer of 784 inputs is too large for hls4ml's Latency strategy, and its Resource strategy keeps multipliers of zeros, so these LUT hardly
follow the zeros. What multiplies without DSP blocks costs by digit: adders are the non-zero signed digits of the weights, shared sums not counted.

    make bench-pruning
    python -m benchmarks.pruning ecg        # trains these tasks only, nothing written
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator

from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.reuse import plan
from fpgacompress.keras_stack import load_model
from fpgacompress.lower import lower
from fpgacompress.metrics import cost
from fpgacompress.metrics.csd import csd_digits
from fpgacompress.metrics.statistics import mean_over_seeds, paired_over_seeds
from fpgacompress.pipeline.training import Trainer
from fpgacompress.pipeline.variants import Variant
from fpgacompress.recipe import load_recipe
from fpgacompress.report.canvas import BLUE, ORANGE, RED, no_grid, sheet
from fpgacompress.run import RunFolder, read_json, write_json
from fpgacompress.train import logits_of

from .common import QUICK, RESULTS, goal, integer_logits, merged, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("pruning-quick" if QUICK else "pruning")
SEEDS = [1] if QUICK else [1, 2, 3]
LEVELS = (0.9,) if QUICK else (0.5, 0.75, 0.9, 0.95)
BOARD, GREY = "vu13p", "#BBBBBB"
SHOWN = 22
"""Points below the student without zeros that the picture shows; what is lower is in the results."""
Tree = dict[str, Any]

METHODS: dict[str, Tree] = {
    "magnitude": {},
    "magnitude, erk": {"allocation": "erk"},
    "magnitude, global": {"allocation": "global"},
    "magnitude, sensitivity": {"allocation": "sensitivity"},
    "lamp": {"allocation": "global", "options": {"adaptive": True}},
    "snip": {"method": "snip", "allocation": "global"},
    "grasp": {"method": "grasp", "allocation": "global"},
    "taylor": {"method": "taylor", "allocation": "global"},
    "fisher": {"method": "fisher", "allocation": "global"},
    "movement": {"method": "movement"},
    "activation": {"method": "activation"},
    "hardware": {"method": "hardware"},
    "threshold": {"method": "threshold"},
    "rigl": {"method": "rigl", "allocation": "erk"},
    "set": {"method": "set", "allocation": "erk"},
    "aligned": {"method": "aligned"},
    "clusters": {"method": "clusters"},
    "digits": {"method": "digits"},
}
"""Name to what of the recipe's section ``prune`` differs; N:M, whose sparsities are others, is in :func:`patterns`."""
PATTERNS = {0.5: (2, 4), 0.75: (1, 4), 0.9: (1, 8), 0.95: (1, 16)}
"""n and m nearest to each level."""
SOFT = {"alpha": 0.7, "temperature": 2}
BASE: Tree = {
    "quantize": {"ranges": "surviving"},
    "compare": [],
    "distill": SOFT,
    "train": {"tensorboard": False, "batch_size": 256, "pretrain_learning_rate": 2e-3, "learning_rate": 4e-3},
}
_CNN = {"filters": [32, 64], "hidden": [128], "batchnorm": True, "dropout": 0.2}
_FASHION: Tree = {
    "data": {"source": "fashion_mnist"},
    "teacher": {"model": "cnn", "options": _CNN, "epochs": 10},
    "student": {"options": {"hidden": [64, 32]}},
    "train": {"pretrain_epochs": 10, "epochs": 8},
}


@dataclass(frozen=True)
class Task:
    """A recipe without its section ``prune``.

    Attributes:
        title: for tables.
        recipe: what differs from :data:`BASE`.
        unlike: layers that N:M leaves alone, whose inputs its groups do not divide.
        widest: largest m of N:M.
    """

    title: str
    recipe: Tree
    unlike: tuple[str, ...] = ()
    widest: int = 16


TASKS = {
    "fashion4": Task("Fashion-MNIST, MLP 64-32, 4 bits", _FASHION | {"quantize": {"preset": "int4"}}),
    "fashion6": Task("Fashion-MNIST, MLP 64-32, 6 bits", _FASHION | {"quantize": {"default": {"kernel": 6, "bias": 6, "activation": 6}}}),
    "ecg": Task(
        "ECG, patients apart, CNN 8-16-16, 4 bits",
        {
            "data": {"source": "ecg"},
            "teacher": {"model": "cnn1d", "options": {"filters": [16, 32], "hidden": [32], "batchnorm": True, "dropout": 0.2}, "epochs": 8},
            "student": {"model": "cnn1d", "options": {"filters": [8, 16], "hidden": [16]}},
            "quantize": {"preset": "int4"},
            "train": {"pretrain_epochs": 8, "epochs": 6, "monitor": "loss"},
        },
        unlike=("conv1",),
        widest=8,
    ),
}
QUICK_METHODS = ("magnitude", "rigl", "n:m")
_QUICK = ["data.limit=600", "teacher.epochs=2", "train.pretrain_epochs=2", "train.epochs=2"]


def section_of(task: str, method: str, level: float) -> Tree:
    """The recipe's section ``prune``."""
    if method != "n:m":
        return {"sparsity": level} | METHODS[method]
    n, m = PATTERNS[level]
    return {"method": "nm", "sparsity": 1 - n / m, "options": {"n": n, "m": m}, "layers": dict.fromkeys(TASKS[task].unlike, 0)}


@cache
def _trainer(task: str) -> Trainer:
    recipe = load_recipe(merged(BASE, TASKS[task].recipe) | {"name": task}, overrides=_QUICK if QUICK else [])
    return Trainer(recipe, RunFolder(FOLDER / task))


def students(task: str, method: str, level: float, distilled: bool) -> list[Path]:
    """Each seed's student, trained; "none" is not pruned."""
    tree = _trainer(task).recipe.to_dict()
    if method != "none":
        tree = tree | {"prune": section_of(task, method, level)}
    trainer, found = _trainer(task).with_recipe(load_recipe(tree)), []
    teacher = trainer.teacher()
    for seed in SEEDS:
        twin = trainer.with_seed(seed)
        found.append(twin.quantized(Variant("student", method != "none", distilled), twin.float_student(), teacher))
    return found


def _told(task: str, folder: Path) -> Tree:
    """What a student reaches on the test split and costs; its split is read once, and what it gives is kept."""

    def make(where: Path) -> None:
        data, model = _trainer(task).dataset, load_model(folder / "model.h5")
        kind, test = data.preprocessing.input_type, data.read_test("benchmark of pruning")
        network, x = lower(model, kind, task), data.preprocessing.apply(test.x)
        logits = integer_logits(network, x)
        board = load_board(BOARD)
        lut = estimate(network, board=board, plan=plan(network, board=board)).total["lut"]
        digits = sum(int(csd_digits(node.kernel.values).sum()) for node in network.weighted)
        told = {"accuracy": float(np.mean(logits.argmax(1) == test.y)), "differing": int(np.sum(logits != logits_of(model, x)))}
        judged = logits_of(model, data.preprocessing.apply(data.validation.x)).argmax(1) == data.validation.y
        told |= {
            "validation": float(np.mean(judged)),
            "nonzeros": int(cost.nonzeros(network).value),
            "digits": digits,
            "ebops": int(cost.ebops(network).value),
        }
        told |= {"bytes": int(cost.model_bytes(network).value), "lut": lut.value, "lut_source": lut.provenance}
        write_json(where / "told.json", told)

    return read_json(RunFolder(FOLDER / task, message=lambda text: None).step("tested", {"student": folder.name}, make) / "told.json")


def methods_of(task: str) -> list[str]:
    """All methods, or the quick ones."""
    return [m for m in (*METHODS, "n:m") if not QUICK or m in QUICK_METHODS]


def asked_of(task: str) -> list[tuple[str, float]]:
    """Method and level of all students of a task; the first is not pruned."""
    possible = [(m, level) for m in methods_of(task) for level in LEVELS if m != "n:m" or PATTERNS[level][1] <= TASKS[task].widest]
    return [("none", 0.0), *possible]


def rows_of(task: str) -> list[Tree]:
    """One row for each method, level and way of training, paired with the student without zeros that trains alike."""
    trained = {(m, level, d): students(task, m, level, d) for m, level in asked_of(task) for d in (False, True)}  # before any test sample
    rows: list[Tree] = []
    for (method, level, distilled), folders in trained.items():
        told = [_told(task, folder) for folder in folders]
        accuracies = [t["accuracy"] for t in told]
        dense = [_told(task, folder)["accuracy"] for folder in trained["none", 0.0, distilled]]
        lost = paired_over_seeds(accuracies, dense)
        row: Tree = {"task": task, "title": TASKS[task].title, "method": method, "level": level, "distilled": distilled}
        row |= {"accuracies": accuracies, "accuracy": float(np.mean(accuracies)), "accuracy_interval": _ends(mean_over_seeds(accuracies))}
        row |= {"over_dense": float(np.mean(accuracies) - np.mean(dense)), "over_dense_interval": _ends(lost)}
        row |= {"validation": float(np.mean([t["validation"] for t in told]))}
        row |= {name: float(np.mean([t[name] for t in told])) for name in ("nonzeros", "digits", "ebops", "bytes")}
        luts = [t["lut"] for t in told if t["lut"] is not None]
        row |= {"lut": float(np.mean(luts)) if luts else None, "lut_source": told[0]["lut_source"]}
        row |= {"differing_logits": sum(t["differing"] for t in told)}
        rows.append(row)
        low, high = (100 * v if v is not None else float("nan") for v in row["over_dense_interval"])
        lut = f"{row['lut']:9,.0f}" if row["lut"] else "        –"
        print(
            f"{TASKS[task].title:40s} {method:22s} {level:4.0%} {'taught' if distilled else 'alone':6s} {100 * row['accuracy']:.2f}"
            f" {100 * row['over_dense']:+.2f} [{low:+.2f}, {high:+.2f}] {row['nonzeros']:7,.0f} weights {row['digits']:7,.0f} digits LUT {lut}",
            flush=True,
        )
    return rows


def _ends(figure: Any) -> list[float | None]:
    return [figure.low, figure.high]


def standings(rows: list[Tree]) -> list[Tree]:
    """Mean points of validation accuracy that a method is over or under ``magnitude`` at the same level and way of training, by level."""
    base = {(r["task"], r["level"], r["distilled"]): r["validation"] for r in rows if r["method"] == "magnitude"}
    found = []
    for method in dict.fromkeys(r["method"] for r in rows if r["method"] != "none"):
        own = [r for r in rows if r["method"] == method]
        by_level = {
            f"{level:g}": 100 * float(np.mean(gains))
            for level in LEVELS
            if (gains := [r["validation"] - base[r["task"], level, r["distilled"]] for r in own if r["level"] == level])
        }
        found.append({"method": method, "over_magnitude": by_level, "mean": float(np.mean([*by_level.values()]))})
    return sorted(found, key=lambda s: -s["mean"])


def picture(rows: list[Tree], recommended: str, path: Path) -> Path:
    """Test accuracy against weights and against digits, a row of panels for each: the recommended method, plain magnitude, and all others; with a
    teacher."""
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    with sheet(path, 5.2 * len(tasks), 8.0) as drawing:
        panels = drawing.subplots(2, len(tasks), squeeze=False)
        for column, task in enumerate(tasks):
            for axes, against, label in zip(
                panels[:, column], ("nonzeros", "digits"), ("weights that are not zero", "adders (signed digits)")
            ):
                own = [r for r in rows if r["task"] == task and r["distilled"]]
                dense = next(r for r in own if r["method"] == "none")
                for method in dict.fromkeys(r["method"] for r in own if r["method"] != "none"):
                    line = [r for r in own if r["method"] == method]
                    colour = {recommended: BLUE, "magnitude": ORANGE}.get(method, GREY)
                    named = method if colour != GREY else None
                    axes.plot(
                        [r[against] for r in line],
                        [100 * r["accuracy"] for r in line],
                        marker="o",
                        markersize=4,
                        color=colour,
                        linewidth=1.8 if named else 0.9,
                        zorder=3 if named else 2,
                        label=named,
                    )
                axes.axhline(100 * dense["accuracy"], color=RED, linestyle="--", linewidth=1.2, label="no zeros")
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                axes.xaxis.set_major_formatter("{x:,g}")
                axes.xaxis.set_minor_formatter("")
                axes.set_ylim(bottom=max(axes.get_ylim()[0], 100 * dense["accuracy"] - SHOWN))
                axes.set_xlabel(label)
                no_grid(axes, "x")
                if against == "nonzeros":
                    axes.set_title(TASKS[task].title.replace(", ", ",\n", 1), fontsize=11)
                if column == 0:
                    axes.set_ylabel("test accuracy, %")
        panels[0][0].legend(fontsize=9)
    return path


def main() -> None:
    asked = tuple(sys.argv[1:])
    tasks = asked or (("ecg",) if QUICK else tuple(TASKS))
    rows = [row for name in tasks for row in rows_of(name)]
    table = standings(rows)
    for entry in table:
        levels = "  ".join(f"{float(level):.0%} {points:+.2f}" for level, points in entry["over_magnitude"].items())
        print(f"validation, points over magnitude: {entry['method']:22s} mean {entry['mean']:+.2f}   {levels}")
    if not asked:
        if not QUICK:
            picture(rows, table[0]["method"], RESULTS / "pruning.png")
        goals = [goal("logits that differ from Keras", 0, sum(r["differing_logits"] for r in rows), "logits", at_most=True)]
        write("pruning", "make bench-pruning", SEEDS, rows, goals, standings=table)


if __name__ == "__main__":
    main()
