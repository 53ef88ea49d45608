"""A weight quantizer of ours for QKeras layers: one power-of-two range for each output channel.

QKeras 0.9 has no such quantizer that is sound: ``alpha`` as an array scales what ``quantized_bits`` delivers but not what it rounds, and
cannot be written to a file; ``alpha='auto_po2'`` computes its scales anew from the weights in each call, so that a scale may jump at any
update and is nowhere in the file; ``integer`` as an array fails in ``max``.

Only :mod:`.stack` imports this module, behind the libraries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from qkeras.quantizers import BaseQuantizer

from ..errors import ModelError


class channel_bits(BaseQuantizer):  # noqa: N801  (named like QKeras' own, because files hold the name)
    """``quantized_bits(bits, integer[c], symmetric, alpha=1)`` for each channel ``c`` of the last axes.

    ``2**i * clip(round(x * m / 2**i), -m + symmetric, m - 1) / m`` with ``m = 2**(bits - 1)``, half to even. With one bit it is
    ``2**(i - 1)`` where ``x >= 0``, else ``-2**(i - 1)``. The gradient is 1 everywhere, as that of ``quantized_bits``.

    Args:
        bits: of each weight, sign included; 1 for two levels.
        integer: integer bits without sign, an array over the last axes of the kernel: ``(c_out,)``, or ``(c, multiplier)`` for a depthwise one.
        symmetric: 1 leaves out the lowest level.
        qnoise_factor: 1 quantizes; less mixes with the real weights, as in QKeras.

    Raises:
        ModelError: bits or integer are no whole numbers.
    """

    def __init__(self, bits: int = 8, integer: Any = 0, symmetric: int = 0, qnoise_factor: float = 1.0) -> None:
        super().__init__()
        ranges = np.asarray(integer, np.float64)
        if int(bits) != bits or not 1 <= bits <= 24 or not np.array_equal(ranges, np.rint(ranges)):
            raise ModelError(f"channel_bits({bits},{integer})", expected="1 to 24 bits, and whole numbers of integer bits")
        self.bits, self.integer, self.symmetric = int(bits), ranges.astype(int).tolist(), int(symmetric)
        self.qnoise_factor = qnoise_factor

    def __call__(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        x = x if x.dtype.is_floating else tf.cast(x, tf_keras.backend.floatx())
        integer = np.asarray(self.integer, np.float64)
        if self.bits == 1:
            half = tf.constant(2.0 ** (integer - 1), x.dtype)
            level = tf.where(x >= 0, half, -half)
        else:
            # multiplied by the reciprocal: TensorFlow's graph optimizer makes one of a divisor, off by a last place for 8 channels or more
            m = 2.0 ** (self.bits - 1)
            step, per_step = (tf.constant(power, x.dtype) for power in (2.0**integer / m, m / 2.0**integer))
            level = step * tf.clip_by_value(tf.round(x * per_step), self.symmetric - m, m - 1)
        factor = self.qnoise_factor
        one = isinstance(factor, (int, float)) and factor == 1
        mixed = level if one else x + tf.cast(factor, x.dtype) * (level - x)
        return tf.stop_gradient(mixed) + (x - tf.stop_gradient(x))  # x - x is exactly 0, so the result is exactly the level

    def __str__(self) -> str:
        low, high = np.min(self.integer), np.max(self.integer)
        return f"channel_bits({self.bits},{low} to {high},{self.symmetric})"

    def max(self) -> float:
        """Largest magnitude, as QKeras asks for when it initialises weights."""
        return max(1.0, 2.0 ** float(np.max(self.integer)))

    def min(self) -> float:
        """Smallest value, as QKeras asks for."""
        return -self.max()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> channel_bits:
        """The quantizer that :meth:`get_config` describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Settings as plain numbers and lists."""
        return {
            "bits": self.bits,
            "integer": self.integer,
            "symmetric": self.symmetric,
            "qnoise_factor": float(np.asarray(self.qnoise_factor)),
        }


CLASSES = (channel_bits,)
"""What :func:`.stack.load` makes known to QKeras and to the readers of files."""
