"""Lottery tickets: train, prune, rewind, and again (Frankle and Carbin, arXiv:1803.03635; rewinding to early weights: arXiv:1903.01611)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, FpgaCompressError
from ..figures import Figure
from ..keras_stack import load_model, save_model, seed_everything
from ..metrics.statistics import mean_over_seeds, paired_over_seeds
from ..prune import Held, kernels_of, read_masks, save_masks
from ..prune.held import largest
from ..prune.schedules import Schedule
from ..prune.targets import kept, shapes_of, targets
from ..recipe import Recipe, load_recipe
from ..run import RunFolder
from .students import MASKS, prune_error
from .training import Trainer, history_of

VERSION = 1
START = "start.h5"
"""The weights that tickets are rewound to, beside the dense model."""


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Attributes:
        rounds: how often weights are taken away.
        share: of the living weights that go in each round.
        rewind: epochs of the dense training behind which its weights are the tickets' start; 0: as they were drawn.
        seeds: each with weights and sample order of its own; empty: the recipe's.
        epochs: of each training; None: the recipe's ``train.pretrain_epochs``.
        tolerance: accuracy (fraction) by which a winning ticket may be below the dense network.
    """

    rounds: int = 10
    share: float = 0.2
    rewind: int = 0
    seeds: tuple[int, ...] = ()
    epochs: int | None = None
    tolerance: float = 0.002

    def check(self, epochs: int) -> None:
        """Refuse what makes no sense; ``epochs`` of a training.

        Raises:
            DataError: what, and what is expected.
        """
        for name, right, expected in (
            ("rounds", self.rounds >= 1, "at least 1"),
            ("share", 0 < self.share < 1, "above 0 and below 1"),
            ("rewind", 0 <= self.rewind < epochs, f"at least 0 and below the {epochs} epochs of a training"),
            ("seeds", all(seed >= 0 for seed in self.seeds), "whole numbers of at least 0"),
            ("tolerance", self.tolerance >= 0, "at least 0"),
        ):
            if not right:
                value = getattr(self, name)
                raise DataError(f"--{name} {value if isinstance(value, tuple) else format(value, 'g')}", expected=expected)
        if epochs < 1:
            raise DataError(f"--epochs {epochs}", expected="at least 1")


def draw(recipe: Recipe | str | Path | dict[str, Any], plan: Plan, folder: RunFolder) -> dict[str, Any]:
    """Look for winning tickets of the recipe's float student; nothing reads the test split.

    In each round the smallest of the living weights go (of each layer, or of the network, as ``prune.allocation`` says, uniform or global;
    ``prune.layers`` with 0 leaves a layer alone, and nothing else of the section matters), the others are rewound and trained again. The control has the same masks and newly drawn weights.

    Returns:
        ``{"recipe", "run_dir", "plan", "seeds", "validation_samples", "weights", "dense", "rounds", "winner"}``: accuracies are figures
        (fractions, mean over seeds); each round has "round", "left" (share of the weights), "ticket", "control", "loss" (ticket minus dense,
        points), "gain" (ticket minus control, points), "artifacts" and "controls" by seed. ``winner`` is the last round whose ticket is at most
        ``tolerance`` below the dense network, or None.

    Raises:
        DataError: a plan that makes no sense.
        RecipeError: a student from a file, which has no weights to draw anew, or ``prune`` asks for what a lottery does not do.
        FpgaCompressError: as :func:`fpgacompress.pipeline.compress`.
        Interrupted: Ctrl-C; everything up to the last full epoch is in the folder.
    """
    recipe = load_recipe(recipe)
    epochs = recipe.train.pretrain_epochs if plan.epochs is None else plan.epochs
    plan.check(epochs)
    seeds = list(dict.fromkeys(plan.seeds or (recipe.seed,)))
    with folder.lock():
        trainer = Trainer(recipe, folder)
        folder.message(f"{recipe.name}: run folder {folder.folder}")
        if recipe.student.file:
            raise recipe.error("student.file", f"'{recipe.student.file}', whose weights cannot be drawn anew", expected="a student by name")
        shapes = shapes_of(kernels_of(trainer.sample_student()))
        try:
            pruned_layers(recipe, shapes)
        except FpgaCompressError as error:
            raise prune_error(recipe, error) from error
        drawn = [_Draw(trainer.with_seed(seed), plan, epochs).all() for seed in seeds]
    y = trainer.dataset.validation.y
    dense = [accuracies[0][0] for accuracies, _, _ in drawn]
    rows = []
    for number in range(1, plan.rounds + 1):
        ticket, control = ([found[0][number][i] for found in drawn] for i in (0, 1))
        rows.append(
            {
                "round": number,
                "left": drawn[0][1][number],
                "ticket": mean_over_seeds(ticket, "fraction"),
                "control": mean_over_seeds(control, "fraction"),
                "loss": _points(ticket, dense),
                "gain": _points(ticket, control),
                "artifacts": {seed: str(found[2][number][0]) for seed, found in zip(seeds, drawn)},
                "controls": {seed: str(found[2][number][1]) for seed, found in zip(seeds, drawn)},
            }
        )
    winners = [r for r in rows if np.mean(dense) - r["ticket"].value <= plan.tolerance]
    return {
        "recipe": recipe.name,
        "run_dir": str(folder.folder),
        "plan": vars(plan),
        "seeds": seeds,
        "epochs": epochs,
        "validation_samples": len(y),
        "weights": int(sum(np.prod(s) for s in shapes.values())),
        "dense": {"accuracy": mean_over_seeds(dense, "fraction"), "artifacts": {s: str(f[2][0][0]) for s, f in zip(seeds, drawn)}},
        "rounds": rows,
        "winner": winners[-1] if winners else None,
    }


def pruned_layers(recipe: Recipe, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Names of the layers that lose weights: all but those with 0 under ``prune.layers``.

    Raises:
        ModelError: a pattern that matches no layer, or another allocation than uniform and global.
    """
    section = recipe.prune.model_copy(update={"sparsity": 0.5, "layers": {n: 0.5 if v else 0.0 for n, v in recipe.prune.layers.items()}})
    if section.allocation == "global":
        section = section.model_copy(update={"layers": {n: v for n, v in section.layers.items() if not v}})
    return list(targets(section, shapes, ("uniform", "global")))


def _points(ones: list[float], others: list[float]) -> Figure:
    if len(ones) < 2:
        return Figure(100 * (ones[0] - others[0]), "points", stage="trained", provenance="measured, one seed")
    return paired_over_seeds([100 * v for v in ones], [100 * v for v in others], unit="points")


def keep_winner(told: dict[str, Any], target: Path) -> list[Path]:
    """Copy the winning ticket of the first seed: ``ticket.h5`` (trained), ``start.h5`` (rewound, its zeros in place) and ``masks.npz``.

    With ``student: {file: start.h5}`` (or ``ticket.h5``) and ``prune: {method: fixed}`` a recipe trains it on, quantized.
    """
    if told["winner"] is None:
        return []
    seed = told["seeds"][0]
    source, dense = Path(told["winner"]["artifacts"][seed]), Path(told["dense"]["artifacts"][seed])
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "model.h5", target / "ticket.h5")
    shutil.copyfile(source / MASKS, target / MASKS)
    start = load_model(dense / START)
    for name, mask in read_masks(source / MASKS).items():
        kernel = start.get_layer(name).kernel
        kernel.assign(kernel * mask)
    save_model(start, target / START)
    return [target / "ticket.h5", target / START, target / MASKS]


class _Draw:
    """All trainings of one seed."""

    def __init__(self, trainer: Trainer, plan: Plan, epochs: int) -> None:
        self.trainer, self.plan, self.epochs, self.recipe = trainer, plan, epochs, trainer.recipe
        shapes = shapes_of(kernels_of(trainer.sample_student()))
        self.names = pruned_layers(self.recipe, shapes)
        self.sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
        train = self.recipe.train.model_dump(mode="json", exclude={"epochs", "learning_rate", "tensorboard", "pretrain_epochs"})
        self.key = {
            "version": VERSION,
            **trainer.data_key,
            "student": self.recipe.student.model_dump(mode="json"),
            "seed": trainer.seed,
            "epochs": epochs,
            "train": train,
        }

    def all(self) -> tuple[list[tuple[float, float]], list[float], list[tuple[Path, Path]]]:
        """Validation accuracies (ticket, control), shares of the weights that are left, and folders, of the dense network and each round."""
        dense = self._step("dense", {"rewind": self.plan.rewind}, self._fresh(0), None, keep=self.plan.rewind)
        accuracies, left, folders = [(_best(dense), _best(dense))], [1.0], [(dense, dense)]
        masks = {name: np.ones(load_model(dense / "model.h5").get_layer(name).kernel.shape, bool) for name in self.names}
        for number in range(1, self.plan.rounds + 1):
            before = folders[-1][0]
            masks = self._masks(before, masks, number)
            key = {"from": before.name, "share": self.plan.share, "prune": [self.recipe.prune.allocation, self.names]}
            ticket = self._step(f"ticket{number}", key, lambda: load_model(dense / START), masks)
            control = self._step(f"control{number}", key, self._fresh(1000), masks)
            accuracies.append((_best(ticket), _best(control)))
            zeros = sum(int((~m).sum()) for m in masks.values())
            left.append(1 - zeros / sum(self.sizes.values()))
            folders.append((ticket, control))
        return accuracies, left, folders

    def _fresh(self, more: int) -> Callable[[], Any]:
        def make() -> Any:
            seed_everything(self.trainer.seed + more)
            return self.trainer.sample_student()

        return make

    def _masks(self, folder: Path, masks: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
        """The masks of a round: the largest of the weights that live."""
        model = load_model(folder / "model.h5")
        scores = {n: np.where(m, np.abs(model.get_layer(n).kernel.numpy()), -1.0) for n, m in masks.items()}
        sparsity = 1 - (1 - self.plan.share) ** number
        if self.recipe.prune.allocation != "global":
            return {n: largest(s, kept(s.size, sparsity)) for n, s in scores.items()}
        whole = largest(np.concatenate([np.ravel(s) for s in scores.values()]), kept(sum(s.size for s in scores.values()), sparsity))
        parts = np.split(whole, np.cumsum([s.size for s in scores.values()])[:-1])
        return {n: part.reshape(scores[n].shape) for n, part in zip(scores, parts)}

    def _step(
        self, name: str, more: dict[str, Any], make_model: Callable[[], Any], masks: dict[str, np.ndarray] | None, keep: int | None = None
    ) -> Path:
        trainer = self.trainer

        def make(where: Path) -> None:
            model = make_model()
            if keep == 0:
                save_model(model, where / START)
            settings = {"learning_rate": self.recipe.train.pretrain_learning_rate}
            pruning = None
            if masks is not None:
                kernels = kernels_of(model)
                pruning = Held(kernels, Schedule((0,), (0.0,)), dict.fromkeys(masks, 0.0), lambda moment: masks)

            def watch(epoch: int) -> None:
                if keep and epoch == keep:
                    save_model(model, where / START)

            trainer.fit(name, model, trainer.config(self.epochs, **settings), where, pruning=pruning, watch=watch)
            if pruning is not None:
                save_masks(where / MASKS, pruning.alive())
            trainer.finish(where, model)

        return trainer.folder.step(name, self.key | more, make, title=f"{self.epochs} epochs{trainer.seed_note}")


def _best(folder: Path) -> float:
    return max(row["val_accuracy"] for row in history_of(folder))
