"""Distillation: what a student learns from a teacher. A method is one file in ``methods`` that registers itself; ``a+b`` uses two together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..options import checked_options
from ..recipe import DistillSection
from ..registry import Registry
from .companion import Companion
from .lesson import Lesson
from .teacher import Teacher


@dataclass(frozen=True)
class Term:
    """One term of the training objective.

    Attributes:
        name: column of the training history.
        weight: factor of the term in the sum.
        needs: names of per-sample arrays the term reads, gathered for each batch ("teacher_logits": ``(n, classes)`` float32).
        loss: ``(student_logits, batch) -> scalar``; ``batch`` maps "x", "y", ``needs`` and ``"student/<layer>"`` for ``reads`` to tensors.
            Terms with ``reads``, ``again`` or a ``companion`` find what that answers, too, "step" (updates done, an int64 tensor), "labels"
            (logits -> task loss) and "forward" (x -> the student's logits in a further pass as in training, which leaves no trace).
        reads: layers of the student whose outputs the term reads.
        variables: TensorFlow variables that are trained with the student, such as those of a regressor between features.
        companion: what lives beside the student for this term; terms may share one.
        again: the term asks for a further pass of the student.
        beside: the term trains what lives beside the student and not the student, and is no part of the loss that is told.
        near: what the student is compared with is near it, so that the term is small by nature: it acts where the root of its share is not.
        remedy: what to do where the term is too small to act.
    """

    name: str
    weight: float
    needs: tuple[str, ...]
    loss: Callable[[Any, Mapping[str, Any]], Any]
    reads: tuple[str, ...] = ()
    variables: tuple[Any, ...] = ()
    companion: Companion | None = None
    again: bool = False
    beside: bool = False
    near: bool = False
    remedy: str = "raise its weight, or look at its inputs"

    @property
    def of_logits(self) -> bool:
        """Whether logits and arrays are all that it takes."""
        return not self.reads and not self.again and self.companion is None


@dataclass(frozen=True)
class Objective:
    """What one training minimises: ``task_weight * cross entropy + sum(weight * term)``."""

    task_weight: float = 1.0
    terms: tuple[Term, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Per-sample arrays that the terms read."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.needs))

    @property
    def reads(self) -> tuple[str, ...]:
        """Layers of the student that the terms read."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.reads))

    @property
    def variables(self) -> tuple[Any, ...]:
        """Variables that are trained with the student."""
        return tuple(v for t in self.terms for v in t.variables)

    @property
    def companions(self) -> tuple[Companion, ...]:
        """What lives beside the student."""
        return tuple(dict.fromkeys(t.companion for t in self.terms if t.companion is not None))

    @property
    def state(self) -> tuple[Any, ...]:
        """All variables of the terms, trained or not; those of a companion that has not met its model are missing."""
        return (*self.variables, *(v for companion in self.companions for v in companion.kept))

    @property
    def of_logits(self) -> Objective:
        """Without the terms that need more than logits and arrays; where nothing is left, the labels are."""
        terms = tuple(t for t in self.terms if t.of_logits)
        return Objective(self.task_weight if terms or self.task_weight else 1.0, terms)

    def meet(self, model: Any, pruned: Sequence[tuple[Any, Any]] = ()) -> None:
        """Let the companions see the model that will be trained, and the kernels and masks of what is held at zero."""
        for companion in self.companions:
            companion.meet(model, pruned)


SOFT = ("distill", "ema", "exits", "mutual", "online", "sums")
"""Terms in which temperature and alpha act."""
ALONE = ("ema", "exits", "mutual")
"""Methods that ask no teacher."""
Method = Callable[[DistillSection, Lesson], Objective]
METHODS: Registry[Method] = Registry("distillation method", "fpgacompress.distill.methods", "fpgacompress.distill")


def asks_teacher(section: DistillSection) -> bool:
    """Whether any of the section's methods needs a teacher."""
    return any(name.strip() not in ALONE for name in section.method.split("+"))


def options_of(section: DistillSection, **defaults: Any) -> dict[str, Any]:
    """A method's options with their defaults; see :func:`fpgacompress.options.checked_options`."""
    return checked_options("distill.options", section.method, section.options, defaults)


def objective(section: DistillSection, lesson: Lesson | None = None) -> Objective:
    """The objective that a recipe's ``distill`` section asks for.

    Several methods (``method: logits+attention``) add their terms; the labels get the smallest of their task weights. ``options`` then has
    one entry for each method.

    Args:
        section: of the recipe.
        lesson: student and teacher; methods that read logits only do without. It knows afterwards which arrays the terms need.

    Raises:
        ModelError: an unknown option, or features that do not go together.
        FpgaCompressError: no such method.
    """
    lesson = lesson or Lesson()
    found = _objective(section, lesson)
    if section.combine == "attention" and "teacher_logits" in found.needs:
        from .attending import attending

        teachers, classes = lesson.members()
        return attending(found, teachers, classes, lesson.rng) if teachers > 1 else found
    return found


def _objective(section: DistillSection, lesson: Lesson) -> Objective:
    names = [name.strip() for name in section.method.split("+")]
    if len(names) == 1:
        return METHODS.get(names[0])(section, lesson)
    known = all(name in names and isinstance(own, dict) for name, own in section.options.items())
    if not known or len(set(names)) < len(names):
        raise ModelError(
            f"distill.method is '{section.method}', distill.options {section.options}",
            expected="different methods, and options by method, such as {attention: {weight: 5}}",
        )
    parts = [
        METHODS.get(name)(section.model_copy(update={"method": name, "options": section.options.get(name, {})}), lesson) for name in names
    ]
    return Objective(min(p.task_weight for p in parts), tuple(term for p in parts for term in p.terms))


__all__ = [
    "ALONE",
    "METHODS",
    "SOFT",
    "Companion",
    "Lesson",
    "Method",
    "Objective",
    "Teacher",
    "Term",
    "asks_teacher",
    "objective",
    "options_of",
]
