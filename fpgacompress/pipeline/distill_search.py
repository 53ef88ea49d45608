"""Which method, temperature and alpha teach a recipe's student best: a search on validation data, whose trainings are steps of the run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..distill import SOFT, Lesson, Teacher
from ..errors import DataError, FpgaCompressError, RecipeError
from ..figures import Figure
from ..keras_stack import load_model
from ..metrics.statistics import proportion
from ..metrics.task import as_class_logits, correct
from ..recipe import DistillSection, Recipe, load_recipe
from ..run import RunFolder, read_json
from ..train import logits_of
from ..train.monitor import score
from .chaining import links_of
from .distill_gains import Setting, Trial, common_notes, facts, of_seed, recommended, row_of
from .distilling import NOTES, wanted
from .rehearsal import rehearse, rehearsed
from .teaching import teacher_model
from .training import Trainer, history_of
from .variants import Variant, variants

_LOGITS = "logits_validation.npy"


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Attributes:
        temperatures, alphas: every pair of them, for methods that have the two.
        methods: names as in ``distill.method``; empty: the recipe's.
        seeds: of the float student and everything trained from it; empty: the recipe's. The teacher keeps the recipe's.
        epochs: of each quantized student; None: as the recipe says.
    """

    temperatures: Sequence[float] = (1.0, 2.0, 4.0, 8.0)
    alphas: Sequence[float] = (0.3, 0.6, 0.9)
    methods: Sequence[str] = ()
    seeds: Sequence[int] = ()
    epochs: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be tried.

        Raises:
            DataError: an empty list, a temperature, alpha, seed or number of epochs out of range.
        """
        wrong: Mapping[str, Any] = {
            "temperatures": (self.temperatures, lambda t: 0 < t < float("inf"), "numbers above 0"),
            "alphas": (self.alphas, lambda a: 0 <= a <= 1, "numbers from 0 to 1"),
            "seeds": (self.seeds, lambda s: s >= 0, "whole numbers of at least 0"),
            "epochs": (() if self.epochs is None else (self.epochs,), lambda e: e >= 1, "at least 1"),
        }
        for name, (values, right, expected) in wrong.items():
            bad = [v for v in values if not right(v)]
            if bad or (name in ("temperatures", "alphas") and not values):
                raise DataError(f"--{name} {', '.join(f'{v:g}' for v in bad) or 'is empty'}", expected=expected)


def search(recipe: Recipe | str | Path | dict[str, Any], grid: Grid, folder: RunFolder) -> dict[str, Any]:
    """Train the recipe's student without a teacher and with every setting; nothing reads the test split.

    Args:
        recipe: recipe, dictionary, or path of a YAML file.
        grid: what is tried.
        folder: run folder; trainings found there are reused, an interrupted one goes on.

    Returns:
        ``{"recipe", "run_dir", "method", "epochs", "seeds", "validation_samples", "teacher": {"accuracy"}, "none", "rows", "best", "notes"}`` with
        figures as objects. ``none`` and each row have "accuracy" (mean over seeds, fraction), "accuracies", "loss" (nats),
        "seconds_per_epoch" and "artifacts"; rows also "method", "temperature" and "alpha" (None where the method has none), "options", "gain"
        (over no teacher, points), "share" (of the loss that was the teacher's, mean over the epochs) and "notes". ``best`` is a row with
        "beyond_noise", "verdict" and "distill", the section as a recipe has it.

    Raises:
        RecipeError: the recipe, or a method with its models and options, cannot be had; found before anything is trained.
        FpgaCompressError: as :func:`fpgacompress.pipeline.compress`.
        Interrupted: Ctrl-C; everything up to the last full epoch is in the folder.
    """
    recipe = _shortened(load_recipe(recipe), grid.epochs)
    seeds = list(dict.fromkeys(grid.seeds or (recipe.seed,)))
    with folder.lock():
        trainer = Trainer(recipe, folder)
        folder.message(f"{recipe.name}: run folder {folder.folder}")
        settings = settings_of(trainer, grid)
        teacher = trainer.teacher()
        without: list[Trial] = []
        tried: list[list[Trial]] = [[] for _ in settings]
        number, total = 0, len(seeds) * (1 + len(settings))
        for seed in seeds:
            seeded = trainer.with_seed(seed)
            number += 1
            folder.message(f"  student {number} of {total}: no teacher, seed {seed}")
            base, plain = _without_teacher(seeded, teacher)
            without.append(_trial(trainer, plain))
            for setting, trials in zip(settings, tried):
                number += 1
                folder.message(f"  student {number} of {total}: {setting.name}, seed {seed}")
                other = _with(seeded, setting.section)
                start = other.float_student() if setting.section.float_student else base
                trials.append(_trial(trainer, other.quantized(variants(recipe)[-1], start, teacher)))
    y = trainer.dataset.validation.y
    told = {
        "recipe": recipe.name,
        "run_dir": str(folder.folder),
        "method": recipe.quantize.method,
        "epochs": _epochs(recipe),
        "seeds": seeds,
        "validation_samples": len(y),
        "teacher": {"accuracy": _accuracy(np.load(teacher / _LOGITS), y)},
        "none": facts(without),
    }
    common = [common_notes(column) for column in zip(*tried)]
    told["rows"] = [row_of(setting, trials, without, common, seeds) for setting, trials in zip(settings, tried)]
    told["best"], told["notes"] = recommended(told, settings, tried, without)
    told["notes"] += [of_seed(note, seed, seeds) for seed, found in zip(seeds, common) for note in found]
    if grid.epochs is not None:
        told["notes"].append(
            f"quantized students were trained with --epochs {grid.epochs}; 'run' trains the recommended one as long as the recipe says"
        )
    return told


def settings_of(trainer: Trainer, grid: Grid) -> list[Setting]:
    """Everything the grid asks for, each built once with untrained models.

    Raises:
        RecipeError: what cannot be trained; names the recipe's field, or the method of the grid.
    """
    recipe = trainer.recipe
    if recipe.quantize.method == "ptq":
        raise recipe.error("quantize.method", "found 'ptq', which trains nothing", expected="qat or learned: a student that can be taught")
    found: list[Setting] = []
    student = trainer.sample_student()
    for method in dict.fromkeys(grid.methods or (recipe.distill.method,)):
        lesson, soft = _rehearsed(trainer, section_of(recipe.distill, method), student, whole=not found)
        pairs: Sequence[Any] = [(t, a) for t in dict.fromkeys(grid.temperatures) for a in dict.fromkeys(grid.alphas)] if soft else [()]
        for section in (section_of(recipe.distill, method, *pair) for pair in pairs):
            found.append(Setting(section, soft, wanted(recipe.model_copy(update={"distill": section}), lesson)))
    return found


def section_of(own: DistillSection, method: str, temperature: float | None = None, alpha: float | None = None) -> DistillSection:
    """The recipe's section with another setting; options that are another method's are left out.

    Without ``temperature`` and ``alpha`` the recipe's own method keeps its own, and others have their defaults.
    """
    parts, mine = ([part.strip() for part in name.split("+")] for name in (method, own.method))
    method, former = "+".join(parts), "+".join(mine)
    options = {former: own.options} if len(mine) == 1 else own.options
    wanted_options = options.get(method, {}) if len(parts) == 1 else {n: options[n] for n in parts if options.get(n)}
    changes: dict[str, Any] = {"method": method, "options": wanted_options}
    if method != former:
        changes |= {name: DistillSection.model_fields[name].default for name in ("temperature", "alpha")}
    if temperature is not None and alpha is not None:
        changes |= {"temperature": float(temperature), "alpha": float(alpha)}
    return own.model_copy(update=changes)


def _shortened(recipe: Recipe, epochs: int | None) -> Recipe:
    if epochs is None:
        return recipe
    if recipe.quantize.method != "learned":
        return recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": epochs})})
    learned = recipe.quantize.learned.model_copy(update={"epochs": epochs})
    return recipe.model_copy(update={"quantize": recipe.quantize.model_copy(update={"learned": learned})})


def _epochs(recipe: Recipe) -> int:
    return recipe.quantize.learned.epochs if recipe.quantize.method == "learned" else recipe.train.epochs


def _lesson(trainer: Trainer, student: Any) -> Lesson:
    """The untrained student and what teaches it: the last model of the recipe's chain, or the teacher."""
    between = [link for link in links_of(trainer) if not isinstance(link, int)]
    if between:
        return Lesson(student, Teacher(trainer.build(between[-1].model, between[-1].options)))
    return Lesson(student, Teacher(teacher_model(trainer, trainer.recipe.teacher, 0)[0]))


def _rehearsed(trainer: Trainer, section: DistillSection, student: Any, *, whole: bool) -> tuple[Lesson, bool]:
    """Look at every pair of models that a method has to do with, untrained, and with ``whole`` at everything else that is trained.

    Returns:
        The student's lesson, and whether the method has a term in which temperature and alpha act.

    Raises:
        RecipeError: what does not fit; of a method that the recipe does not name, ``--methods`` is told and not the recipe's line.
    """
    own, changed = trainer.recipe, _with(trainer, section)
    try:
        if whole:
            rehearse(changed)
        else:
            rehearsed(changed, student)
        lesson = _lesson(changed, student)
        return lesson, any(term.name in SOFT for term in wanted(changed.recipe, lesson).terms)
    except FpgaCompressError as error:
        cause = error.__cause__
        if section.method == own.distill.method or not isinstance(cause, FpgaCompressError) or ": distill: " not in error.received:
            raise
        raise RecipeError(f"--methods {section.method}: {cause.received}", expected=cause.expected, do=cause.do) from error


def _with(trainer: Trainer, section: DistillSection) -> Trainer:
    """The same data and seed with another section ``distill``."""
    return trainer.with_recipe(trainer.recipe.model_copy(update={"distill": section}))


def _without_teacher(trainer: Trainer, teacher: Path) -> tuple[Path, Path]:
    """Float student and quantized student without a teacher: the variant that a run compares with, or learned bits under one of weight 0."""
    trainer = _with(trainer, DistillSection(alpha=0.0))
    base, student = trainer.float_student(), variants(trainer.recipe)[-1]
    if not student.learned:  # whose training always has a teacher
        student = Variant("qap" if student.pruned else "qat", student.pruned, False)
    return base, trainer.quantized(student, base, teacher)


def _trial(trainer: Trainer, artifact: Path) -> Trial:
    data, notes = trainer.dataset, artifact / NOTES
    kept, y = artifact / _LOGITS, data.validation.y
    if not kept.is_file():
        part = kept.with_name(kept.stem + ".part.npy")
        np.save(part, logits_of(load_model(artifact / "model.h5"), data.preprocessing.apply(data.validation.x)))
        os.replace(part, kept)
    logits = np.load(kept)
    loss = score(as_class_logits(logits), y)["val_loss"]
    return Trial(artifact, correct(logits, y), loss, history_of(artifact), read_json(notes) if notes.is_file() else [])


def _accuracy(logits: np.ndarray, y: np.ndarray) -> Figure:
    right = correct(logits, y)
    return proportion(int(right.sum()), len(y), stage="trained", provenance="measured on the validation split", what="validation samples")
