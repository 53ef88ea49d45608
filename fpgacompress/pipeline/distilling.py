"""What a recipe's ``distill`` section means in a run: its terms, the teacher's arrays, and what is told about teacher and training."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..distill import Lesson, Objective, Teacher, objective
from ..distill.checks import teacher_notes, training_notes
from ..errors import FpgaCompressError
from ..keras_stack import load_model
from ..recipe import Recipe
from ..run import read_json
from ..train import History, logits_of

NOTES = "notes.json"
"""What distillation had to say, beside a student's model: a list of sentences."""


def wanted(recipe: Recipe, lesson: Lesson) -> Objective:
    """The objective of a recipe.

    Raises:
        RecipeError: what the method cannot do with these models and options; names file, line and section.
    """
    try:
        return objective(recipe.distill, lesson)
    except FpgaCompressError as error:
        raise recipe.error("distill", error.received, expected=error.expected, do=error.do) from error


def taught(recipe: Recipe, student: Any, teacher: Path, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[Objective, dict[str, np.ndarray]]:
    """What a recipe distills, and the arrays it needs, which are kept in the teacher's artifact.

    Args:
        recipe: the recipe.
        student: model with the layers of the one that will be trained.
        teacher: artifact of the teacher.
        x, y: training samples ``(n, ...)`` float32, preprocessed, and labels ``(n,)``.
        seed: of maps, heads and peers.
    """
    lesson = Lesson(student, Teacher(teacher / "model.h5", x, teacher), recipe.train.augment, y, seed)
    return wanted(recipe, lesson), lesson.arrays()


def notes(teacher: Path, x: np.ndarray, y: np.ndarray, before: History, history: History, objective: Objective) -> list[str]:
    """What is wrong with a teacher or with a training under it, one sentence each.

    Args:
        teacher: artifact of the teacher.
        x, y: validation samples ``(n, ...)`` float32, preprocessed, and labels ``(n,)``.
        before: epochs of the float student, without a teacher; may be empty.
        history: epochs of the distilled student.
        objective: of that training.
    """

    @cache
    def model() -> Any:
        return load_model(teacher / "model.h5")

    def asked(factor: float) -> np.ndarray:
        return logits_of(model(), x * np.float32(factor))

    told: list[str] = []
    if objective.needs:  # some methods ask nobody
        student, logits = max((row["val_accuracy"] for row in before), default=None), np.load(teacher / "logits_validation.npy")
        if teacher.name.startswith("teacher"):
            told = read_json(teacher / NOTES) if (teacher / NOTES).is_file() else []
            told = [*told, *teacher_notes(logits, y, student, asked)]
        else:  # one that was trained in this run, on these inputs
            name = teacher.name.rpartition("-")[0]  # with fewer bits it may well be behind the float student
            told = teacher_notes(logits, y, student if name.startswith("assistant") else None, who=f"the model that teaches, '{name}',")
    return [*told, *training_notes(history, objective)]
