"""Residual networks for small images, ending in max pooling (exact in hardware) instead of average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...keras_stack import load
from .. import MODELS
from .cnn import image_shape

_POOL = 4


def pooled_logits(x: Any, classes: int, dropout: float = 0.0) -> Any:
    """Logits ``(batch, classes)`` of a feature map ``(batch, height, width, channels)``: max pooling over at most 4 x 4, then a dense layer.

    Args:
        x: Keras tensor.
        classes: number of logits.
        dropout: fraction dropped before the logits in training.
    """
    k = load().keras
    x = k.layers.MaxPooling2D(max(1, min(_POOL, x.shape[1], x.shape[2])), name="pool")(x)
    x = k.layers.Flatten(name="flatten")(x)
    if dropout:
        x = k.layers.Dropout(dropout, name="dropout")(x)
    return k.layers.Dense(classes, name="logits")(x)


def blocks_of(blocks: int | Sequence[int], filters: Sequence[int]) -> list[int]:
    """Residual blocks of each stage.

    Args:
        blocks: one number for all stages, or one for each.
        filters: channels of each stage.

    Raises:
        ValueError: as many numbers as there are stages are needed.
    """
    found = [int(blocks)] * len(filters) if isinstance(blocks, int) else [int(n) for n in blocks]
    if len(found) != len(filters):
        raise ValueError(f"blocks has {len(found)} numbers for {len(filters)} stages of filters")
    return found


def residual_network(
    input_shape: tuple[int, ...],
    classes: int,
    filters: Sequence[int],
    blocks: int | Sequence[int],
    *,
    batchnorm: bool,
    dropout: float,
    name: str,
) -> Any:
    """The model called ``name``; blocks are numbered through: conv0, conv1a, conv1b, conv1s (shortcut), add1, ..., pool, flatten, logits."""
    k = load().keras

    def conv(x: Any, channels: int, name: str, *, strides: int = 1, kernel: int = 3) -> Any:
        x = k.layers.Conv2D(int(channels), kernel, strides=strides, padding="same", kernel_initializer="he_uniform", name=f"conv{name}")(x)
        return k.layers.BatchNormalization(name=f"bn{name}")(x) if batchnorm else x

    def relu(x: Any, name: str) -> Any:
        return k.layers.Activation("relu", name=f"relu{name}")(x)

    inputs = k.Input(image_shape(input_shape), name="input")
    x = relu(conv(inputs, filters[0], "0"), "0")
    counts = blocks_of(blocks, filters)
    plan = [(channels, stage > 0 and n == 0) for stage, channels in enumerate(filters) for n in range(counts[stage])]
    for block, (channels, halves) in enumerate(plan, 1):
        strides = 2 if halves else 1
        y = relu(conv(x, channels, f"{block}a", strides=strides), f"{block}a")
        y = conv(y, channels, f"{block}b")
        shortcut = x if strides == 1 and x.shape[-1] == channels else conv(x, channels, f"{block}s", strides=strides, kernel=1)
        x = relu(k.layers.Add(name=f"add{block}")([y, shortcut]), f"{block}")
    return k.Model(inputs, pooled_logits(x, classes, dropout), name=name)


@MODELS.register("resnet")
def resnet(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    blocks: int | Sequence[int] = 3,
    batchnorm: bool = True,
    dropout: float = 0.0,
) -> Any:
    """A first convolution, stages of residual blocks of two convolutions each, then max pooling and logits.

    He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2: three stages of n blocks have 6n + 2 layers,
    so the default is ResNet-20, ``blocks: 5`` ResNet-32, ``blocks: 9`` ResNet-56. Not as there: a shortcut that changes its shape is a 1 x 1
    convolution, and the end is max pooling.

    A teacher of this size starts from random weights, as nothing is downloaded. A teacher that was trained elsewhere, on more data, is named
    by its Keras file: ``teacher: {file: resnet.h5}``.

    Args:
        input_shape: ``(height, width)`` or ``(height, width, channels)``.
        classes: number of logits.
        filters: channels of each stage; every stage but the first halves height and width.
        blocks: residual blocks of each stage, one number for all or one for each.
        batchnorm: BatchNormalization behind every convolution (folded into the weights when quantized).
        dropout: fraction dropped before the logits in training.

    Raises:
        ValueError: not an image, or ``blocks`` and ``filters`` of different lengths.
    """
    return residual_network(input_shape, classes, filters, blocks, batchnorm=batchnorm, dropout=dropout, name="resnet")
