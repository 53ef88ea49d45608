"""The float models that all measurements of quantization start from, trained once and kept in ``runs/quantization_models``.

model, data = float_model("fashion_mlp", seed=1)
x_test, y_test = data.test("quantization benchmark")     # once, at the end
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress import zoo
from fpgacompress.data import Preprocessing, load
from fpgacompress.keras_stack import load_model, save_model, seed_everything
from fpgacompress.run import RunFolder, write_json
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import Progress

from .common import QUICK

FOLDER = Path(__file__).resolve().parent.parent / "runs" / "quantization_models"
VERSION = 1


@dataclass(frozen=True)
class Task:
    """One data set with a float model and a budget.

    Attributes:
        title: for tables; says which split where there are two.
        source, options: data set, as recipes name it.
        model, settings: float model of the zoo.
        epochs, batch, learning_rate, augment: its training (Adam, cosine; best weights picked on validation data).
        seeds: how many seeds the benchmark runs.
    """

    title: str
    source: str
    model: str
    settings: dict[str, Any]
    epochs: int
    batch: int = 128
    learning_rate: float = 2e-3
    augment: str = "none"
    seeds: int = 3
    options: dict[str, Any] = field(default_factory=dict)


_ECG = {"filters": [8, 16], "hidden": [16], "batchnorm": True, "dropout": 0.1}
TASKS = {
    "fashion_mlp": Task("Fashion-MNIST, MLP 784-128-64-10", "fashion_mnist", "mlp", {"hidden": [128, 64], "dropout": 0.2}, 20),
    "fashion_cnn": Task(
        "Fashion-MNIST, CNN 16-32-64",
        "fashion_mnist",
        "cnn",
        {"filters": [16, 32], "hidden": [64], "batchnorm": True, "dropout": 0.2},
        12,
        augment="flip",
    ),
    "ecg": Task("ECG, CNN 8-16-16, other patients in the test split", "ecg", "cnn1d", _ECG, 15),
    "ecg_beats": Task("ECG, CNN 8-16-16, random split of the beats", "ecg", "cnn1d", _ECG, 15, options={"split": "beats"}),
    "breastmnist": Task(
        "BreastMNIST, CNN 8-16-32",
        "breastmnist",
        "cnn",
        {"filters": [8, 16], "hidden": [32], "dropout": 0.3},
        60,
        batch=32,
        learning_rate=1e-3,
        augment="flip",
        seeds=10,
    ),
}
QUICK_TASKS = ("fashion_mlp", "breastmnist")
"""A dense and a convolutional network."""


@dataclass(frozen=True)
class Data:
    """Preprocessed arrays of a task.

    Attributes:
        x, y: training samples, float32 ``(n, ...)`` on the grid of the input type, and labels.
        x_val, y_val: validation samples, the same.
        preprocessing: gives the input type.
        classes: number of classes.
        sha256: of the raw samples.
        test: reads the test split, given the reason: ``(x, y)``.
    """

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    preprocessing: Preprocessing
    classes: int
    sha256: str
    test: Callable[[str], tuple[np.ndarray, np.ndarray]] = field(repr=False)


@cache
def task_data(name: str) -> Data:
    """The arrays of a task; the split is the same for all seeds."""
    task = TASKS[name]
    source = load(task.source, options=task.options | ({"limit": 600} if QUICK else {}))
    apply, train, held = source.preprocessing.apply, source.train, source.validation

    def test(reason: str) -> tuple[np.ndarray, np.ndarray]:
        split = source.read_test(reason)
        return apply(split.x), split.y

    return Data(apply(train.x), train.y, apply(held.x), held.y, source.preprocessing, len(source.classes), source.sha256 + name, test)


def _say(epoch: int, epochs: int, row: dict[str, float], left: float) -> None:
    print(
        f"    epoch {epoch}/{epochs} loss {row['loss']:.4f} val {row['val_accuracy']:.4f}, {left:.0f} s left", file=sys.stderr, flush=True
    )


def float_model(name: str, seed: int, progress: Progress | None = _say) -> tuple[Any, Data]:
    """The trained float model of a task and seed, and the task's data.

    Args:
        name: key of :data:`TASKS`.
        seed: of initial weights, sample order and augmentation.
        progress: told after every epoch; None: silent.

    Returns:
        An uncompiled tf_keras model ending in logits (fresh from its file), and the arrays.
    """
    task, data = TASKS[name], task_data(name)
    epochs = 2 if QUICK else task.epochs
    inputs = {"version": VERSION, "data": data.sha256, "task": vars(task), "epochs": epochs, "seed": seed}

    def make(where: Path) -> None:
        seed_everything(seed)
        model = zoo.build(task.model, data.x.shape[1:], data.classes, task.settings)
        config = TrainConfig(epochs, task.batch, task.learning_rate, seed=seed, augment=task.augment)
        history = fit(model, TrainingData(data.x, data.y, data.x_val, data.y_val), config, folder=where, progress=progress)
        write_json(where / "history.json", history)
        save_model(model, where / "model.h5")
        (where / "checkpoint.npz").unlink(missing_ok=True)

    folder = RunFolder(FOLDER).step(name, inputs, make, title=f"{task.title}, seed {seed}, {epochs} epochs")
    return load_model(folder / "model.h5"), data


def seeds_of(name: str) -> list[int]:
    """The seeds of a task."""
    return list(range(1, 2 if QUICK else TASKS[name].seeds + 1))
