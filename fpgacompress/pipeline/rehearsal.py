"""Every model of a recipe built once, untrained, so that what cannot be is found before any training."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..distill import Lesson, Teacher, asks_teacher
from ..errors import FpgaCompressError, ModelError
from ..keras_stack.graph import reads_series
from ..prune import prune
from ..quantize.learned import Ebops
from ..recipe import TeacherSection
from ..train.loop import steps_of
from .chaining import links_of
from .distilling import wanted
from .learning import twin_of
from .quantizing import check_request
from .shrinking import cut, wanted_smaller
from .students import prune_error, prunes_float
from .teaching import folds_of, teacher_model

if TYPE_CHECKING:
    from .training import Trainer


def rehearse(trainer: Trainer) -> dict[str, Any]:
    """Build every model of the recipe untrained, so that wrong names, patterns and layers are found before any training.

    Returns:
        Sizes for a summary: ``{"inputs", "classes", "train", "validation", "teacher_parameters", "student_parameters", "layers"}``.
    """
    check_request(trainer.recipe)
    data = trainer.dataset
    student = trainer.sample_student()
    for number in range(1, trainer.recipe.shrink.rounds + 1) if wanted_smaller(trainer.recipe) else ():
        student = cut(trainer.recipe, student, number)
    teacher = rehearsed(trainer, student)
    more = [(f"teachers.{i}", section) for i, section in enumerate(trainer.recipe.teachers)]
    for field, section in (("train", trainer.recipe.train), ("teacher", trainer.recipe.teacher), *more):
        series = len(data.input_shape) < 2 or reads_series(student) or reads_series(teacher)
        if section.augment != "none" and series:
            found = f"{section.augment}, and samples have shape {data.input_shape}" + (" (series)" if len(data.input_shape) == 2 else "")
            raise trainer.recipe.error(f"{field}.augment", found, expected="images", do="use none")
    x = data.preprocessing.apply(data.train.x[:256])
    if trainer.recipe.quantize.method == "learned":
        Ebops(twin_of(student, trainer.recipe, x, data.preprocessing.input_type), data.preprocessing.input_type.width)
    twin = trainer.built(student, x, pruned=True).model
    _check_pruning(trainer, student, twin)
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


def _check_pruning(trainer: Trainer, student: Any, twin: Any) -> None:
    """Prune what will be pruned, untrained: the float student, the quantized one, the one that learns bits."""
    recipe, steps = trainer.recipe, steps_of(len(trainer.dataset.train), trainer.config(trainer.recipe.train.epochs))
    if prunes_float(recipe):
        for field, wrong in (("shrink", wanted_smaller(recipe)), ("quantize.start", recipe.quantize.start == "scratch")):
            if wrong:
                found = f"the zeros of a float student (prune.float_student) would be lost by {field}"
                raise recipe.error("prune.float_student", found, expected="false there")
    try:
        if prunes_float(recipe):
            prune(student, recipe.prune, steps)
        pruning = prune(twin, recipe.prune, steps)
        if recipe.quantize.method == "learned" and recipe.quantize.learned.masks:
            pruning.at_rest()
    except FpgaCompressError as error:
        raise prune_error(recipe, error) from error


def rehearsed(trainer: Trainer, student: Any) -> Any:
    """The untrained teacher, after every link of the chain was looked at: models are built, and the method must suit each pair.

    Raises:
        RecipeError: the first thing that does not fit.
    """
    recipe = trainer.recipe
    teachers = []
    for i, section in enumerate([recipe.teacher, *recipe.teachers]):
        teachers.append(teacher_model(trainer, section, i)[0])
        if section.folds:
            _check_folds(trainer, section, f"teachers.{i - 1}" if i else "teacher")
    if not asks_teacher(recipe.distill):
        between = any(not isinstance(link, int) for link in links_of(trainer))
        if between or recipe.distill.generations > 1:
            raise recipe.error(
                "distill.method",
                f"'{recipe.distill.method}', which asks no teacher, with {'models in distill.chain' if between else 'distill.generations'}",
                expected="a method that asks one, such as logits, or none of these",
            )
    if recipe.shrink.taught and wanted_smaller(recipe):
        if not asks_teacher(recipe.distill):
            raise recipe.error(
                "shrink.taught", f"the method '{recipe.distill.method}' asks no teacher", expected="a method that asks one, such as logits"
            )
        wanted(recipe, Lesson(student, Teacher(trainer.sample_student())))
    above = teachers[0]
    for link in links_of(trainer):
        if isinstance(link, int):
            continue
        try:
            below = trainer.build(link.model, link.options)
        except FpgaCompressError as error:
            raise recipe.error("distill.chain", error.received, expected=error.expected, do=error.do) from error
        wanted(recipe, Lesson(below, Teacher(above)))
        above = below
    wanted(recipe, Lesson(student, Teacher(above)))
    if recipe.distill.generations > 1 or any(isinstance(link, int) for link in links_of(trainer)):
        wanted(recipe, Lesson(student, Teacher(student)))
    return teachers[0]


def _check_folds(trainer: Trainer, section: TeacherSection, field: str) -> None:
    if section.file:
        found = f"folds of the trained model '{section.file}'"
        raise trainer.recipe.error(f"{field}.folds", found, expected="a model by name, or folds: 0")
    train = trainer.dataset.train
    try:
        if section.folds > len(train):
            raise ModelError(f"{section.folds} folds of {len(train)} samples", expected="at least one sample in each")
        folds_of(train.y, train.groups, section.folds, trainer.recipe.seed)
    except FpgaCompressError as error:
        raise trainer.recipe.error(f"{field}.folds", error.received, expected=error.expected, do="use fewer folds") from error
