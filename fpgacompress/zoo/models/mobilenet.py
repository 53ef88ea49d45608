"""MobileNetV2 for small images: inverted residual blocks with linear bottlenecks, ending in max pooling (exact in hardware)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...keras_stack import load
from .. import MODELS
from .cnn import image_shape
from .resnet import pooled_logits

_MOMENTUM = 0.9
"""Of the statistics of BatchNormalization. With Keras' 0.99 those of so many layers are still wrong after a few hundred steps: 1 and then 3 epochs on 4,000
images of Fashion-MNIST end at 0.17 of the validation images (one seed), with 0.9 at 0.78."""


@MODELS.register("mobilenet")
def mobilenet(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    first: int = 8,
    filters: Sequence[int] = (16, 16, 24, 24),
    expansion: int = 4,
    last: int = 64,
    dropout: float = 0.0,
) -> Any:
    """A first convolution, inverted residual blocks, a last 1 x 1 convolution, then max pooling and logits.

    Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381. A block widens with a 1 x 1 convolution
    (expand1), filters each channel with a 3 x 3 depthwise one (depthwise1), narrows with a 1 x 1 convolution without activation (project1),
    and adds its input where that has the same shape (add1). BatchNormalization is behind every convolution and is folded when quantized.

    Not as in the paper: plain ReLU in place of ReLU6, as the quantizer of each ReLU saturates anyway and ``quantize`` refuses a bounded one;
    the first convolution keeps height and width, as images are small; the end is max pooling, not average pooling.

    Args:
        input_shape: ``(height, width)`` or ``(height, width, channels)``.
        classes: number of logits.
        first: channels of the first convolution.
        filters: channels that each block ends in; a block whose channels differ from those it reads halves height and width.
        expansion: channels inside a block over the channels it reads; with 1 there is no widening convolution, as in the paper.
        last: channels of the last convolution.
        dropout: fraction dropped before the logits in training.

    Raises:
        ValueError: not an image.
    """
    k = load().keras

    def normal(x: Any, layer: Any, *, relu: bool = True) -> Any:
        name = layer.name
        x = k.layers.BatchNormalization(momentum=_MOMENTUM, name=f"bn_{name}")(layer(x))
        return k.layers.Activation("relu", name=f"relu_{name}")(x) if relu else x

    def conv(channels: int, kernel: int, name: str) -> Any:
        return k.layers.Conv2D(int(channels), kernel, padding="same", kernel_initializer="he_uniform", name=name)

    inputs = k.Input(image_shape(input_shape), name="input")
    x = normal(inputs, conv(first, 3, "conv"))
    for block, channels in enumerate(filters, 1):
        before, same = x, x.shape[-1] == channels
        if expansion > 1:
            x = normal(x, conv(expansion * x.shape[-1], 1, f"expand{block}"))
        x = normal(x, k.layers.DepthwiseConv2D(3, strides=1 if same else 2, padding="same", name=f"depthwise{block}"))
        x = normal(x, conv(channels, 1, f"project{block}"), relu=False)
        x = k.layers.Add(name=f"add{block}")([x, before]) if same else x
    x = normal(x, conv(last, 1, "last"))
    return k.Model(inputs, pooled_logits(x, classes, dropout), name="mobilenet")
