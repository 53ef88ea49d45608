"""Steps that train: teacher, float student, and the quantized variants that start from it."""

from __future__ import annotations

import copy
import shutil
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from .. import distill as distillation
from .. import prune as pruning
from .. import zoo
from ..data import Dataset, load
from ..errors import DataError, FpgaCompressError
from ..keras_stack import load_model, save_model, seed_everything
from ..prune.masks import strip
from ..quantize.build import Built, build_student
from ..quantize.learned import Ebops
from ..quantize.policy import value_of
from ..recipe import Recipe
from ..run import RunFolder, file_digest, read_json, write_json
from ..train import TrainConfig, TrainingData, fit, logits_of
from ..train.loop import shaped, steps_of
from ..zoo.files import from_file
from .distilling import NOTES, notes, taught, wanted
from .learning import learned_student, twin_of
from .quantizing import RANGES, check_request, fresh, post_trained, ranges_of
from .variants import Variant

VERSION = 2
"""Raised when a step's meaning changes, so that old artifacts are not taken for new ones."""


def read_data(recipe: Recipe, data_dir: str | Path | None = None) -> Dataset:
    """The recipe's data set; ``data_dir`` is a folder to search instead of the recipe's own."""
    section = recipe.data
    options = dict(section.options) | ({"limit": section.limit} if section.limit else {})
    validation = section.validation if section.validation < 1 else int(section.validation)
    return load(section.source, validation=validation, seed=recipe.seed, data_dir=data_dir or section.data_dir, options=options)


class Trainer:
    """Trains what a recipe asks for, each model a step of the run folder.

    Args:
        recipe: the recipe.
        folder: where artifacts go.
    """

    def __init__(self, recipe: Recipe, folder: RunFolder) -> None:
        self.recipe, self.folder, self.seed = recipe, folder, recipe.seed

    def with_seed(self, seed: int) -> Trainer:
        """The same data and recipe with other initial weights and sample order."""
        self._arrays  # noqa: B018  (preprocessed once for all seeds)
        twin = copy.copy(self)
        twin.seed = seed
        return twin

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read on first use."""
        return read_data(self.recipe)

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        data = self.dataset
        if not len(data.validation):
            raise DataError("there are no validation samples", expected="some, weights are picked on them", do="set data.validation")
        apply = data.preprocessing.apply
        return apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y

    @property
    def data_key(self) -> dict[str, str]:
        """What identifies the training data and how they are preprocessed."""
        return {"data": self.dataset.sha256, "preprocessing": self.dataset.preprocessing.sha256}

    def sample_model(self, which: str) -> Any:
        """The untrained float teacher or student (or the given file), built to fit the data; recipe errors name the field."""
        section = getattr(self.recipe, which)
        shape, classes = self.dataset.input_shape, len(self.dataset.classes)
        try:
            if section.file:
                return from_file(section.file, shape, classes)[0]
            return zoo.build(section.model, shape, classes, section.options)
        except FpgaCompressError as error:
            raise self.recipe.error(
                f"{which}.{'file' if section.file else 'model'}", error.received, expected=error.expected, do=error.do
            ) from error

    def _progress(self, epoch: int, epochs: int, row: dict[str, float], left: float) -> None:
        extra = f"  zeros {row['sparsity']:.2f}" if row["sparsity"] else ""
        self.folder.message(
            f"    epoch {epoch:>3}/{epochs}  loss {row['loss']:.4f}  val accuracy {row['val_accuracy']:.4f}{extra}"
            f"  {row['seconds']:.1f} s, {int(left // 60)}:{int(left % 60):02d} left"
        )

    def _fit(
        self, name: str, model: Any, config: TrainConfig, where: Path, objective: Any = None, extras: dict[str, np.ndarray] | None = None
    ) -> Any:
        x, y, x_val, y_val = self._arrays
        name = name if self.seed == self.recipe.seed else f"{name}-seed{self.seed}"
        log = self.folder.folder / "tensorboard" / name if self.recipe.train.tensorboard else None
        if log is not None and not (where / "checkpoint.npz").exists():
            shutil.rmtree(log, ignore_errors=True)
        history = fit(
            model,
            TrainingData(x, y, x_val, y_val, extras or {}),
            config,
            objective=objective,
            folder=where,
            tensorboard=log,
            progress=self._progress,
        )
        write_json(where / "history.json", history)
        return model

    def _config(self, epochs: int, **changes: Any) -> TrainConfig:
        section = self.recipe.train
        settings: dict[str, Any] = dict(
            epochs=epochs,
            batch_size=section.batch_size,
            learning_rate=section.learning_rate,
            schedule=section.schedule,
            seed=self.seed,
            monitor=section.monitor,
            patience=section.patience,
            balanced=section.class_weights == "balanced",
        )
        return TrainConfig(**(settings | changes))

    def _finish(self, where: Path, model: Any) -> None:
        save_model(model, where / "model.h5")
        (where / "checkpoint.npz").unlink(missing_ok=True)

    @property
    def _seed_note(self) -> str:
        return "" if self.seed == self.recipe.seed else f", seed {self.seed}"

    def teacher(self) -> Path:
        """Train the teacher or take the given file; compute its logits on training and validation data once."""
        section = self.recipe.teacher
        inputs = {
            "version": VERSION,
            **self.data_key,
            "teacher": section.model_dump(mode="json"),
            "seed": self.recipe.seed,
            "class_weights": self.recipe.train.class_weights,
        }
        if section.file:
            inputs["file"] = file_digest(Path(section.file)) if Path(section.file).is_file() else section.file

        def make(where: Path) -> None:
            x, _, x_val, _ = self._arrays
            seed_everything(self.seed)
            model = self.sample_model("teacher")
            if section.file:
                write_json(where / "history.json", [])
            else:
                config = self._config(
                    section.epochs,
                    batch_size=section.batch_size,
                    learning_rate=section.learning_rate,
                    schedule=section.schedule,
                    patience=None,
                    augment=section.augment,
                )
                self._fit("teacher", model, config, where)
            np.save(where / "logits_train.npy", logits_of(model, x))
            np.save(where / "logits_validation.npy", logits_of(model, x_val))
            self._finish(where, model)

        title = f"{section.file}" if section.file else f"{section.model}, {section.epochs} epochs"
        return self.folder.step("teacher", inputs, make, title=title)

    def float_student(self) -> Path:
        """Train the float student that every quantized variant starts from."""
        section, train = self.recipe.student, self.recipe.train
        inputs = {
            "version": VERSION,
            **self.data_key,
            "student": section.model_dump(mode="json"),
            "seed": self.seed,
            "train": train.model_dump(mode="json", exclude={"epochs", "learning_rate", "tensorboard"}),
        }
        if section.file and Path(section.file).is_file():
            inputs["file"] = file_digest(Path(section.file))

        def make(where: Path) -> None:
            seed_everything(self.seed)
            model = self.sample_model("student")
            if not train.pretrain_epochs:
                write_json(where / "history.json", [])
            else:
                self._fit("float", model, self._config(train.pretrain_epochs, learning_rate=train.pretrain_learning_rate), where)
            self._finish(where, model)

        return self.folder.step(
            "float", inputs, make, title=f"{section.file or section.model}, {train.pretrain_epochs} epochs{self._seed_note}"
        )

    def quantized(self, variant: Variant, base: Path, teacher: Path) -> Path:
        """Make one quantized variant: trained from the float student's weights or from fresh ones, or quantized without training."""
        recipe, train = self.recipe, self.recipe.train
        inputs = {
            "version": VERSION,
            "base": base.name,
            "train": train.model_dump(mode="json", exclude={"pretrain_epochs", "pretrain_learning_rate", "tensorboard"}),
            "quantize": recipe.quantize.model_dump(mode="json"),
            "seed": self.seed,
        }
        if variant.pruned:
            inputs["prune"] = recipe.prune.model_dump(mode="json")
        if variant.distilled:
            inputs |= {"distill": recipe.distill.model_dump(mode="json"), "teacher": teacher.name}

        def make(where: Path) -> None:
            x, section = self._arrays[0], recipe.quantize
            seed_everything(self.seed)
            model = load_model(base / "model.h5")
            if not variant.trained:
                write_json(where / "history.json", [])
                model, ranges = post_trained(model, recipe, x, self.dataset.preprocessing.input_type)
                write_json(where / RANGES, ranges)
                self._finish(where, model)
                return
            model = fresh(model) if section.start == "scratch" else model
            if variant.learned:
                self._finish(where, self._learned(model, where, base, teacher, masks=variant.pruned))
                return
            built = self.built(model, x, pruned=variant.pruned)
            write_json(where / RANGES, ranges_of(built.ranges, built.notes))
            model = built.model
            config = self._config(
                train.epochs,
                select_from=recipe.prune.end if variant.pruned else 0.0,
                stages=tuple(section.stages),
                noise_warmup=section.noise_warmup,
                stochastic_rounding=section.stochastic_rounding,
            )
            if variant.pruned:
                model = pruning.prune(model, recipe.prune, steps_of(len(x), config))
            objective, extras = taught(recipe, model, teacher, x) if variant.distilled else (None, {})
            model = self._fit(variant.name, model, config, where, objective, extras)
            if objective is not None:
                self._note(where, base, teacher, objective)
            self._finish(where, strip(model) if variant.pruned else model)

        epochs = recipe.quantize.learned.epochs if variant.learned else train.epochs
        effort = f"{epochs} epochs" if variant.trained else "without training"
        return self.folder.step(variant.name, inputs, make, title=f"{variant.label}, {effort}{self._seed_note}")

    def _note(self, where: Path, base: Path, teacher: Path, objective: distillation.Objective) -> None:
        """Tell and keep what distillation has to say of a student that is trained."""
        found = notes(teacher, *self._arrays[2:], history_of(base), history_of(where), objective)
        for note in found:
            self.folder.message(f"    note: {note}")
        write_json(where / NOTES, found)

    def _learned(self, model: Any, where: Path, base: Path, teacher: Path, *, masks: bool) -> Any:
        """The student of the method learned, picked from a front that stays in the artifact."""
        x, y, x_val, y_val = self._arrays
        objective, extras = taught(self.recipe, model, teacher, x)
        data = TrainingData(x, y, x_val, y_val, extras)
        student = learned_student(
            model,
            self.recipe,
            data,
            self.dataset.preprocessing.input_type,
            where,
            seed=self.seed,
            objective=objective,
            masks=masks,
            say=self.folder.message,
        )
        self._note(where, base, teacher, objective)
        return student

    def built(self, model: Any, x: np.ndarray, *, pruned: bool) -> Built:
        """The QKeras twin of a float student, and how its ranges were fitted on the first training samples."""
        prune = self.recipe.prune
        names = [layer.name for layer in model.layers if hasattr(layer, "kernel")]
        zeros = {name: value_of(name, prune.sparsity, prune.layers) for name in names} if pruned else {}
        samples = shaped(model, x[: self.recipe.quantize.calibration_samples])
        try:
            return build_student(model, self.recipe.quantize, samples, zeros)
        except FpgaCompressError as error:
            if error.received.startswith("quantize.layers"):
                raise self.recipe.error(
                    "quantize.layers", error.received.removeprefix("quantize.layers: "), expected=error.expected, do=error.do
                ) from error
            raise

    def rehearse(self) -> dict[str, Any]:
        """Build every model of the recipe untrained, so that wrong names, patterns and layers are found before any training.

        Returns:
            Sizes for a summary: ``{"inputs", "classes", "train", "validation", "teacher_parameters", "student_parameters", "layers"}``.
        """
        check_request(self.recipe)
        data = self.dataset
        teacher, student = self.sample_model("teacher"), self.sample_model("student")
        wanted(self.recipe, distillation.Lesson(student, distillation.Teacher(teacher)))
        x = data.preprocessing.apply(data.train.x[:256])
        if self.recipe.quantize.method == "learned":
            Ebops(twin_of(student, self.recipe, x, data.preprocessing.input_type), data.preprocessing.input_type.width)
        twin = self.built(student, x, pruned=True).model
        try:
            pruning.prune(twin, self.recipe.prune, steps_of(len(data.train), self._config(self.recipe.train.epochs)))
        except FpgaCompressError as error:
            raise self.recipe.error(
                "prune.layers", error.received.removeprefix("prune.layers: "), expected=error.expected, do=error.do
            ) from error
        return {
            "inputs": prod(data.input_shape),
            "classes": len(data.classes),
            "train": len(data.train),
            "validation": len(data.validation),
            "teacher_parameters": int(teacher.count_params()),
            "student_parameters": int(student.count_params()),
            "layers": [layer.name for layer in twin.layers if hasattr(layer, "kernel")],
            "network": twin,
        }


def history_of(artifact: Path) -> list[dict[str, float]]:
    """The epochs of a trained model."""
    return read_json(artifact / "history.json")
