"""Small 2-D convolutional network for images: conv1, pool1, relu_conv1, ..., flatten, hidden1, ..., logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...keras_stack import load
from .. import MODELS


def image_shape(input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``(height, width)`` or ``(height, width, channels)`` with the channel axis made explicit; ValueError for anything else."""
    if len(input_shape) == 2:
        return (*input_shape, 1)
    if len(input_shape) == 3:
        return input_shape  # type: ignore[return-value]
    raise ValueError(f"an image of shape (height, width) or (height, width, channels) is needed, got {input_shape}")


@MODELS.register("cnn")
def cnn(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    filters: Sequence[int] = (16, 32),
    kernel: int = 3,
    hidden: Sequence[int] = (64,),
    dropout: float = 0.0,
    batchnorm: bool = False,
) -> Any:
    """Convolutions of ``filters`` channels, each with 2 x 2 max pooling and ReLU, then dense layers and logits.

    Args:
        input_shape: ``(height, width)`` or ``(height, width, channels)``.
        classes: number of logits.
        filters: channels of each convolution.
        kernel: side of the square window.
        hidden: widths of the dense layers behind the convolutions.
        dropout: fraction dropped before each dense layer in training.
        batchnorm: BatchNormalization between pooling and ReLU, and in the dense layers.
    """
    k = load().keras
    x = inputs = k.Input(image_shape(input_shape), name="input")
    for i, channels in enumerate(filters, 1):
        x = k.layers.Conv2D(int(channels), kernel, padding="same", kernel_initializer="he_uniform", name=f"conv{i}")(x)
        x = k.layers.MaxPooling2D(2, name=f"pool{i}")(x)  # before the ReLU, which gives the same values on a quarter of the pixels
        if batchnorm:
            x = k.layers.BatchNormalization(name=f"bn{i}")(x)
        x = k.layers.Activation("relu", name=f"relu_conv{i}")(x)
    x = k.layers.Flatten(name="flatten")(x)
    for i, width in enumerate(hidden, 1):
        if dropout:
            x = k.layers.Dropout(dropout, name=f"dropout{i}")(x)
        x = k.layers.Dense(int(width), kernel_initializer="he_uniform", name=f"hidden{i}")(x)
        if batchnorm:
            x = k.layers.BatchNormalization(name=f"bn_hidden{i}")(x)
        x = k.layers.Activation("relu", name=f"relu{i}")(x)
    if dropout:
        x = k.layers.Dropout(dropout, name="dropout_logits")(x)
    return k.Model(inputs, k.layers.Dense(classes, name="logits")(x), name="cnn")
