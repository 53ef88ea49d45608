"""The step ``shrunk``: the float student without some channels and blocks, trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..distill import Objective
from ..errors import FpgaCompressError, ModelError
from ..keras_stack import load_model
from ..prune import Nothing, kernels_of
from ..prune.structured import channels_of, chosen, shrunk, without_block
from ..recipe import Recipe
from ..run import write_json
from ..train.loop import shaped
from ..train.step import TrainingStep
from .chaining import behind_chain
from .teaching import keep_logits

if TYPE_CHECKING:
    from .training import Trainer

SURGERY = "surgery.json"
"""What was taken out, beside the model: parameters and channels before and after."""
_MEANS = 1024
_BATCHES = 8


def wanted_smaller(recipe: Recipe) -> bool:
    """Whether the recipe takes anything out."""
    return bool(recipe.shrink.share or recipe.shrink.blocks or any(recipe.shrink.layers.values()))


def cut(recipe: Recipe, model: Any, round_: int = 1, x: np.ndarray | None = None, gradients: Any = None) -> Any:
    """The model without what a recipe takes out in one round.

    Args:
        recipe: the recipe.
        model: the float student, or what is left of it.
        round_: from 1; each takes the same share of what is left, blocks go in the first.
        x: samples ``(n, *input_shape)`` whose means go into biases; None: none do.
        gradients: gives the loss's gradient by layer, for the score "taylor"; None: weights stand in for it (to try a recipe out).

    Raises:
        RecipeError: what cannot be taken out.
    """
    section = recipe.shrink
    try:
        for name in section.blocks if round_ == 1 else ():
            model = without_block(model, name)
        shares = {name: _of_round(share, section.rounds) for name, share in section.layers.items()}
        if not (section.share or any(shares.values())):
            return model
        channels = channels_of(model)
        gone = chosen(
            model,
            channels,
            _of_round(section.share, section.rounds),
            score=section.score,
            layers=shares,
            everywhere=section.everywhere,
            align=section.align if round_ == section.rounds else 1,
            gradients=gradients or (lambda: {name: kernel.numpy() for name, kernel in kernels_of(model).items()}),
        )
        if not gone and section.rounds == 1:
            raise ModelError(
                f"no channel goes: a share of {section.share:g} with widths that are multiples of {section.align}",
                expected="a larger share, or a smaller align",
            )
        return shrunk(model, channels, gone, x)
    except FpgaCompressError as error:
        raise recipe.error("shrink", error.received, expected=error.expected, do=error.do) from error


def _of_round(share: float, rounds: int) -> float:
    return 1 - (1 - share) ** (1 / rounds)


def shrunk_student(trainer: Trainer, whole: Path) -> Path:
    """Take channels and blocks out of the trained float student, and train it on behind each round; the steps' folders are kept."""
    section, folder = trainer.recipe.shrink, whole
    if section.taught and not (whole / "logits_validation.npy").is_file():
        x, _, x_val, _ = trainer.arrays
        keep_logits(load_model(whole / "model.h5"), whole, x, x_val)
    for number in range(1, section.rounds + 1):
        name = "shrunk" if number == section.rounds else f"shrunk-round{number}"
        folder = _round(trainer, name, folder, number, whole)
    return folder


def _round(trainer: Trainer, name: str, before: Path, number: int, whole: Path) -> Path:
    recipe, section = trainer.recipe, trainer.recipe.shrink
    key = {
        "base": before.name,
        "shrink": section.model_dump(mode="json"),
        "round": number,
        "seed": trainer.seed,
        "train": recipe.train.model_dump(mode="json", exclude={"epochs", "learning_rate", "tensorboard", "pretrain_epochs"}),
    }

    def smaller() -> Any:
        model = load_model(before / "model.h5")
        x = shaped(model, trainer.arrays[0][:_MEANS])
        found = cut(recipe, model, number, x, lambda: _gradients(trainer, model))
        widths = {
            m: [int(getattr(layer, "units", getattr(layer, "filters", 0)) or 0) for layer in n.layers]
            for m, n in (("from", model), ("to", found))
        }
        told = {
            "parameters": [int(model.count_params()), int(found.count_params())],
            "channels": [sum(widths["from"]), sum(widths["to"])],
        }
        trainer.folder.message(
            f"    {told['channels'][0]:,} channels became {told['channels'][1]:,}, {told['parameters'][0]:,} parameters {told['parameters'][1]:,}"
        )
        surgery.update(told)
        return found

    surgery: dict[str, Any] = {}
    if section.taught:
        teacher = whole
    else:
        teacher = behind_chain(trainer, trainer.teacher()) if recipe.distill.float_student else None
    title = f"{section.share:.0%} of the channels out ({section.score}), {section.epochs} epochs"
    settings = {"learning_rate": recipe.train.pretrain_learning_rate}
    return trainer.floating(
        name,
        key,
        smaller,
        section.epochs,
        settings,
        teacher=teacher,
        title=title,
        behind=lambda where: write_json(where / SURGERY, surgery),
    )


def _gradients(trainer: Trainer, model: Any) -> Mapping[str, np.ndarray]:
    x, y = trainer.arrays[:2]
    arrays = {"x": shaped(model, x), "y": np.asarray(y, np.int32)}
    rates = {"class_weights": None, "learning_rate": 1e-3, "total_steps": 1, "schedule": "constant"}
    return TrainingStep(model, Objective(), arrays, pruning=Nothing(), seed=trainer.seed, **rates).probe.gradients(_BATCHES)
