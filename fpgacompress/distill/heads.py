"""Small maps that are trained with a student and thrown away afterwards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..keras_stack import load


def pooled(feature: Any) -> Any:
    """Mean over height and width, ``(batch, channels)``; dense features as they are."""
    return load().tf.reduce_mean(feature, list(range(1, len(feature.shape) - 1)))


class Linear:
    """A linear map of channels; of a dense layer a matrix, of a feature map a convolution of one pixel.

    Args:
        channels_in, channels_out: its sizes.
        name: prefix of the variables' names.
        rng: draws the kernel.
    """

    def __init__(self, channels_in: int, channels_out: int, name: str, rng: np.random.Generator) -> None:
        tf, limit = load().tf, math.sqrt(6 / (channels_in + channels_out))
        self.kernel = tf.Variable(rng.uniform(-limit, limit, (channels_in, channels_out)).astype(np.float32), name=f"{name}_kernel")
        self.bias = tf.Variable(np.zeros(channels_out, np.float32), name=f"{name}_bias")

    @property
    def variables(self) -> tuple[Any, Any]:
        """Kernel and bias."""
        return self.kernel, self.bias

    def __call__(self, feature: Any) -> Any:
        return load().tf.tensordot(feature, self.kernel, 1) + self.bias
