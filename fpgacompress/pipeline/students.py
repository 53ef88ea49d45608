"""The quantized students of a recipe, each a step of the run folder: what acts in its training, and who teaches it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..distill import asks_teacher
from ..errors import FpgaCompressError
from ..keras_stack import load_model, seed_everything
from ..prune import kernels_of, prune, save_masks
from ..prune.targets import shapes_of, targets
from ..quantize.build import Built, build_student
from ..quantize.progressive import StagedBits
from ..recipe import PruneSection, Recipe
from ..run import write_json
from ..train import TrainingData
from ..train.loop import shaped, steps_of
from .chaining import behind_chain, distill_key, links_of, take_weights
from .distilling import taught
from .learning import learned_student
from .quantizing import RANGES, fresh, post_trained, ranges_of
from .teaching import keep_logits
from .variants import Variant

if TYPE_CHECKING:
    from .training import Trainer

MASKS = "masks.npz"
"""Which weights of a pruned student live, beside its model."""
VERSION = 5
"""Raised when a step's meaning changes, so that old artifacts are not taken for new ones."""


class Students:
    """Makes the quantized variants of one float student.

    Args:
        trainer: recipe, data and run folder.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.recipe, self.seed = trainer, trainer.recipe, trainer.seed

    @property
    def zeros(self) -> PruneSection:
        """How quantized students are pruned: as the recipe says, or by keeping the zeros that the float student has got."""
        return PruneSection(method="fixed") if prunes_float(self.recipe) else self.recipe.prune

    def quantized(self, variant: Variant, base: Path, teacher: Path) -> Path:
        """Make one quantized variant: trained from the float student's weights or from fresh ones, or quantized without training.

        A distilled one is taught by the last model of the recipe's chain, and by its own former generations.
        """
        if not variant.distilled:
            return self._quantized(variant, base, teacher)
        distill = self.recipe.distill
        teacher, start = behind_chain(self.trainer, teacher), None
        keeps = variant.pruned and self.zeros.method == "fixed"  # zeros that are there already are kept with more bits, too
        for bits in (link for link in links_of(self.trainer) if isinstance(link, int)):
            teacher = start = self._quantized(
                replace(variant, name=f"{variant.name}-{bits}bits", pruned=keeps, learned=False), base, teacher, start, bits
            )
        for number in range(1, distill.generations):
            teacher = self._quantized(replace(variant, name=f"{variant.name}-generation{number}"), base, teacher, start, teaches=True)
        return self._quantized(variant, base, teacher, start)

    def _quantized(
        self, variant: Variant, base: Path, teacher: Path, start: Path | None = None, bits: int = 0, teaches: bool = False
    ) -> Path:
        """One training of a quantized variant.

        Args:
            variant: what acts in it.
            base: the float student.
            teacher: folder that teaches.
            start: folder of the same student with more bits, whose weights it starts from.
            bits: no kernel and no activation has fewer.
            teaches: keep its logits, as ``bits`` does.
        """
        recipe, train = self.recipe, self.recipe.train
        inputs = {
            "version": VERSION,
            "base": base.name,
            "train": train.model_dump(mode="json", exclude={"pretrain_epochs", "pretrain_learning_rate", "tensorboard"}),
            "quantize": recipe.quantize.model_dump(mode="json"),
            "seed": self.seed,
            "chain": [start.name if start is not None else None, bits, teaches],
        }
        if variant.pruned:
            inputs["prune"] = recipe.prune.model_dump(mode="json")
        if variant.distilled:
            inputs |= {"distill": distill_key(recipe), "teacher": teacher.name if asks_teacher(recipe.distill) else None}

        def make(where: Path) -> None:
            (x, y, x_val, _), section = self.trainer.arrays, recipe.quantize
            seed_everything(self.seed)
            model = load_model(base / "model.h5")
            if not variant.trained:
                write_json(where / "history.json", [])
                model, ranges = post_trained(model, recipe, x, self.trainer.dataset.preprocessing.input_type)
                write_json(where / RANGES, ranges)
                self.trainer.finish(where, model)
                return
            model = fresh(model) if section.start == "scratch" else model
            if variant.learned:
                model = self._learned(model, where, base, teacher, self.zeros if variant.pruned else None)
            else:
                built = self.built(model, x, pruned=variant.pruned)
                write_json(where / RANGES, ranges_of(built.ranges, built.notes))
                model = built.model
                if start is not None:
                    take_weights(model, load_model(start / "model.h5"))
                if bits:
                    StagedBits(model).set(bits)
                config = self.trainer.config(
                    train.epochs,
                    select_from=self.zeros.end if variant.pruned and self.zeros.method != "fixed" else 0.0,
                    stages=() if bits else tuple(section.stages),
                    noise_warmup=section.noise_warmup,
                    stochastic_rounding=section.stochastic_rounding,
                )
                pruning = prune(model, self.zeros, steps_of(len(x), config), self.seed) if variant.pruned else None
                objective, extras = taught(recipe, model, teacher, x, y, self.seed) if variant.distilled else (None, {})
                self.trainer.fit(variant.name, model, config, where, objective, extras, pruning=pruning)
                if objective is not None:
                    self.trainer.note(where, base, teacher, objective)
                if pruning is not None:
                    save_masks(where / MASKS, pruning.alive())
            if bits or teaches:
                keep_logits(model, where, x, x_val)
            self.trainer.finish(where, model)

        epochs = recipe.quantize.learned.epochs if variant.learned else train.epochs
        effort = f"{epochs} epochs" if variant.trained else "without training"
        wide = f" with at least {bits} bits" if bits else ""
        return self.trainer.folder.step(variant.name, inputs, make, title=f"{variant.label}{wide}, {effort}{self.trainer.seed_note}")

    def _learned(self, model: Any, where: Path, base: Path, teacher: Path, zeros: PruneSection | None) -> Any:
        """The student of the method learned, picked from a front that stays in the artifact."""
        x, y, x_val, y_val = self.trainer.arrays
        objective, extras = taught(self.recipe, model, teacher, x, y, self.seed)
        data = TrainingData(x, y, x_val, y_val, extras)
        student = learned_student(
            model,
            self.recipe,
            data,
            self.trainer.dataset.preprocessing.input_type,
            where,
            seed=self.seed,
            objective=objective,
            zeros=zeros,
            say=self.trainer.folder.message,
        )
        self.trainer.note(where, base, teacher, objective)
        if zeros is not None:  # weights that learned to have no bits included
            save_masks(where / MASKS, {name: kernel.numpy() != 0 for name, kernel in kernels_of(student).items()})
        return student

    def built(self, model: Any, x: np.ndarray, *, pruned: bool) -> Built:
        """The QKeras twin of a float student, and how its ranges were fitted on the first training samples."""
        zeros: dict[str, float] = {}
        if pruned:
            section, shapes = self.recipe.prune, shapes_of(kernels_of(model))
            try:
                zeros = targets(section, shapes)
            except FpgaCompressError as error:
                raise prune_error(self.recipe, error) from error
        samples = shaped(model, x[: self.recipe.quantize.calibration_samples])
        try:
            return build_student(model, self.recipe.quantize, samples, zeros)
        except FpgaCompressError as error:
            if error.received.startswith("quantize.layers"):
                raise self.recipe.error(
                    "quantize.layers", error.received.removeprefix("quantize.layers: "), expected=error.expected, do=error.do
                ) from error
            raise


def prunes_float(recipe: Recipe) -> bool:
    """Whether the float student is pruned in its training."""
    return bool(recipe.prune.float_student and recipe.train.pretrain_epochs and any((recipe.prune.sparsity, *recipe.prune.layers.values())))


def prune_error(recipe: Recipe, error: FpgaCompressError) -> FpgaCompressError:
    """The error of a pruning method as one of the recipe's section."""
    field, _, rest = error.received.partition(": ")
    known = field.startswith("prune") and " " not in field
    return recipe.error(field if known else "prune", rest if known else error.received, expected=error.expected, do=error.do)
