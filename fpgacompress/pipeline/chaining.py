"""Who stands between teacher and student: assistants and bits (Mirzadeh et al., Teacher Assistants, arXiv:1902.03393), given or planned."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import zoo
from ..errors import FpgaCompressError, ModelError
from ..quantize.policy import resolve
from ..recipe import Assistant, Recipe, TeacherSection
from ..run import digest
from .teaching import teacher_model

if TYPE_CHECKING:
    from .training import Trainer

LADDER = (8, 6, 4)
"""Bits of ``chain: bits``, down to those above the student's own."""
STEP = 10.0
"""``chain: auto`` plans so many assistants that none is larger than the next by more than this factor in parameters."""
_MOST = 4
_WIDTHS = ("hidden", "filters", "first")


def distill_key(recipe: Recipe) -> dict[str, Any]:
    """What of the section a single training depends on; the rest is in the key of its teacher."""
    alone = set() if recipe.teachers else {"combine"}
    return recipe.distill.model_dump(mode="json", exclude={"chain", "generations", "float_student"} | alone)


def links_of(trainer: Trainer) -> list[Assistant | int]:
    """The links of the recipe's chain, from teacher to student.

    Raises:
        RecipeError: a chain that cannot be planned, or bits out of order.
    """
    recipe, chain = trainer.recipe, trainer.recipe.distill.chain
    if chain in ("none", []):
        return []
    key = digest(recipe.to_dict())
    if key not in trainer.links:
        trainer.links[key] = _links(trainer, recipe, chain)
    return trainer.links[key]


def _links(trainer: Trainer, recipe: Recipe, chain: Any) -> list[Assistant | int]:
    try:
        if chain == "auto":
            return list(planned(trainer))
        links: list[Any] = [b for b in LADDER if b > _own_bits(trainer)] if chain == "bits" else list(chain)
        bits = [link for link in links if isinstance(link, int)]
        if sorted(bits, reverse=True) != bits or any(isinstance(link, int) for link in links[: len(links) - len(bits)]):
            raise ModelError(f"the links {chain}", expected="models first, then falling bits")
        if bits and bits[-1] <= _own_bits(trainer):
            raise ModelError(f"{bits[-1]} bits", expected=f"more than the student's own, which has {_own_bits(trainer)}")
        return links
    except FpgaCompressError as error:
        raise recipe.error("distill.chain", error.received, expected=error.expected, do=error.do) from error


def _own_bits(trainer: Trainer) -> int:
    """The least bits of a kernel or an activation of the student."""
    model = trainer.sample_student()
    found = resolve(model.layers, trainer.recipe.quantize)
    return min(b if isinstance(b, int) else 2 for own in found.values() for b in (own.kernel, own.activation) if b is not None)


def planned(trainer: Trainer) -> list[Assistant]:
    """Assistants of the student's family, their sizes a geometric series between those of teacher and student.

    Raises:
        ModelError: a student from a file, or one without widths, cannot be made larger.
    """
    recipe = trainer.recipe
    section = recipe.student
    if section.file:
        raise ModelError(f"chain 'auto' for the student file '{section.file}'", expected="a student by name", do="name the assistants")
    large = _teacher_size(trainer)
    small = int(trainer.sample_student().count_params())
    count = min(max(math.ceil(math.log(max(large / small, 1.0)) / math.log(STEP) - 1e-9) - 1, 1 if large > 2 * small else 0), _MOST)
    sizes = [large * (small / large) ** ((i + 1) / (count + 1)) for i in range(count)]
    return [Assistant(model=section.model, options=_widened(trainer, size), epochs=None) for size in sizes]


def _teacher_size(trainer: Trainer) -> int:
    return int(teacher_model(trainer, trainer.recipe.teacher, 0)[0].count_params())


def _widened(trainer: Trainer, size: float) -> dict[str, Any]:
    """Options of the student whose widths are all multiplied by one number, so that it has about ``size`` parameters."""
    section = trainer.recipe.student
    defaults = {n: p.default for n, p in inspect.signature(zoo.MODELS.get(section.model)).parameters.items()}
    options = {n: section.options.get(n, defaults[n]) for n in _WIDTHS if n in defaults}
    if not any(options.values()):
        raise ModelError(f"the student '{section.model}' has no widths", expected=f"one of the options {', '.join(_WIDTHS)}")

    def wider(factor: float) -> dict[str, Any]:
        def one(width: int) -> int:
            return max(1, round(width * factor))

        return section.options | {n: one(w) if isinstance(w, int) else [one(v) for v in w] for n, w in options.items()}

    low, high = 1.0, 64.0
    for _ in range(20):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if trainer.build(section.model, wider(middle)).count_params() < size else (low, middle)
    return wider(math.sqrt(low * high))


def behind_chain(trainer: Trainer, teacher: Path) -> Path:
    """The last of the models between teacher and student, which teaches the student; each is taught by the one before."""
    for number, link in enumerate(links_of(trainer), 1):
        if not isinstance(link, int):
            teacher = assistant(trainer, link, number, teacher)
    return teacher


def assistant(trainer: Trainer, link: Assistant, number: int, teacher: Path) -> Path:
    """Train one assistant under the model before it; the folder teaches."""
    section: TeacherSection = trainer.recipe.teacher
    epochs = link.epochs or section.epochs
    settings = {
        "batch_size": section.batch_size,
        "learning_rate": section.learning_rate,
        "schedule": section.schedule,
        "patience": None,
        "augment": trainer.recipe.train.augment,
        "augment_until": trainer.recipe.train.augment_until,
        "seed": trainer.recipe.seed + number,
    }
    key = {**trainer.data_key, "assistant": link.model_dump(mode="json"), "monitor": trainer.recipe.train.monitor}
    key |= {"class_weights": trainer.recipe.train.class_weights}
    return trainer.floating(
        f"assistant{number}",
        key,
        lambda: trainer.build(link.model, link.options),
        epochs,
        settings,
        teacher=teacher,
        title=f"{link.model} {link.options}, {epochs} epochs, taught",
    )


def take_weights(model: Any, source: Any) -> None:
    """Copy the weights of the layers of the same name."""
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(layer.name).get_weights())
