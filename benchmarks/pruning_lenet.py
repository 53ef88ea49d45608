"""LeNet-300-100 on MNIST, nearly all of it zeros: published sparse trainings' own network, at 4 bits and in float.

Three seeds. All settings were chosen on validation data; the test split is read once for each student, behind all trainings. Size is that of
the integer network with each layer in its smallest packing, positions of the weights and biases included.

    make bench-pruning-lenet
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.keras_stack import load_model
from fpgacompress.lower import lower
from fpgacompress.metrics import cost
from fpgacompress.metrics.statistics import mean_over_seeds
from fpgacompress.pipeline.training import Trainer
from fpgacompress.pipeline.variants import Variant
from fpgacompress.recipe import load_recipe
from fpgacompress.run import RunFolder
from fpgacompress.train import logits_of

from .common import QUICK, goal, integer_logits, merged, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("pruning-lenet-quick" if QUICK else "pruning-lenet")
SEEDS = [1] if QUICK else [1, 2, 3]
Tree = dict[str, Any]
RECIPE: Tree = {
    "name": "lenet-300-100",
    "data": {"source": "fashion_mnist", "limit": 600} if QUICK else {"source": "mnist"},  # the quick form takes what is in the package
    "teacher": {
        "model": "cnn",
        "options": {"filters": [32, 64], "hidden": [128], "batchnorm": True, "dropout": 0.3},
        "epochs": 2 if QUICK else 16,
    },
    "student": {"options": {"hidden": [300, 100]}},
    "quantize": {"preset": "int4", "ranges": "mse", "scales": "channel", "default": {"bias": 8}},
    "prune": {"method": "taylor", "allocation": "global", "end": 0.35, "float_student": True},
    "distill": {"alpha": 1.0, "temperature": 2, "float_student": True},
    "compare": [],
    "train": {
        "tensorboard": False,
        "augment": "shift",
        "augment_until": 0.75,
        "pretrain_epochs": 2 if QUICK else 140,
        "pretrain_learning_rate": 2e-3,
        "epochs": 2 if QUICK else 60,
        "learning_rate": 1e-3,
    },
}
STUDENTS: dict[str, Tree] = {
    "98 % zeros, 4 bits": {"prune": {"sparsity": 0.98}},
    "98.5 % zeros, 4 bits": {"prune": {"sparsity": 0.985}},
}


def trained(name: str, seeds: list[int]) -> tuple[Trainer, list[tuple[Path, Path]]]:
    """The float and the quantized student of each seed of one row."""
    trainer = Trainer(load_recipe(merged(RECIPE, STUDENTS[name])), RunFolder(FOLDER))
    teacher, found = trainer.teacher(), []
    for seed in seeds:
        twin = trainer.with_seed(seed)
        base = twin.float_student()
        found.append((base, twin.quantized(Variant("student", True, True), base, teacher)))
    return trainer, found


def row_of(name: str, trainer: Trainer, folders: list[tuple[Path, Path]]) -> Tree:
    """Errors and sizes over the seeds."""
    data = trainer.dataset
    kind, test = data.preprocessing.input_type, data.read_test("benchmark of LeNet-300-100")
    x = data.preprocessing.apply(test.x)
    row: Tree = {"student": name, "recipe": STUDENTS[name], "differing": 0}
    row |= {key: [] for key in ("float_errors", "errors", "zeros", "nonzeros", "bytes", "packings")}
    for base, folder in folders:
        model = load_model(folder / "model.h5")
        network = lower(model, kind, "lenet")
        logits = integer_logits(network, x)
        size = cost.model_bytes(network)
        row["float_errors"].append(float(np.mean(logits_of(load_model(base / "model.h5"), x).argmax(1) != test.y)))
        row["zeros"].append(cost.sparsity(network).value)
        row["errors"].append(float(np.mean(logits.argmax(1) != test.y)))
        row["nonzeros"].append(int(cost.nonzeros(network).value))
        row["bytes"].append(int(size.value))
        row["packings"].append(size.provenance)
        row["differing"] += int(np.sum(logits != logits_of(model, x)))
    mean = mean_over_seeds(row["errors"])
    row |= {
        "error": mean.value,
        "error_interval": [mean.low, mean.high],
        "float_error": float(np.mean(row["float_errors"])),
        "weights": int(cost.parameters(network).value),
    }
    print(
        f"{name:24s} float error {[f'{e:.2%}' for e in row['float_errors']]} zeros {[f'{z:.4f}' for z in row['zeros']]}"
        f" error {[f'{e:.2%}' for e in row['errors']]} non-zeros {row['nonzeros']} bytes {row['bytes']} differing {row['differing']}"
    )
    return row


def main() -> None:
    found = {name: trained(name, SEEDS) for name in STUDENTS}  # all trainings before any test sample is read
    rows = [row_of(name, *told) for name, told in found.items()]
    by_name = {r["student"]: r for r in rows}
    sparse, small = by_name["98 % zeros, 4 bits"], by_name["98.5 % zeros, 4 bits"]
    goals = [
        goal("98 % zeros, float: test error, mean of seeds", 1.9, 100 * sparse["float_error"], "%", at_most=True),
        goal("98 % zeros at 4 bits: test error, mean of seeds", 1.9, 100 * sparse["error"], "%", at_most=True),
        goal("98.5 % zeros at 4 bits: test error, mean of seeds", 1.9, 100 * small["error"], "%", at_most=True),
        goal("98.5 % zeros: least zeros of the quantized weights", 98.5, 100 * min(small["zeros"]), "%"),
        goal("98.5 % zeros at 4 bits: bytes, largest of seeds", 6144, max(small["bytes"]), "bytes", at_most=True),
        goal("logits that differ from Keras", 0, sum(r["differing"] for r in rows), "logits", at_most=True),
    ]
    if len(sys.argv) == 1:
        write("pruning_lenet", "make bench-pruning-lenet", SEEDS, rows, goals)


if __name__ == "__main__":
    main()
