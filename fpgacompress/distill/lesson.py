"""Who teaches whom: the models a method looks at, and the teacher's outputs its terms ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ModelError
from ..views import AUGMENTS
from .features import feature_layers, paired
from .teacher import Reduction, Teacher

LOGITS = "teacher_logits"
"""Name of the teacher's logits among the arrays."""


class Lesson:
    """A student and its teacher.

    Args:
        student: Keras or QKeras model with the layers (by name) of the one that will be trained; None: methods may read logits only.
        teacher: the teacher, the same.
        augment: name in :data:`fpgacompress.views.AUGMENTS`: the teacher is asked about all views that the student will see.
        y: labels ``(n,)`` of the teacher's samples; None: arrays that depend on them cannot be had.
        seed: of what a method draws: the first weights of its maps, heads and peers.
    """

    def __init__(
        self,
        student: Any = None,
        teacher: Teacher | None = None,
        augment: str = "none",
        y: np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        self._student, self._teacher, self._augment, self._y, self.seed = student, teacher, augment, y, seed
        self._asked: dict[str, Callable[[Teacher], np.ndarray]] = {}

    @property
    def rng(self) -> np.random.Generator:
        """A new generator of the seed."""
        return np.random.default_rng(self.seed)

    def seeds(self, count: int) -> list[int]:
        """So many seeds for models that start anew, none of them :attr:`seed`."""
        return [int(s) for s in self.rng.integers(1, 2**31, count)]

    @property
    def student(self) -> Any:
        """The student.

        Raises:
            ModelError: there is none.
        """
        if self._student is None:
            raise ModelError("a distillation method reads features, and there is no student", expected="a lesson of student and teacher")
        return self._student

    @property
    def teacher(self) -> Teacher:
        """The teacher.

        Raises:
            ModelError: there is none.
        """
        if self._teacher is None:
            raise ModelError("a distillation method reads features, and there is no teacher", expected="a lesson of student and teacher")
        return self._teacher

    @property
    def labels(self) -> np.ndarray:
        """The labels.

        Raises:
            ModelError: there are none.
        """
        if self._y is None:
            raise ModelError("a distillation method asks the teacher about labels, and there are none", expected="a lesson with y")
        return self._y

    def logits(self) -> str:
        """Ask for the teacher's logits; returns the array's name."""
        if self._teacher is not None:
            self._asked[LOGITS] = lambda teacher: teacher.logits
        return LOGITS

    def members(self) -> tuple[int, int]:
        """Ask for the logits of each teacher behind the mixture; returns how many there are, and their classes. 0: one teacher teaches."""
        found = self._teacher.members if self._teacher is not None else []
        for k in range(len(found)):
            self._asked[f"{LOGITS}/{k}"] = lambda teacher, k=k: teacher.members[k]  # type: ignore[misc]
        return len(found), found[0].shape[1] if found else 0

    def feature(self, layer: str, reduction: Reduction, unit_variance: bool = False) -> str:
        """Ask for a layer's outputs; see :meth:`Teacher.feature`. Returns the array's name."""
        name = f"teacher/{layer}/{reduction.name}{'/unit' if unit_variance else ''}"
        self._asked[name] = lambda teacher: teacher.feature(layer, reduction, unit_variance)
        return name

    def input_gradient(self) -> str:
        """Ask for the directions in which the teacher's loss grows; see :meth:`Teacher.input_gradient`. Returns the array's name."""
        name = "teacher/input_gradient"
        self._asked[name] = lambda teacher: teacher.input_gradient(self.labels)
        return name

    def subclasses(self, number: int, contrast: float, heat: float) -> str:
        """Ask for logits of subclasses; see :meth:`Teacher.subclasses`. Returns the array's name."""
        name = f"teacher/subclasses/{number}-{contrast:g}-{heat:g}"
        self._asked[name] = lambda teacher: teacher.subclasses(self.labels, number, contrast, heat, self.teacher)
        return name

    def pairs(self, layers: dict[str, str] | None, count: int, spatial: bool = False) -> list[tuple[str, str]]:
        """Layers of student and teacher that are compared.

        Args:
            layers: student's layer to teacher's layer, as the recipe gives them.
            count: how many, where it gives none: the last activations, or evenly spread over the depth.
            spatial: only activations with a height (and a width).

        Raises:
            ModelError: a name that is no layer, or no such activation.
        """
        sides = feature_layers(self.student, spatial), feature_layers(self.teacher.model, spatial)
        return paired(self.student, self.teacher.model, sides, layers, count, "with a height and a width" if spatial else "")

    def arrays(self) -> dict[str, np.ndarray]:
        """What was asked for, each ``(n, ...)``, computed now or read from the teacher's folder; those of other views behind their suffix."""
        found = {name: make(self.teacher) for name, make in self._asked.items()}
        for view in AUGMENTS[self._augment][1:] if self._asked else ():
            teacher = self.teacher.seen(view)
            found |= {name + view.suffix: make(teacher) for name, make in self._asked.items()}
        return found
