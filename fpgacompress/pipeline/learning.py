"""The method ``learned`` of a recipe: a front of students with learned bits, and the one the run goes on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..distill import Objective
from ..integer import store
from ..integer.types import FixedType
from ..keras_stack import load_model
from ..lower import lower
from ..metrics import cost
from ..prune import prune
from ..quantize.build import build_student
from ..quantize.learned import learned_twin
from ..quantize.policy import resolve
from ..recipe import LayerBits, PruneSection, QuantizeSection, Recipe
from ..run import write_json
from ..train import TrainingData
from ..train.descent import can_descend
from ..train.front import FrontConfig, Point, learn_front
from ..train.loop import shaped

START = "int8"
AUTO_SWEEPS = 3
"""Sweeps of coordinate descent where a recipe says auto; later ones change little."""


def start_section(section: QuantizeSection, input_type: FixedType) -> QuantizeSection:
    """What the learned bits start from: the recipe's own bits, or 8 where it gives none, and an input quantizer as wide as the data."""
    own = section.preset or section.layers or section.default != LayerBits()
    return section.model_copy(
        update={
            "preset": section.preset if own else START,
            "input": section.input or input_type.width,
            "input_integer": section.input_integer if section.input else input_type.integer - input_type.signed,
            "rounding": "nearest",
        }
    )


def front_config(recipe: Recipe, seed: int, *, chain: bool) -> FrontConfig:
    """Settings of the training, from the sections ``quantize.learned`` and ``train``; ``chain``: whether the network is a chain of dense
    layers."""
    own, train = recipe.quantize.learned, recipe.train
    auto = AUTO_SWEEPS if chain else 0
    return FrontConfig(
        epochs=own.epochs,
        settle_epochs=own.settle_epochs,
        tune_epochs=own.tune_epochs,
        descent_sweeps=auto if own.descent_sweeps == "auto" else own.descent_sweeps,
        points=own.points,
        batch_size=train.batch_size,
        learning_rate=own.learning_rate,
        cycles=own.cycles,
        seed=seed,
        beta=(own.beta_first, own.beta_last),
        target=own.target,
        rounding=recipe.quantize.rounding,
        monitor=train.monitor,
        balanced=train.class_weights == "balanced",
        augment=train.augment,
    )


def twin_of(model: Any, recipe: Recipe, x: np.ndarray, input_type: FixedType) -> Any:
    """The trained float student with learned bits."""
    section = start_section(recipe.quantize, input_type)
    resolve(model.layers, section)  # wrong patterns are found before anything is built
    built = build_student(model, section, shaped(model, x[: section.calibration_samples]))
    own = recipe.quantize.learned
    return learned_twin(built.model, own.granularity, own.inputs, own.one_logit, own.activations)


def pick(points: list[Point], loss: float) -> Point:
    """The cheapest point whose validation accuracy is at most ``loss`` below the best one's."""
    best = max(p.figures["val_accuracy"] for p in points)
    return min((p for p in points if p.figures["val_accuracy"] >= best - loss), key=lambda p: p.cost)


def dominated(points: list[Point]) -> set[str]:
    """Names of points that another one beats: at least as accurate on validation data and no dearer, and one of the two better."""

    def beats(one: Point, other: Point) -> bool:
        more, less = one.figures["val_accuracy"] - other.figures["val_accuracy"], other.cost - one.cost
        return more >= 0 and less >= 0 and (more > 0 or less > 0)

    return {p.folder.name for p in points if any(beats(q, p) for q in points)}


def learned_student(
    model: Any,
    recipe: Recipe,
    data: TrainingData,
    input_type: FixedType,
    where: Path,
    *,
    seed: int,
    objective: Objective | None,
    zeros: PruneSection | None,
    say: Callable[[str], None],
) -> Any:
    """Learn bits and return the student the run goes on with.

    Beside it ``where`` gets ``front.json`` (one row per point, with the counts of its integer network) and ``points/<n>/``
    with ``student.h5`` and ``student.npz``, the form that ``verify`` and ``estimate`` take. ``zeros``: what is pruned beside the bits, or None.
    """
    twin = twin_of(model, recipe, data.x, input_type)
    config = front_config(recipe, seed, chain=can_descend(twin, input_type.width))
    steps = config.epochs * (len(data.x) // min(config.batch_size, len(data.x)))
    pruning = prune(twin, zeros, steps, seed) if zeros is not None else None
    points = learn_front(twin, data, config, where, input_bits=input_type.width, objective=objective, pruning=pruning, progress=say)
    beaten, rows = dominated(points), []
    for point in points:
        network = lower(load_model(point.folder / "student.h5"), input_type, recipe.name)
        store.save(network, point.folder / "student.npz")
        counts = {name: getattr(cost, name)(network).value for name in ("ebops", "bops", "nonzeros", "model_bytes")}
        rows.append(point.to_json() | counts | {"dominated": point.folder.name in beaten})
    chosen = pick(points, recipe.quantize.learned.loss)
    write_json(where / "front.json", {"student": chosen.folder.name, "points": rows})
    shutil.rmtree(where / "kept", ignore_errors=True)
    (where / "ramp.npz").unlink(missing_ok=True)
    say(
        f"    {len(points)} points; the student is {chosen.folder.name}: cost {chosen.cost:.0f}, val accuracy {chosen.figures['val_accuracy']:.4f}"
    )
    return load_model(chosen.folder / "student.h5")
