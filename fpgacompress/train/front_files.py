"""What a front's training leaves in its folder: the checkpoint of the ramp, the models kept, the points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import checkpoint
from .front_rules import Kept


@dataclass(frozen=True)
class Point:
    """One student of a front.

    Attributes:
        folder: holds ``student.h5`` (QKeras).
        epoch: of the ramp it comes from.
        cost: of the differentiable cost function.
        figures: of the student itself on validation data: val_loss, val_accuracy, val_macro_f1.
        ramp_accuracy: validation accuracy before tuning.
        seconds: of the tuning.
    """

    folder: Path
    epoch: int
    cost: float
    figures: dict[str, float]
    ramp_accuracy: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values; the folder by its name."""
        return {
            "name": self.folder.name,
            "epoch": self.epoch,
            "cost": self.cost,
            **self.figures,
            "ramp_accuracy": self.ramp_accuracy,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, tree: dict[str, Any], folder: Path) -> Point:
        """The point written to ``folder``."""
        figures = {k: v for k, v in tree.items() if k.startswith("val_")}
        return cls(folder, tree["epoch"], tree["cost"], figures, tree["ramp_accuracy"], tree["seconds"])


def restored(path: Path, folder: Path, variables: list[Any]) -> tuple[dict[int, Kept], list[dict[str, float]]]:
    """Models kept so far and rows of the epochs, with the variables set as they were; nothing where there is no checkpoint."""
    found = checkpoint.restore(path, variables)
    if not found:
        return {}, []
    kept = {}
    for mark, (epoch, row) in found[1]["kept"].items():
        with np.load(folder / f"{mark}.npz") as file:
            kept[int(mark)] = Kept(epoch, row["cost"], row, [file[f"w{i}"] for i in range(len(file.files))])
    return kept, found[1]["history"]


def save(path: Path, folder: Path, kept: dict[int, Kept], changed: set[int], history: list[dict[str, float]], variables: list[Any]) -> None:
    """Write what :func:`restored` reads; of the models kept only those ``changed``."""
    folder.mkdir(parents=True, exist_ok=True)
    for mark in changed:
        partial = folder / f"{mark}.part.npz"
        np.savez(partial, **{f"w{i}": w for i, w in enumerate(kept[mark].weights)})
        partial.replace(folder / f"{mark}.npz")
    checkpoint.save(path, variables, None, {"history": history, "kept": {m: (k.epoch, k.row) for m, k in kept.items()}})
