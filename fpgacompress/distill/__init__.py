"""Distillation: what a student learns from a teacher. A method is one file in ``methods`` that registers a function of the recipe section."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..recipe import DistillSection
from ..registry import Registry


@dataclass(frozen=True)
class Term:
    """One term of the training objective.

    Attributes:
        name: column of the training history.
        weight: factor of the term in the sum.
        needs: names of per-sample arrays the term reads, gathered for each batch ("teacher_logits": ``(n, classes)`` float32).
        loss: ``(student_logits, batch) -> scalar``; ``batch`` maps "x", "y" and ``needs`` to tensors.
    """

    name: str
    weight: float
    needs: tuple[str, ...]
    loss: Callable[[Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Objective:
    """What one training minimises: ``task_weight * cross entropy + sum(weight * term)``."""

    task_weight: float = 1.0
    terms: tuple[Term, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Per-sample arrays that the terms read."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.needs))


Method = Callable[[DistillSection], Objective]
METHODS: Registry[Method] = Registry("distillation method", "fpgacompress.distill.methods", "fpgacompress.distill")


def objective(section: DistillSection) -> Objective:
    """The objective that a recipe's ``distill`` section asks for."""
    return METHODS.get(section.method)(section)
