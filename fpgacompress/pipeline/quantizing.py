"""What a recipe's section ``quantize`` means for a run: which requests belong together, and students that are not trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import FpgaCompressError
from ..integer.types import FixedType
from ..quantize.progressive import shared_out
from ..quantize.ranges import RangeFit
from ..recipe import Recipe

RANGES = "ranges.json"
_TRAINING_ONLY = ("stages", "stochastic_rounding", "noise_warmup")
_PTQ_ONLY = ("bias_correction", "equalize")


def check_request(recipe: Recipe) -> None:
    """Refuse settings that the chosen method would not obey.

    Raises:
        RecipeError: naming the field, and what to do.
    """
    section = recipe.quantize
    method = section.method
    if method == "dynamic":
        raise recipe.error(
            "quantize.method",
            "found dynamic, which leaves activations in float, so there is no integer network and no firmware",
            expected="qat, ptq or learned in a run",
            do="for a smaller model file use 'fpgacompress quantize MODEL --method dynamic'",
        )
    for name in _PTQ_ONLY if method != "ptq" else ():
        if getattr(section, name):
            raise recipe.error(
                f"quantize.{name}", f"the method {method} has no use for it, training does the same", do="remove it, or use ptq"
            )
    for name in _TRAINING_ONLY if method == "ptq" else ():
        if getattr(section, name):
            raise recipe.error(f"quantize.{name}", "the method ptq does not train", do="remove it, or use the method qat")
    distill = recipe.distill
    if method == "ptq" and (distill.chain not in ("none", []) or distill.generations > 1) and not distill.float_student:
        field = "chain" if distill.generations == 1 else "generations"
        raise recipe.error(
            f"distill.{field}", "the method ptq does not train the student", do="set distill.float_student, or use the method qat"
        )
    for name in _TRAINING_ONLY if method == "learned" and not recipe.compare else ():
        if getattr(section, name):
            raise recipe.error(f"quantize.{name}", "the method learned trains without it", do="remove it, or compare with qat or qap")
    if method == "ptq" and section.start == "scratch":
        raise recipe.error("quantize.start", "the method ptq does not train, so it cannot start from fresh weights", expected="float")
    if method == "ptq" and any((recipe.prune.sparsity, *recipe.prune.layers.values())):
        raise recipe.error("prune.sparsity", "the method ptq does not train, so nothing can be pruned", do="set prune.sparsity: 0")
    try:
        shared_out(recipe.train.epochs, section.stages)
    except FpgaCompressError as error:
        raise recipe.error("quantize.stages", error.received, expected=error.expected, do=error.do) from None


def fresh(model: Any) -> Any:
    """The same layers with new initial weights (drawn from the global seed)."""
    from ..keras_stack import load

    return load().keras.models.clone_model(model)


def ranges_of(fits: Iterable[RangeFit], notes: Iterable[str]) -> dict[str, Any]:
    """What a run keeps of how integer bits were chosen: one row for each quantized tensor, and sentences."""
    return {"tensors": [fit.to_json() for fit in fits], "notes": list(notes)}


def post_trained(model: Any, recipe: Recipe, x: np.ndarray, input_type: FixedType) -> tuple[Any, dict[str, Any]]:
    """The student of the method ptq: the float model quantized with ranges from the first training samples, without training; and
    :func:`ranges_of` it.

    Args:
        model: trained float student.
        recipe: the recipe.
        x: preprocessed training samples.
        input_type: what the preprocessing delivers.
    """
    from ..quantize.ptq import post_training

    result = post_training(model, recipe.quantize, x, input_type=input_type)
    return result.student, ranges_of(result.report.ranges, result.report.notes)
