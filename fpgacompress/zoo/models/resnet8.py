"""ResNet-8 in the shape of MLPerf Tiny's image classifier, ending in max pooling (exact in hardware) instead of average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...keras_stack import load
from .. import MODELS
from .cnn import image_shape


@MODELS.register("resnet8")
def resnet8(input_shape: tuple[int, ...], classes: int, *, filters: Sequence[int] = (8, 16, 32), batchnorm: bool = True) -> Any:
    """A first convolution and three residual blocks of two convolutions each, then max pooling and logits.

    Args:
        input_shape: ``(height, width)`` or ``(height, width, channels)``.
        classes: number of logits.
        filters: channels of the three blocks; blocks 2 and 3 halve height and width.
        batchnorm: BatchNormalization behind every convolution (folded into the weights when quantized).
    """
    k = load().keras

    def conv(x: Any, channels: int, name: str, *, strides: int = 1, kernel: int = 3) -> Any:
        x = k.layers.Conv2D(int(channels), kernel, strides=strides, padding="same", kernel_initializer="he_uniform", name=f"conv{name}")(x)
        return k.layers.BatchNormalization(name=f"bn{name}")(x) if batchnorm else x

    def relu(x: Any, name: str) -> Any:
        return k.layers.Activation("relu", name=f"relu{name}")(x)

    inputs = k.Input(image_shape(input_shape), name="input")
    x = relu(conv(inputs, filters[0], "0"), "0")
    for block, channels in enumerate(filters, 1):
        strides = 1 if block == 1 else 2
        y = relu(conv(x, channels, f"{block}a", strides=strides), f"{block}a")
        y = conv(y, channels, f"{block}b")
        shortcut = x if strides == 1 and x.shape[-1] == channels else conv(x, channels, f"{block}s", strides=strides, kernel=1)
        x = relu(k.layers.Add(name=f"add{block}")([y, shortcut]), f"{block}")
    x = k.layers.MaxPooling2D(max(1, min(4, x.shape[1], x.shape[2])), name="pool")(x)
    x = k.layers.Flatten(name="flatten")(x)
    return k.Model(inputs, k.layers.Dense(classes, name="logits")(x), name="resnet8")
