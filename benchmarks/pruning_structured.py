"""Channels taken out of a CNN: how much faster it really is, and what it loses, on Fashion-MNIST and MNIST.

Three seeds. Each network trains for 10 epochs, loses 112 of its 272 channels and neurons (41 %), and trains on for 40 under its former self, so that
what is lost is what is left of the surgery behind longer training; accuracies are those of the test split, read once at the end of all trainings. Time is that of one sample and of a batch through TensorFlow on one thread, the whole network and the smaller one in
turn in one process, the least of several rounds.

    make bench-pruning-structured
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.keras_stack import load, load_model
from fpgacompress.metrics.statistics import paired_over_seeds
from fpgacompress.pipeline.results import float_macs
from fpgacompress.pipeline.training import Trainer
from fpgacompress.recipe import load_recipe
from fpgacompress.run import RunFolder
from fpgacompress.train import logits_of

from .common import QUICK, goal, merged, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("pruning-structured-quick" if QUICK else "pruning-structured")
SEEDS = [1] if QUICK else [1, 2, 3]
DATA = {"fashion_mnist": "Fashion-MNIST"} | ({} if QUICK else {"mnist": "MNIST"})
AUGMENT = {"fashion_mnist": "flip", "mnist": "none"}
BATCH, ROUNDS = 100, 3 if QUICK else 30
Tree = dict[str, Any]
RECIPE: Tree = {
    "student": {"model": "cnn", "options": {"filters": [48, 96], "hidden": [128], "batchnorm": True, "dropout": 0.2}},
    "shrink": {
        "share": 0.375,
        "layers": {"conv1": 0.6667, "conv2": 0.3333},  # 112 of 272 channels altogether, and widths that fill vector units
        "score": "taylor",
        "align": 16,
        "taught": True,
        "epochs": 1 if QUICK else 40,
    },
    "distill": {"alpha": 1.0, "temperature": 2},
    "train": {"tensorboard": False, "augment_until": 0.8, "pretrain_epochs": 1 if QUICK else 10, "pretrain_learning_rate": 2e-3},
}


def pair_of(data: str, seed: int) -> tuple[Trainer, Path, Path]:
    """The whole network and the smaller one of a seed."""
    source: Tree = {"source": data} | ({"limit": 600} if QUICK else {})
    recipe = load_recipe(merged(RECIPE, {"name": f"structured-{data}", "data": source, "train": {"augment": AUGMENT[data]}}))
    trainer = Trainer(recipe, RunFolder(FOLDER / data)).with_seed(seed)
    whole = trainer.with_recipe(recipe.model_copy(update={"shrink": type(recipe.shrink)()})).float_student()
    return trainer, whole, trainer.float_student()


def seconds_of(paths: list[str], samples: int) -> list[float]:
    """Least seconds of a call with so many samples, the models in turn."""
    tf = load().tf
    models = [load_model(p) for p in paths]
    x = tf.constant(np.random.default_rng(0).uniform(0, 1, (samples, *models[0].input_shape[1:])).astype(np.float32))
    calls = [tf.function(lambda v, m=m: m(v, training=False)) for m in models]
    best = [np.inf] * len(models)
    for _ in range(ROUNDS + 1):
        for i, call in enumerate(calls):
            call(x)
            started = time.perf_counter()
            for _ in range(max(1, 200 // samples)):
                call(x)
            best[i] = min(best[i], (time.perf_counter() - started) / max(1, 200 // samples))
    return best


def timed(paths: list[Path], samples: int) -> list[float]:
    """:func:`seconds_of` in a process of its own with one thread."""
    code = (
        "import tensorflow as tf; tf.config.threading.set_intra_op_parallelism_threads(1); "
        "tf.config.threading.set_inter_op_parallelism_threads(1); "
        f"from benchmarks.pruning_structured import seconds_of; print(*seconds_of({[str(p) for p in paths]!r}, {samples}))"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    return [float(v) for v in done.stdout.split()[-len(paths) :]]


def main() -> None:
    found = {data: [pair_of(data, seed) for seed in SEEDS] for data in DATA}  # all trainings before any test sample is read
    rows = []
    for data, pairs in found.items():
        dataset = pairs[0][0].dataset
        test = dataset.read_test("benchmark of structured pruning")
        x = dataset.preprocessing.apply(test.x)
        accuracies = [[float(np.mean(logits_of(load_model(p / "model.h5"), x).argmax(1) == test.y)) for p in pair[1:]] for pair in pairs]
        whole, smaller = pairs[0][1] / "model.h5", pairs[0][2] / "model.h5"
        models = [load_model(p) for p in (whole, smaller)]
        loss = paired_over_seeds([100 * b for _, b in accuracies], [100 * a for a, _ in accuracies], unit="points")
        row: Tree = {"data": data, "whole": [a for a, _ in accuracies], "smaller": [b for _, b in accuracies]}
        row |= {"gain": float(np.mean([100 * (b - a) for a, b in accuracies])), "gain_interval": [loss.low, loss.high]}
        row |= {"parameters": [int(m.count_params()) for m in models], "macs": [float_macs(m) for m in models]}
        for name, samples in (("batch", BATCH), ("sample", 1)):
            times = timed([whole, smaller], samples)
            row |= {f"seconds_{name}": times, f"speed_{name}": times[0] / times[1]}
        rows.append(row)
        print(
            f"{DATA[data]:14s} {np.mean(row['whole']):.4f} to {np.mean(row['smaller']):.4f} ({row['gain']:+.2f} points), parameters"
            f" {row['parameters'][0]:,} to {row['parameters'][1]:,}, {row['macs'][0] / row['macs'][1]:.2f} times fewer MACs, faster"
            f" {row['speed_batch']:.2f} times ({BATCH} samples), {row['speed_sample']:.2f} (one)",
            flush=True,
        )
    goals = [g for r in rows for g in (_speed(r), _loss(r))]
    write("pruning_structured", "make bench-pruning-structured", SEEDS, rows, goals)


def _speed(row: Tree) -> Tree:
    return goal(f"{DATA[row['data']]}: times faster on one thread, {BATCH} samples", 2.0, row["speed_batch"], "times")


def _loss(row: Tree) -> Tree:
    return goal(f"{DATA[row['data']]}: points lost", 0.3, -row["gain"], "points", at_most=True)


if __name__ == "__main__":
    main()
