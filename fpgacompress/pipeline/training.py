"""Steps that train: teacher, float student, and the quantized variants that start from it."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import distill as distillation
from .. import zoo
from ..data import Dataset, load
from ..errors import DataError, FpgaCompressError
from ..keras_stack import save_model, seed_everything
from ..prune import Pruning, prune
from ..quantize.build import Built
from ..recipe import Assistant, Recipe
from ..run import RunFolder, file_digest, read_json, write_json
from ..train import TrainConfig, TrainingData, fit
from ..train.loop import steps_of
from ..zoo.files import from_file
from .chaining import behind_chain, distill_key
from .distilling import NOTES, notes, taught
from .shrinking import shrunk_student, wanted_smaller
from .students import Students, prunes_float
from .teaching import Teaching, keep_logits
from .variants import Variant

VERSION = 5
"""Raised when a step's meaning changes, so that old artifacts are not taken for new ones."""


def read_data(recipe: Recipe, data_dir: str | Path | None = None) -> Dataset:
    """The recipe's data set; ``data_dir`` is a folder to search instead of the recipe's own."""
    section = recipe.data
    own = {"limit": section.limit, "classes": section.classes}
    options = dict(section.options) | {name: value for name, value in own.items() if value is not None}
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
        self.links: dict[str, list[Assistant | int]] = {}
        """The chain of each recipe, planned once."""

    def with_seed(self, seed: int) -> Trainer:
        """The same data and recipe with other initial weights and sample order."""
        self.arrays  # noqa: B018  (preprocessed once for all seeds)
        twin = copy.copy(self)
        twin.seed = seed
        return twin

    def with_recipe(self, recipe: Recipe) -> Trainer:
        """The same data and seed under another recipe, which must name the same data."""
        self.arrays  # noqa: B018  (preprocessed once for all recipes)
        twin = copy.copy(self)
        twin.recipe = recipe
        return twin

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read on first use."""
        return read_data(self.recipe)

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, y, validation x, validation y, preprocessed."""
        data = self.dataset
        if not len(data.validation):
            raise DataError("there are no validation samples", expected="some, weights are picked on them", do="set data.validation")
        apply = data.preprocessing.apply
        return apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y

    @property
    def data_key(self) -> dict[str, str]:
        """What identifies the training data and how they are preprocessed."""
        return {"data": self.dataset.sha256, "preprocessing": self.dataset.preprocessing.sha256}

    def build(self, name: str, options: dict[str, Any]) -> Any:
        """An untrained model of the zoo that fits the data."""
        return zoo.build(name, self.dataset.input_shape, len(self.dataset.classes), options)

    def sample_student(self) -> Any:
        """The untrained float student (or the given file), built to fit the data; recipe errors name the field."""
        section = self.recipe.student
        try:
            if section.file:
                return from_file(section.file, self.dataset.input_shape, len(self.dataset.classes))[0]
            return self.build(section.model, section.options)
        except FpgaCompressError as error:
            field = f"student.{'file' if section.file else 'model'}"
            raise self.recipe.error(field, error.received, expected=error.expected, do=error.do) from error

    def _progress(self, epoch: int, epochs: int, row: dict[str, float], left: float) -> None:
        extra = f"  zeros {row['sparsity']:.2f}" if row["sparsity"] else ""
        self.folder.message(
            f"    epoch {epoch:>3}/{epochs}  loss {row['loss']:.4f}  val accuracy {row['val_accuracy']:.4f}{extra}"
            f"  {row['seconds']:.1f} s, {int(left // 60)}:{int(left % 60):02d} left"
        )

    def fit(
        self,
        name: str,
        model: Any,
        config: TrainConfig,
        where: Path,
        objective: Any = None,
        extras: dict[str, np.ndarray] | None = None,
        keep: np.ndarray | None = None,
        pruning: Pruning | None = None,
        watch: Callable[[int], None] = lambda epoch: None,
    ) -> Any:
        """Train a model in a step's folder, with progress, log and history.

        Args:
            name: of the log.
            model: to train.
            config: settings.
            where: the step's folder.
            objective, extras: of distillation.
            keep: the only samples to train on; None: all.
            pruning: what prunes it.
            watch: called with the number of each epoch (from 1) that is done.
        """
        x, y, x_val, y_val = self.arrays
        if keep is not None:
            x, y = x[keep], y[keep]
        name = name if self.seed == self.recipe.seed else f"{name}-seed{self.seed}"
        log = self.folder.folder / "tensorboard" / name if self.recipe.train.tensorboard else None
        if log is not None and not (where / "checkpoint.npz").exists():
            shutil.rmtree(log, ignore_errors=True)

        def progress(epoch: int, epochs: int, row: dict[str, float], left: float) -> None:
            watch(epoch)
            self._progress(epoch, epochs, row, left)

        history = fit(
            model,
            TrainingData(x, y, x_val, y_val, extras or {}),
            config,
            objective=objective,
            pruning=pruning,
            folder=where,
            tensorboard=log,
            progress=progress,
        )
        write_json(where / "history.json", history)
        return model

    def config(self, epochs: int, **changes: Any) -> TrainConfig:
        """Settings of a training: the section ``train``, with changes."""
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
            augment=section.augment,
            augment_until=section.augment_until,
        )
        return TrainConfig(**(settings | changes))

    def finish(self, where: Path, model: Any) -> None:
        """Write the model of a step; its checkpoint is not needed any more."""
        save_model(model, where / "model.h5")
        (where / "checkpoint.npz").unlink(missing_ok=True)

    @property
    def seed_note(self) -> str:
        """Behind titles of steps with a further seed."""
        return "" if self.seed == self.recipe.seed else f", seed {self.seed}"

    def teacher(self) -> Path:
        """Train the teachers or take the given files, and compute once what students will be taught."""
        return Teaching(self).step()

    def float_student(self) -> Path:
        """Train the float student that every quantized variant starts from, under the teacher and without some channels where the recipe says so."""
        whole = self._whole_student()
        return shrunk_student(self, whole) if wanted_smaller(self.recipe) else whole

    def _whole_student(self) -> Path:
        recipe, train = self.recipe, self.recipe.train
        key = {
            "version": VERSION,
            **self.data_key,
            "student": recipe.student.model_dump(mode="json"),
            "seed": self.seed,
            "train": train.model_dump(mode="json", exclude={"epochs", "learning_rate", "tensorboard"}),
        }
        if recipe.student.file and Path(recipe.student.file).is_file():
            key["file"] = file_digest(Path(recipe.student.file))
        about = f"{recipe.student.file or recipe.student.model}, {train.pretrain_epochs} epochs"
        settings: dict[str, Any] = {"learning_rate": train.pretrain_learning_rate}
        if pruned := prunes_float(recipe):
            settings["select_from"] = recipe.prune.end
            key["prune"] = recipe.prune.model_dump(mode="json")
        if not (recipe.distill.float_student and train.pretrain_epochs):
            return self.floating("float", key, self.sample_student, train.pretrain_epochs, settings, title=about, pruned=pruned)
        teacher, epochs = behind_chain(self, self.teacher()), train.pretrain_epochs
        for number in range(recipe.distill.generations):
            name = "float" if number + 1 == recipe.distill.generations else f"float-generation{number + 1}"
            told = {"generation": number} if number else {}
            changed = settings | {"seed": self.seed + 100 * number}  # each generation starts from weights of its own
            teacher = self.floating(
                name, key | told, self.sample_student, epochs, changed, teacher=teacher, title=f"{about}, taught", pruned=pruned
            )
        return teacher

    def floating(
        self,
        name: str,
        key: dict[str, Any],
        make_model: Callable[[], Any],
        epochs: int,
        settings: dict[str, Any],
        *,
        teacher: Path | None = None,
        title: str = "",
        behind: Callable[[Path], None] | None = None,
        pruned: bool = False,
    ) -> Path:
        """Train a float model as a step, under a teacher or not; a taught one can teach in its turn.

        Args:
            name: of the step.
            key: what the model depends on, besides the teacher and the section ``distill``.
            make_model: gives the untrained model.
            epochs: 0 leaves it as it is.
            settings: changes to the section ``train``.
            teacher: folder that teaches.
            title: what is told of the step.
            behind: called with the folder once the model is trained.
            pruned: as the section ``prune`` says.
        """
        recipe = self.recipe
        key = {"version": VERSION} | key | {"epochs": epochs, "settings": settings}
        if teacher is not None:
            key |= {"distill": distill_key(recipe), "teacher": teacher.name}

        def make(where: Path) -> None:
            x, _, x_val, _ = self.arrays
            seed_everything(settings.get("seed", self.seed))
            model = make_model()
            if not epochs:
                write_json(where / "history.json", [])
            else:
                objective, extras = (
                    taught(recipe, model, teacher, x, self.arrays[1], settings.get("seed", self.seed))
                    if teacher is not None
                    else (None, {})
                )
                config = self.config(epochs, **settings)
                pruning = prune(model, recipe.prune, steps_of(len(x), config), self.seed) if pruned else None
                self.fit(name, model, config, where, objective, extras, pruning=pruning)
                if teacher is not None and objective is not None:
                    self.note(where, None, teacher, objective)
                    keep_logits(model, where, x, x_val)
            if behind is not None:
                behind(where)
            self.finish(where, model)

        return self.folder.step(name, key, make, title=f"{title}{self.seed_note}")

    def quantized(self, variant: Variant, base: Path, teacher: Path) -> Path:
        """Make one quantized variant of the float student ``base``, under ``teacher`` where it is distilled; see :mod:`.students`."""
        return Students(self).quantized(variant, base, teacher)

    def built(self, model: Any, x: np.ndarray, *, pruned: bool) -> Built:
        """The QKeras twin of a float student, and how its ranges were fitted on the first training samples; see :mod:`.students`."""
        return Students(self).built(model, x, pruned=pruned)

    def note(self, where: Path, base: Path | None, teacher: Path, objective: distillation.Objective) -> None:
        """Tell and keep what distillation has to say of a student that is trained."""
        found = notes(teacher, *self.arrays[2:], history_of(base) if base is not None else [], history_of(where), objective)
        for note in found:
            self.folder.message(f"    note: {note}")
        write_json(where / NOTES, found)


def history_of(artifact: Path) -> list[dict[str, float]]:
    """The epochs of a trained model."""
    return read_json(artifact / "history.json")
