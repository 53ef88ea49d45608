"""Multi-layer perceptron: hidden1, relu1, hidden2, relu2, ..., logits."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...keras_stack import load
from .. import MODELS


@MODELS.register("mlp")
def mlp(
    input_shape: tuple[int, ...], classes: int, *, hidden: Sequence[int] = (128, 64), dropout: float = 0.0, batchnorm: bool = False
) -> Any:
    """``hidden`` dense layers with ReLU, then logits; the sample is flattened.

    Args:
        input_shape: shape of a sample; flattened to ``prod(input_shape)`` inputs.
        classes: number of logits.
        hidden: widths of the hidden layers.
        dropout: fraction dropped behind every hidden layer in training.
        batchnorm: BatchNormalization between dense and ReLU (folded into the weights when quantized).
    """
    k = load().keras
    x = inputs = k.Input((prod(input_shape),), name="input")
    for i, width in enumerate(hidden, 1):
        x = k.layers.Dense(int(width), kernel_initializer="he_uniform", name=f"hidden{i}")(x)
        if batchnorm:
            x = k.layers.BatchNormalization(name=f"bn{i}")(x)
        x = k.layers.Activation("relu", name=f"relu{i}")(x)
        if dropout:
            x = k.layers.Dropout(dropout, name=f"dropout{i}")(x)
    return k.Model(inputs, k.layers.Dense(classes, name="logits")(x), name="mlp")
