"""LeNet-300-100 on MNIST, nearly all of it zeros: published sparse trainings' own network, at 4 bits and in float.

Three seeds. All settings were chosen on validation data; the test split is read once for each student, behind all trainings. Size is that of
the integer network with each layer in its smallest packing, positions of the weights and biases included, and every packed layer is
unpacked and compared.

    make bench-pruning-lenet
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.integer import run
from fpgacompress.keras_stack import load_model
from fpgacompress.lower import lower
from fpgacompress.metrics import cost
from fpgacompress.metrics.statistics import mean_over_seeds
from fpgacompress.pipeline.training import Trainer
from fpgacompress.pipeline.variants import Variant
from fpgacompress.recipe import load_recipe
from fpgacompress.run import RunFolder
from fpgacompress.train import logits_of

from .common import QUICK, goal, merged, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("pruning-lenet-quick" if QUICK else "pruning-lenet")
SEEDS = [1] if QUICK else [1, 2, 3]
Tree = dict[str, Any]
RECIPE: Tree = {
    "name": "lenet-300-100",
    "data": {"source": "mnist"} | ({"limit": 600} if QUICK else {}),
    "teacher": {
        "model": "cnn",
        "options": {"filters": [32, 64], "hidden": [128], "batchnorm": True, "dropout": 0.3},
        "epochs": 2 if QUICK else 16,
    },
    "student": {"options": {"hidden": [300, 100]}},
    "quantize": {"preset": "int4", "ranges": "surviving", "default": {"bias": 8}},
    "prune": {"allocation": "global", "end": 0.6, "options": {"adaptive": True}, "float_student": True},
    "distill": {"alpha": 0.9, "temperature": 4, "float_student": True},
    "compare": [],
    "train": {
        "tensorboard": False,
        "pretrain_epochs": 2 if QUICK else 60,
        "pretrain_learning_rate": 2e-3,
        "epochs": 2 if QUICK else 30,
        "learning_rate": 2e-3,
    },
}
STUDENTS: dict[str, Tree] = {
    "98 % zeros, 4 bits": {"prune": {"sparsity": 0.98}},
    "98.5 % zeros, 4 bits": {"prune": {"sparsity": 0.985}},
}


def trained(name: str, seeds: list[int]) -> tuple[Trainer, list[Path]]:
    """The students of one row."""
    trainer = Trainer(load_recipe(merged(RECIPE, STUDENTS[name])), RunFolder(FOLDER))
    teacher, found = trainer.teacher(), []
    for seed in seeds:
        twin = trainer.with_seed(seed)
        found.append(twin.quantized(Variant("student", True, True), twin.float_student(), teacher))
    return trainer, found


def row_of(name: str) -> Tree:
    """Errors and sizes over the seeds."""
    trainer, folders = trained(name, SEEDS)
    data = trainer.dataset
    kind, test = data.preprocessing.input_type, data.read_test("benchmark of LeNet-300-100")
    x = data.preprocessing.apply(test.x)
    row: Tree = {"student": name, "recipe": STUDENTS[name], "errors": [], "nonzeros": [], "bytes": [], "packings": [], "differing": 0}
    for folder in folders:
        model = load_model(folder / "model.h5")
        network = lower(model, kind, "lenet")
        integers = [run(network, kind.exactly(x[i : i + 1000]).reshape(-1, *network.input.shape)) for i in range(0, len(x), 1000)]
        logits = network.output.out.to_float(np.concatenate(integers))
        size = cost.model_bytes(network)
        row["errors"].append(float(np.mean(logits.argmax(1) != test.y)))
        row["nonzeros"].append(int(cost.nonzeros(network).value))
        row["bytes"].append(int(size.value))
        row["packings"].append(size.provenance)
        row["differing"] += int(np.sum(logits != logits_of(model, x)))
    row |= {"error": mean_over_seeds(row["errors"]).value, "weights": int(cost.parameters(network).value)}
    print(
        f"{name:24s} error {[f'{e:.2%}' for e in row['errors']]} non-zeros {row['nonzeros']} bytes {row['bytes']} differing {row['differing']}"
    )
    return row


def main() -> None:
    rows = [row_of(name) for name in STUDENTS]
    by_name = {r["student"]: r for r in rows}
    sparse, small = by_name["98 % zeros, 4 bits"], by_name["98.5 % zeros, 4 bits"]
    goals = [
        goal("98 % zeros: test error, mean of seeds", 1.9, 100 * sparse["error"], "%", at_most=True),
        goal("98.5 % zeros at 4 bits: test error, mean of seeds", 1.9, 100 * small["error"], "%", at_most=True),
        goal("98.5 % zeros at 4 bits: bytes, largest of seeds", 6144, max(small["bytes"]), "bytes", at_most=True),
        goal("logits that differ from Keras", 0, sum(r["differing"] for r in rows), "logits", at_most=True),
    ]
    if len(sys.argv) == 1:
        write("pruning_lenet", "make bench-pruning-lenet", SEEDS, rows, goals)


if __name__ == "__main__":
    main()
