"""The float model that post-training quantization starts from: a copy whose BatchNormalization is folded into the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...keras_stack import load, replaced
from ..fold import fold_batchnorm
from ..sites import is_weighted


def folded_model(model: Any) -> Any:
    """A copy of a float model in which every BatchNormalization is folded into the layer before it (a linear activation stays in its place).

    Every layer with weights has a bias. The outputs are those of ``model`` up to float32 rounding.

    Args:
        model: float tf_keras model ending in logits; it is not changed.

    Raises:
        UnsupportedError: a BatchNormalization that cannot be folded; the message names it.
    """
    keras = load().keras
    folded = fold_batchnorm(model)
    made: dict[str, Any] = {}

    def twin(layer: Any) -> Any:
        if layer.name in folded:
            return type(layer).from_config(layer.get_config() | {"use_bias": True})
        if type(layer).__name__ == "BatchNormalization":
            return keras.layers.Activation("linear", name=layer.name)
        return type(layer).from_config(layer.get_config())

    def call(layer: Any, args: Any, kwargs: Any) -> Any:
        if layer.name not in made:
            made[layer.name] = twin(layer)
        return made[layer.name](*args, **kwargs)

    copy = replaced(model, call)
    for name, weights in folded.items():
        copy.get_layer(name).set_weights([w.astype(np.float32) for w in weights])
    return copy


def weighted_names(model: Any) -> list[str]:
    """Names of the layers with a kernel, in the model's order."""
    return [layer.name for layer in model.layers if is_weighted(layer)]
