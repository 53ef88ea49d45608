"""A Keras model from a file, made to end in logits and to fit the data."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..keras_stack import load_model, prepared


def from_file(path: str | Path, input_shape: tuple[int, ...], classes: int) -> tuple[Any, list[str]]:
    """Read a model and check that it fits the data.

    Args:
        path: ``.h5``, ``.keras`` or SavedModel.
        input_shape: shape of one sample of the data set.
        classes: number of classes of the data set.

    Returns:
        A model ending in ``classes`` logits, and sentences about what was changed.

    Raises:
        ModelError: the file cannot be read, or input size or number of outputs differ from the data's.
    """
    ready = prepared(load_model(path))
    model = ready.model
    wanted = model.input_shape[1:]
    if None in wanted or prod(wanted) != prod(input_shape):
        raise ModelError(
            f"'{path}' takes inputs of shape {wanted}", expected=f"{prod(input_shape)} values, as the data's samples {input_shape} have"
        )
    if model.output_shape[-1] != classes:
        raise ModelError(f"'{path}' has {model.output_shape[-1]} outputs", expected=f"{classes}, the number of classes of the data")
    return model, list(ready.notes)
