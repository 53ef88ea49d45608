"""The step ``teacher``: one teacher or several, asked about samples they have not seen if wanted, made honest, and mixed.

A folder that teaches holds ``model.h5``, ``logits_train.npy`` and ``logits_validation.npy``, and the like of ``logits_train-flip.npy`` for other views of images
where students see those. That of several teachers, ``teachers-...``, holds the model of the one with the largest weight, the mixture's logits, each
one's (``logits_train-<k>.npy``) for attention, and ``teachers.json``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.splitting import split_indices
from ..distill import Teacher
from ..distill.checks import teacher_notes
from ..distill.mixing import fitted_temperature, mixture, nll, weights_for
from ..errors import FpgaCompressError
from ..keras_stack import load_model, seed_everything
from ..metrics.task import correct
from ..recipe import TeacherSection
from ..run import file_digest, read_json, write_json
from ..train import logits_of
from ..views import AUGMENTS
from ..zoo.files import from_file
from .distilling import NOTES

if TYPE_CHECKING:
    from .training import Trainer

TEACHERS = "teachers.json"
"""How several teachers became one: accuracy, temperature and weight of each, by file of the model."""
VERSION = 4


def views(trainer: Trainer) -> tuple[str, ...]:
    """Suffixes of the logits that students will ask for: "" and those of the other views of images that they will see."""
    return tuple(view.suffix for view in AUGMENTS[trainer.recipe.train.augment])


def keep_logits(model: Any, where: Path, x: np.ndarray, x_val: np.ndarray) -> None:
    """Ask a model once about training and validation samples; about other views it is asked when a student will see them."""
    for name, samples in (("logits_train", x), ("logits_validation", x_val)):
        np.save(where / f"{name}.part.npy", logits_of(model, samples))
        (where / f"{name}.part.npy").replace(where / f"{name}.npy")  # one that is there is whole


def kept_logits(where: Path, x: np.ndarray, suffix: str) -> np.ndarray:
    """What a folder's model says of the training samples, or of another view of them, computed at most once."""
    teacher = Teacher(where / "model.h5", x, where)
    view = next(view for views_ in AUGMENTS.values() for view in views_ if view.suffix == suffix)
    return (teacher.seen(view) if suffix else teacher).logits


def teacher_model(trainer: Trainer, section: TeacherSection, number: int) -> tuple[Any, list[str]]:
    """The untrained teacher of a section, or the file's, and what was changed; recipe errors name the field."""
    field = "teacher" if number == 0 else f"teachers.{number - 1}"
    shape, classes = trainer.dataset.input_shape, len(trainer.dataset.classes)
    try:
        if section.file:
            return from_file(section.file, shape, classes)
        return trainer.build(section.model, section.options), []
    except FpgaCompressError as error:
        which = "file" if section.file else "model"
        raise trainer.recipe.error(f"{field}.{which}", error.received, expected=error.expected, do=error.do) from error


class Teaching:
    """Makes what teaches, as steps of the trainer's run folder."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.recipe, self.folder = trainer, trainer.recipe, trainer.folder
        self.sections = [self.recipe.teacher, *self.recipe.teachers]

    def step(self) -> Path:
        """The folder that teaches the students."""
        first = self.sections[0]
        if len(self.sections) == 1 and not first.folds and not first.calibrate:
            return self._member(0)
        members = [self._member(i) for i in range(len(self.sections))]
        seen = [self._folds(i, s) if s.folds else members[i] for i, s in enumerate(self.sections)]
        inputs = {
            "version": VERSION,
            "members": [m.name for m in members],
            "asked": [a.name for a in seen],
            "calibrate": [s.calibrate for s in self.sections],
            "combine": self.recipe.distill.combine if len(members) > 1 else None,
            "views": views(self.trainer),
        }
        count = f"{len(members)} teachers, {self.recipe.distill.combine}" if len(members) > 1 else "as it teaches"
        return self.folder.step("teachers", inputs, lambda where: self._mixed(where, members, seen), title=count)

    @staticmethod
    def _name(number: int) -> str:
        return f"teacher{number + 1}" if number else "teacher"

    def _key(self, section: TeacherSection, seed: int) -> dict[str, Any]:
        own = section.model_dump(mode="json", exclude={"folds", "calibrate"})
        key = {"version": VERSION, **self.trainer.data_key, "teacher": own, "seed": seed}
        key |= {"class_weights": self.recipe.train.class_weights, "monitor": self.recipe.train.monitor}
        if section.file:
            key["file"] = file_digest(Path(section.file)) if Path(section.file).is_file() else section.file
        return key

    def _trained(self, section: TeacherSection, number: int, seed: int, name: str, where: Path, keep: np.ndarray | None = None) -> Any:
        seed_everything(seed)
        model, notes = teacher_model(self.trainer, section, number)
        for note in notes:
            self.folder.message(f"    note: {note}")
        write_json(where / NOTES, [f"{name}: {note}" for note in notes])
        if section.file:
            write_json(where / "history.json", [])
            return model
        config = self.trainer.config(
            section.epochs,
            batch_size=section.batch_size,
            learning_rate=section.learning_rate,
            schedule=section.schedule,
            patience=None,
            augment=section.augment,
            augment_until=1.0,
            seed=seed,
        )
        return self.trainer.fit(name, model, config, where, keep=keep)

    def _member(self, number: int) -> Path:
        """One teacher, trained on everything or read from its file."""
        section, seed, name = self.sections[number], self.recipe.seed + 1000 * number, self._name(number)
        x, _, x_val, _ = self.trainer.arrays

        def make(where: Path) -> None:
            model = self._trained(section, number, seed, name, where)
            keep_logits(model, where, x, x_val)
            self.trainer.finish(where, model)

        title = f"{section.file}" if section.file else f"{section.model}, {section.epochs} epochs"
        return self.folder.step(name, self._key(section, seed), make, title=title)

    def _folds(self, number: int, section: TeacherSection) -> Path:
        """Logits of the training samples, each from a teacher that was trained without it; of validation samples their mixture."""
        x, y, x_val, _ = self.trainer.arrays
        parts = folds_of(y, self.trainer.dataset.train.groups, section.folds, self.recipe.seed)
        made = []
        for k, part in enumerate(parts):
            seed = self.recipe.seed + 1000 * number + k + 1
            kept = np.setdiff1d(np.arange(len(x)), part)

            def make(where: Path, part: np.ndarray = part, kept: np.ndarray = kept, seed: int = seed, k: int = k) -> None:
                model = self._trained(section, number, seed, f"{self._name(number)}-fold{k + 1}", where, kept)
                keep_logits(model, where, x[part], x_val)
                self.trainer.finish(where, model)

            inputs = {**self._key(section, seed), "folds": section.folds, "fold": k}
            title = f"{section.model} without {len(part):,} of {len(x):,} samples, {section.epochs} epochs"
            made.append(self.folder.step(f"{self._name(number)}-fold{k + 1}", inputs, make, title=title))

        def gather(where: Path) -> None:
            for suffix in views(self.trainer):
                logits = np.empty((len(x), len(self.trainer.dataset.classes)), np.float32)
                for part, folder in zip(parts, made):
                    logits[part] = kept_logits(folder, x[part], suffix)
                np.save(where / f"logits_train{suffix}.npy", logits)
            votes = [np.load(folder / "logits_validation.npy") for folder in made]
            np.save(where / "logits_validation.npy", mixture(votes, np.full(len(votes), 1 / len(votes))))

        inputs = {"version": VERSION, "folds": [m.name for m in made], "views": views(self.trainer)}
        return self.folder.step(f"{self._name(number)}-folds", inputs, gather)

    def _mixed(self, where: Path, members: list[Path], seen: list[Path]) -> None:
        x, y, _, y_val = self.trainer.arrays
        votes = [np.load(folder / "logits_validation.npy") for folder in seen]
        several = len(members) > 1
        told = [note for folder in members for note in (read_json(folder / NOTES) if (folder / NOTES).is_file() else [])]
        for k, vote in enumerate(votes if several else []):
            told += teacher_notes(vote, y_val, who=f"teacher {k + 1}")
        # samples that a teacher of folds teaches are unseen ones themselves, and a single one of the folds has spoken
        unseen = [(kept_logits(a, x, ""), y) if s.folds else (v, y_val) for a, s, v in zip(seen, self.sections, votes)]
        temperatures = [fitted_temperature(*pair) if s.calibrate else 1.0 for pair, s in zip(unseen, self.sections)]
        votes = [v / np.float32(t) for v, t in zip(votes, temperatures)]
        combine = self.recipe.distill.combine
        for suffix in views(self.trainer):
            logits = [kept_logits(folder, x, suffix) / np.float32(t) for folder, t in zip(seen, temperatures)]
            weights = weights_for(combine, logits, votes, y_val)
            np.save(where / f"logits_train{suffix}.npy", mixture(logits, weights) if several else logits[0])
            for k, own in enumerate(logits if several and combine == "attention" else []):
                np.save(where / f"logits_train-{k}{suffix}.npy", own)
            if not suffix:
                shares = np.mean(np.broadcast_to(weights, (len(y), len(members))), 0)
        own = weights_for(combine, votes, votes, y_val)
        np.save(where / "logits_validation.npy", mixture(votes, own) if several else votes[0])
        rows = []
        for folder, section, vote, t, share in zip(members, self.sections, votes, temperatures, shares):
            row = {"teacher": section.file or section.model, "folder": folder.name, "folds": section.folds}
            row |= {"val_accuracy": float(np.mean(correct(vote, y_val))), "weight": float(share)}
            rows.append(row | {"temperature": t, "val_nll": nll(vote, y_val), "val_nll_before": nll(vote * np.float32(t), y_val)})
        first = int(np.argmax(shares))
        tree = {"combine": combine, "weights": own.tolist() if own.ndim == 1 else None, "first": first, "members": rows}
        write_json(where / TEACHERS, tree)
        write_json(where / "history.json", read_json(members[first] / "history.json"))
        told += [sentence(row, several) for row in rows]
        if several:
            told.append(f"what a method asks beyond logits (features, gradients, subclasses, a model to train on) is teacher {first + 1}'s")
        for note in told:
            self.folder.message(f"    {note}")
        write_json(where / NOTES, told)
        shutil.copyfile(members[first] / "model.h5", where / "model.h5")


def sentence(row: dict[str, Any], several: bool) -> str:
    """What a report says of one teacher of a mixture, of one that was calibrated, or that was asked about samples it had not seen."""
    text = f"teacher {row['teacher']}: {row['val_accuracy']:.4f} of the validation samples"
    text += f", weight {row['weight']:.2f}" if several else ""
    text += f", each training sample judged by one of {row['folds']} that had not seen it" if row["folds"] else ""
    if row["temperature"] != 1.0:
        text += f", logits divided by {row['temperature']:.2f} (validation NLL {row['val_nll_before']:.4f} to {row['val_nll']:.4f} nats"
        text += ", fitted on the unseen training samples)" if row["folds"] else ")"
    return text


def folds_of(y: np.ndarray, groups: np.ndarray | None, folds: int, seed: int) -> list[np.ndarray]:
    """Disjoint sorted index arrays that cover all samples, stratified, whole groups together.

    Raises:
        DataError: whole groups cannot leave every class in the rest.
    """
    left, parts = np.arange(len(y)), []
    for k in range(folds - 1):
        own = None if groups is None else groups[left]
        rest, part = split_indices(y[left], len(left) // (folds - k), seed + k, own)
        parts.append(left[part])
        left = left[rest]
    return [*parts, left]


def teaching_logits(where: Path, x: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Logits of what teaches, on any samples, and its models: one, or several mixed as on validation data (by attention: equally).

    Args:
        where: folder that teaches.
        x: preprocessed samples ``(n, ...)``.
    """
    if not (where / TEACHERS).is_file():
        model = load_model(where / "model.h5")
        return logits_of(model, x), [model]
    told = read_json(where / TEACHERS)
    models = [load_model(where.parent / row["folder"] / "model.h5") for row in told["members"]]
    logits = [logits_of(m, x) / np.float32(row["temperature"]) for m, row in zip(models, told["members"])]
    if len(models) == 1:
        return logits[0], models
    combine = "confidence" if told["weights"] is None else "equal"
    weights = weights_for(combine, logits, [], np.zeros(0, int)) if told["weights"] is None else np.asarray(told["weights"])
    return mixture(logits, weights), models
