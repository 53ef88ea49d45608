"""A Keras model from a file, made to end in logits."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..keras_stack import load, load_model

_SQUASHING = ("softmax", "sigmoid")


def _squashes(layer: Any) -> bool:
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", str(activation or ""))
    return type(layer).__name__ == "Softmax" or name in _SQUASHING


def to_logits(model: Any) -> tuple[Any, str | None]:
    """Remove a final softmax or sigmoid, as a layer of its own or inside the last dense layer.

    Returns:
        The model ending in logits (weights shared with the given one) and a sentence saying what was removed, or None.

    Raises:
        ModelError: the model is not a chain that ends in one output tensor.
    """
    if len(model.outputs) != 1:
        raise ModelError(
            f"the model '{model.name}' has {len(model.outputs)} outputs", expected="one output, the logits or class probabilities"
        )
    keras = load().keras
    last = model.layers[-1]
    if not _squashes(last):
        return model, None
    if last.weights:  # softmax inside the last dense layer: the same layer with a linear activation
        config = last.get_config()
        what = f"the {getattr(last.activation, '__name__', 'final')} inside '{last.name}' was removed"
        config["activation"] = "linear"
        plain = type(last).from_config(config)
        result = keras.Model(model.inputs, plain(last.input), name=model.name)
        plain.set_weights(last.get_weights())
        return result, what
    return keras.Model(model.inputs, last.input, name=model.name), f"the final {type(last).__name__} '{last.name}' was removed"


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
    model, note = to_logits(load_model(path))
    wanted = model.input_shape[1:]
    if None in wanted or prod(wanted) != prod(input_shape):
        raise ModelError(
            f"'{path}' takes inputs of shape {wanted}", expected=f"{prod(input_shape)} values, as the data's samples {input_shape} have"
        )
    if model.output_shape[-1] != classes:
        raise ModelError(f"'{path}' has {model.output_shape[-1]} outputs", expected=f"{classes}, the number of classes of the data")
    return model, [note] if note else []
