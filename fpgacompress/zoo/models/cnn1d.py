"""Small 1-D convolutional network for beats and pulses: conv1, relu1, pool1, ..., flatten, hidden1, logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...keras_stack import load
from .. import MODELS


@MODELS.register("cnn1d")
def cnn1d(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    filters: Sequence[int] = (8, 16),
    kernel: int = 5,
    pool: int = 4,
    hidden: Sequence[int] = (16,),
    dropout: float = 0.0,
    batchnorm: bool = False,
) -> Any:
    """1-D convolutions, each with ReLU and max pooling, then dense layers and logits.

    Args:
        input_shape: ``(samples,)`` or ``(samples, channels)``.
        classes: number of logits.
        filters: channels of each convolution.
        kernel: length of the window.
        pool: samples merged by each max pooling.
        hidden: widths of the dense layers behind the convolutions.
        dropout: fraction dropped before the logits in training.
        batchnorm: BatchNormalization between convolution and ReLU.
    """
    k = load().keras
    if len(input_shape) not in (1, 2):
        raise ValueError(f"a series of shape (samples,) or (samples, channels) is needed, got {input_shape}")
    shape = input_shape if len(input_shape) == 2 else (*input_shape, 1)
    x = inputs = k.Input(shape, name="input")
    for i, channels in enumerate(filters, 1):
        x = k.layers.Conv1D(int(channels), kernel, padding="same", kernel_initializer="he_uniform", name=f"conv{i}")(x)
        if batchnorm:
            x = k.layers.BatchNormalization(name=f"bn{i}")(x)
        x = k.layers.Activation("relu", name=f"relu_conv{i}")(x)
        x = k.layers.MaxPooling1D(pool, name=f"pool{i}")(x)
    x = k.layers.Flatten(name="flatten")(x)
    for i, width in enumerate(hidden, 1):
        x = k.layers.Dense(int(width), kernel_initializer="he_uniform", name=f"hidden{i}")(x)
        x = k.layers.Activation("relu", name=f"relu{i}")(x)
    if dropout:
        x = k.layers.Dropout(dropout, name="dropout")(x)
    return k.Model(inputs, k.layers.Dense(classes, name="logits")(x), name="cnn1d")
