"""ResNet-8 in the shape of MLPerf Tiny's image classifier: ``resnet`` with one block a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import MODELS
from .resnet import residual_network


@MODELS.register("resnet8")
def resnet8(input_shape: tuple[int, ...], classes: int, *, filters: Sequence[int] = (8, 16, 32), batchnorm: bool = True) -> Any:
    """A first convolution and three residual blocks of two convolutions each, then max pooling (exact in hardware) and logits.

    Args:
        input_shape: ``(height, width)`` or ``(height, width, channels)``.
        classes: number of logits.
        filters: channels of the three blocks; blocks 2 and 3 halve height and width.
        batchnorm: BatchNormalization behind every convolution (folded into the weights when quantized).
    """
    return residual_network(input_shape, classes, filters, 1, batchnorm=batchnorm, dropout=0.0, name="resnet8")
