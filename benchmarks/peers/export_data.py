"""Our data as one .npz file a task, for peers that live in other environments: our splits, validation samples and preprocessing.

    python -m benchmarks.peers.export_data FOLDER [TASK ...]

Arrays: ``x_train``, ``y_train``, ``x_val``, ``y_val``, ``x_test``, ``y_test``; x is float32 (n, features), exactly on the grid of the network's
input type; y int64. ``about`` is JSON: classes, input type, sizes of the hidden layers, where the data are from, their hash.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.data import Split, load

VALIDATION, SEED = 0.1, 0
"""As in recipes that say nothing: a tenth for validation, and the seed of that split."""
TASKS: dict[str, tuple[str, dict[str, Any], list[int]]] = {
    "magic": ("magic", {}, [32, 16]),
    "drybean": ("drybean", {}, [64, 32, 32]),
    "fashion_mnist": ("fashion_mnist", {}, [64, 32]),
    "mnist": ("mnist", {}, [64, 32]),
    "ecg_beats": ("ecg", {"input": "beats+rr", "split": "beats"}, [64, 32]),
}
"""Task: source, its options, hidden layers."""


def export(task: str, folder: Path) -> Path:
    """Write ``FOLDER/TASK.npz``; returns its path. DataError: the data are not to be had."""
    source, options, hidden = TASKS[task]
    data = load(source, validation=VALIDATION, seed=SEED, options=options)
    test = data.read_test("a peer's measurement")

    def arrays(name: str, split: Split) -> dict[str, np.ndarray]:
        return {f"x_{name}": data.preprocessing.apply(split.x).reshape(len(split), -1), f"y_{name}": split.y}

    about = {
        "task": task,
        "files": [Path(name).name for name in data.source.split(", ")],
        "sha256": data.sha256,
        "classes": list(data.classes),
        "hidden": hidden,
        "input_type": str(data.preprocessing.input_type),
        "notes": list(data.notes),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task}.npz"
    every = arrays("train", data.train) | arrays("val", data.validation) | arrays("test", test)
    np.savez(path, about=json.dumps(about), **every)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(TASKS))
    given = parser.parse_args()
    for task in given.tasks or TASKS:
        print(export(task, given.folder))


if __name__ == "__main__":
    main()
