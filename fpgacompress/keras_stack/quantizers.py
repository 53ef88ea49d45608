"""Quantizers of ours for QKeras layers: cut off instead of rounded.

``truncated_bits`` and ``truncated_relu`` are ``quantized_bits`` and ``quantized_relu`` with floor in place of round-half-to-even: in hardware
the bits below the least one are left out (``AP_TRN``), which takes no adder. They may be written as text, as in
``QActivation("truncated_relu(6,2)")``, once :func:`.stack.load` has run, and are read back from every file format.

A value loses half a step on average. Training makes up for it in the biases; :func:`fpgacompress.quantize.truncation.add_half_steps` starts
it there, because ``floor(x + 1/2)`` is ordinary rounding and a bias is added anyway.

Only :mod:`.stack` imports this module, behind the libraries.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from qkeras.quantizers import BaseQuantizer

from ..errors import ModelError


class _Truncated(BaseQuantizer):
    """What both share: ``floor(x / step)`` saturated, times ``step``, with the gradient of the saturated real function.

    Args:
        bits: total bits, sign included where there is one.
        integer: bits left of the binary point, sign not counted; may be negative.
        qnoise_factor: 1 quantizes; less mixes with the values before the truncation, as in QKeras.

    Raises:
        ModelError: bits or integer are no whole numbers in range.
    """

    signed: bool

    def __init__(self, bits: int = 8, integer: int = 0, qnoise_factor: float = 1.0) -> None:
        super().__init__()
        if int(bits) != bits or int(integer) != integer or not 1 + self.signed <= bits <= 24:
            raise ModelError(
                f"{type(self).__name__}({bits},{integer})",
                expected=f"whole numbers, {1 + self.signed} to 24 bits",
                do="write bits and integer bits, for example (6,2)",
            )
        self.bits, self.integer = int(bits), int(integer)
        self.qnoise_factor = qnoise_factor

    def __call__(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        x = x if x.dtype.is_floating else tf.cast(x, tf_keras.backend.floatx())
        levels = 2.0 ** (self.bits - self.signed)
        step = 2.0**self.integer / levels
        low, high = -levels * self.signed, levels - 1
        real = self._real(x, low * step, high * step)
        level = tf.clip_by_value(tf.floor(x * (1 / step)), low, high) * step
        mixed = level if _is_one(self.qnoise_factor) else real + tf.cast(self.qnoise_factor, x.dtype) * (level - real)
        # real - real is exactly 0, so the result is exactly the level, and the gradient is that of ``real``
        return tf.stop_gradient(mixed) + (real - tf.stop_gradient(real))

    @abc.abstractmethod
    def _real(self, x: Any, low: float, high: float) -> Any:
        """The function before the truncation; it gives the gradient."""

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.bits},{self.integer})"

    def max(self) -> float:
        """Largest magnitude, as QKeras asks for when it initialises weights."""
        return max(1.0, 2.0**self.integer)

    def min(self) -> float:
        """Smallest value, as QKeras asks for."""
        return -self.max() if self.signed else 0.0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> _Truncated:
        """The quantizer that :meth:`get_config` describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Settings as plain numbers."""
        return {"bits": self.bits, "integer": self.integer, "qnoise_factor": float(np.asarray(self.qnoise_factor))}


class truncated_bits(_Truncated):  # noqa: N801  (named like QKeras' own, because recipes and files hold the name)
    """``clip(floor(x / step), -2**(bits-1), 2**(bits-1) - 1) * step`` with ``step = 2**(integer + 1 - bits)``.

    That is ``ap_fixed<bits, integer + 1, AP_TRN, AP_SAT>``: towards minus infinity, also below zero. The gradient is 1 everywhere, as that of
    ``quantized_bits``.
    """

    signed = True

    def _real(self, x: Any, low: float, high: float) -> Any:
        return x


class truncated_relu(_Truncated):  # noqa: N801
    """``clip(floor(x / step), 0, 2**bits - 1) * step`` with ``step = 2**(integer - bits)``: ``ap_ufixed<bits, integer, AP_TRN, AP_SAT>``.

    The gradient is 1 between 0 and the largest level, else 0, as that of ``quantized_relu``.
    """

    signed = False

    def _real(self, x: Any, low: float, high: float) -> Any:
        return tf.minimum(tf.nn.relu(x), tf.constant(high, x.dtype))


class truncated_each(BaseQuantizer):  # noqa: N801
    """``truncated_bits`` or, without sign, ``truncated_relu`` with bits of its own for each element of the last axes.

    ``clip(floor(x / step), low, high) * step`` with ``step = 2**(integer + signed - bits)``. An element of 0 bits is always 0. The gradient is 1
    where nothing saturates.

    Args:
        bits: whole numbers, an array over the last axes of what is quantized (for the network's input: its shape), sign included.
        integer: bits left of the binary point, sign not counted, an array of the same shape.
        signed: values may be negative.

    Raises:
        ModelError: no whole numbers, or arrays of different shapes.
    """

    def __init__(self, bits: Any, integer: Any, signed: bool = False) -> None:
        super().__init__()
        widths, whole = np.asarray(bits, np.float64), np.asarray(integer, np.float64)
        right = widths.shape == whole.shape and widths.ndim and widths.size and np.all((widths >= 0) & (widths <= 24))
        if not right or not all(np.array_equal(a, np.rint(a)) for a in (widths, whole)):
            raise ModelError(
                f"truncated_each with bits of shape {widths.shape} and integer bits of shape {whole.shape}",
                expected="two arrays of one shape, of whole numbers, 0 to 24 bits",
            )
        self.bits, self.integer, self.signed = widths.astype(int).tolist(), whole.astype(int).tolist(), bool(signed)

    def __call__(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        x = x if x.dtype.is_floating else tf.cast(x, tf_keras.backend.floatx())
        bits, integer = np.asarray(self.bits), np.asarray(self.integer)
        step, magnitude = 2.0 ** (integer + self.signed - bits), 2.0 ** (bits - self.signed)
        low = np.where(bits > 0, -magnitude * self.signed, 0.0)
        high = np.where(bits > 0, magnitude - 1, 0.0)
        low, high, step, per_step = (tf.constant(a, x.dtype) for a in (low, high, step, 1 / step))
        level = tf.clip_by_value(tf.floor(x * per_step), low, high) * step
        real = tf.clip_by_value(x, low * step, high * step)
        return tf.stop_gradient(level) + (real - tf.stop_gradient(real))  # real - real is exactly 0

    def __str__(self) -> str:
        return f"truncated_each({np.min(self.bits)} to {np.max(self.bits)})"

    def max(self) -> float:
        """Largest magnitude, as QKeras asks for when it initialises weights."""
        return float(np.maximum(1.0, 2.0 ** np.max(np.asarray(self.integer, np.float64))))

    def min(self) -> float:
        """Smallest value, as QKeras asks for."""
        return -self.max() if self.signed else 0.0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> truncated_each:
        """The quantizer that :meth:`get_config` describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Settings as plain lists."""
        return {"bits": self.bits, "integer": self.integer, "signed": self.signed}


def _is_one(factor: Any) -> bool:
    return isinstance(factor, (int, float)) and factor == 1


CLASSES = (truncated_bits, truncated_relu, truncated_each)
"""What :func:`.stack.load` makes known to QKeras and to the readers of files."""
