"""Quantizers of ours whose fractional bits are variables, trained by gradient, for use inside QKeras layers.

``round(x * 2**f) / 2**f`` is constant in ``f`` almost everywhere. The error ``d = x - q`` has a size that halves with each further bit, so its
derivative is taken as ``-ln(2) * d``, and that of the result as ``+ln(2) * d`` (HGQ, arXiv 2405.00645, equation 15). Weights pass their
gradient straight through. ``f`` itself is rounded where it is used. A weight that rounds to 0 has no bits: it is pruned. Activations learn their range, too.

These are for training only: :mod:`fpgacompress.quantize.learned` replaces them by fixed quantizers of the same values.
Only :mod:`.stack` imports this module, behind the libraries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from qkeras.quantizers import BaseQuantizer

LOW, HIGH = -8.0, 12.0
"""Fractional bits stay between these."""
_LN2 = float(np.log(2.0))
_NEAR = 0.125
"""Steps of its grid: a pruned weight that is larger feels the price of the bit it would get, until it is two bits from coming back."""


def _clipped(fraction: Any) -> Any:
    return tf.clip_by_value(fraction, LOW, HIGH)


def _summed_like(gradient: Any, shape: tuple[int, ...]) -> Any:
    """A gradient summed over the axes along which an array of ``shape`` was broadcast."""
    ahead = len(gradient.shape) - len(shape)
    axes = [*range(ahead), *(ahead + i for i, n in enumerate(shape) if n == 1 and gradient.shape[ahead + i] != 1)]
    return tf.reshape(tf.reduce_sum(gradient, axes) if axes else gradient, shape)


class _Learned(BaseQuantizer):
    """A quantizer with fractional bits in a variable of ``shape``, which broadcasts against what is quantized."""

    def __init__(self, shape: Any, fraction: Any, name: str, frozen: bool) -> None:
        super().__init__()
        self.label = name
        self.shape = tuple(int(n) for n in shape)
        self.fraction = tf.Variable(
            np.broadcast_to(np.asarray(fraction, np.float32), self.shape), name=f"{name}_fraction", constraint=_clipped, trainable=True
        )
        self.frozen = frozen
        self.bits = 16  # QKeras asks for them when it initialises weights

    @property
    def whole(self) -> Any:
        """Whole fractional bits, a float tensor of the variable's shape; the gradient passes through."""
        return self.fraction + tf.stop_gradient(tf.round(self.fraction) - self.fraction)

    @property
    def fractions(self) -> np.ndarray:
        """:attr:`whole` as int64."""
        return np.rint(self.whole.numpy()).astype(np.int64)

    @property
    def variables(self) -> tuple[Any, ...]:
        """The fractional bits, which Keras' layers collect as weights of theirs."""
        return (self.fraction,)

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """The fractional bits unless they are frozen."""
        return () if self.frozen else (self.fraction,)

    @property
    def non_trainable_variables(self) -> tuple[Any, ...]:
        """What no gradient moves."""
        return (self.fraction,) if self.frozen else ()

    def max(self) -> float:
        """Largest magnitude, as QKeras asks for when it initialises weights."""
        return 1.0

    def min(self) -> float:
        """Smallest value, as QKeras asks for."""
        return -1.0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> _Learned:
        """The quantizer that :meth:`get_config` describes."""
        return cls(**config)


class learned_bits(_Learned):  # noqa: N801  (named like QKeras' own quantizers)
    """Weights on learned grids: ``round(x * 2**f) / 2**f``, half to even, without saturation (the range follows the weights).

    Args:
        shape: that of the kernel for bits per weight, ``(1, ..., c_out)`` per output channel, ``(1, ..., 1)`` per tensor.
        fraction: fractional bits at the start, one number or an array that broadcasts to ``shape``.
        name: prefix of the variable's name.
        silent: channels of the last axis that are 0 and stay 0.
        frozen: the bits are not trained.
    """

    def __init__(self, shape: Any, fraction: Any = 6.0, name: str = "learned_bits", silent: Any = (), frozen: bool = False) -> None:
        super().__init__(shape, fraction, name, frozen)
        self.silent = tuple(int(c) for c in silent)

    def __call__(self, x: Any) -> Any:
        heard = np.ones(x.shape[-1], np.float32)
        heard[list(self.silent)] = 0.0

        @tf.custom_gradient
        def quantize(x: Any, fraction: Any) -> Any:
            level = tf.round(x * tf.pow(2.0, fraction)) * tf.pow(2.0, -fraction) * heard

            def gradient(upstream: Any) -> Any:
                upstream = upstream * heard
                return upstream, _summed_like(upstream * _LN2 * (x - level), self.shape)

            return level, gradient

        return quantize(tf.convert_to_tensor(x), self.whole)

    def used_bits(self, x: Any) -> Any:
        """Bits of each weight between its leading one and the last place of its grid, 0 for weights that round to 0.

        Float tensor of the kernel's shape with the gradient 1 for the fractional bits of every weight that has bits. So it is for pruned weights
        with bits of their own that are close to coming back: without a price the noise of training brings them back again and again, and with
        thousands of them (wide inputs, low cost) nothing else can be learned. A gradient that is worth the price still does.
        """
        fraction = self.whole
        level = tf.stop_gradient(self(x))
        top = tf.floor(tf.math.log(tf.maximum(tf.abs(level), 2.0**-30)) / _LN2 + 1e-5) + 1.0
        pruned = tf.zeros_like(level)
        if self.shape == tuple(x.shape):
            near = tf.stop_gradient(tf.abs(x) * tf.pow(2.0, self.fraction) > _NEAR)
            pruned = tf.where(near, fraction - tf.stop_gradient(fraction), pruned)
        return tf.where(level != 0.0, tf.nn.relu(top + fraction), pruned)

    def get_config(self) -> dict[str, Any]:
        """Settings as plain numbers and lists; the fractional bits as they are now."""
        return {
            "shape": list(self.shape),
            "fraction": self.fraction.numpy().tolist(),
            "name": self.label,
            "silent": list(self.silent),
            "frozen": self.frozen,
        }


class learned_activation(_Learned):  # noqa: N801
    """Activations on learned grids in learned ranges, saturated: a ReLU, or the network's input.

    ``clip(floor(x * 2**f + half) / 2**f, low, 2**i - 2**-f)`` with ``low`` 0, or ``-2**i`` for signed inputs. ``half`` is 1/2 for
    ``rounding="nearest"`` (ties upwards), 0 for "truncate". Integer bits ``i`` are trained by the values that saturate, whose result is
    ``2**i``: its derivative is ``ln(2) * 2**i``. A range that cuts off the largest values is often worth the bit.

    Args:
        shape: that of a sample for bits per element (or per input feature), ``(channels,)`` per channel of the last axis, ``(1,)`` per tensor.
        fraction: fractional bits at the start.
        integer: integer bits without sign at the start.
        signed: the network's input may be negative.
        rounding: "nearest" or "truncate".
        name: prefix of the variables' names.
        frozen: the bits are not trained.
    """

    def __init__(
        self,
        shape: Any,
        fraction: Any = 6.0,
        integer: Any = 0.0,
        signed: bool = False,
        rounding: str = "nearest",
        name: str = "learned_activation",
        frozen: bool = False,
    ) -> None:
        super().__init__(shape, fraction, name, frozen)
        self.signed, self.rounding = bool(signed), rounding
        ranges = np.broadcast_to(np.asarray(integer, np.float32), self.shape)
        self.range = tf.Variable(ranges, name=f"{name}_integer", constraint=_clipped, trainable=True)

    @property
    def variables(self) -> tuple[Any, ...]:
        """Fractional and integer bits."""
        return (self.fraction, self.range)

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """Both unless they are frozen."""
        return () if self.frozen else self.variables

    @property
    def non_trainable_variables(self) -> tuple[Any, ...]:
        """What no gradient moves."""
        return self.variables if self.frozen else ()

    @property
    def whole(self) -> Any:
        """Whole fractional bits; a tensor that has one number for all keeps one bit of value, or nothing would pass."""
        whole = super().whole
        return whole if self.shape != (1,) else whole + tf.stop_gradient(tf.nn.relu(1.0 - self.integer - whole))

    @property
    def integer(self) -> Any:
        """Whole integer bits without sign, a float tensor of the variable's shape; the gradient passes through."""
        return self.range + tf.stop_gradient(tf.round(self.range) - self.range)

    @property
    def integers(self) -> np.ndarray:
        """:attr:`integer` as int64."""
        return np.rint(np.asarray(self.integer)).astype(np.int64)

    def __call__(self, x: Any) -> Any:
        half = 0.5 if self.rounding == "nearest" else 0.0

        @tf.custom_gradient
        def quantize(x: Any, fraction: Any, integer: Any) -> Any:
            scale, step, top = tf.pow(2.0, fraction), tf.pow(2.0, -fraction), tf.pow(2.0, integer)
            low = -tf.where(scale * top >= 1.0, top, 0.0) if self.signed else tf.zeros_like(top)  # without a bit there is no sign, either
            level = tf.clip_by_value(tf.floor(x * scale + half) * step, low, tf.maximum(top - step, 0.0))
            over, under = tf.cast(x >= top, x.dtype), tf.cast(x < low, x.dtype)
            inside = 1.0 - over - under

            def gradient(upstream: Any) -> Any:
                felt = upstream * inside
                moved = upstream * _LN2 * top * (over - under if self.signed else over)
                return felt, _summed_like(felt * _LN2 * (x - level), self.shape), _summed_like(moved, self.shape)

            return level, gradient

        return quantize(tf.convert_to_tensor(x), self.whole, self.integer)

    def used_bits(self) -> Any:
        """Bits of a value, sign included, not below 0; float tensor of the variable's shape."""
        return tf.nn.relu(self.whole + self.integer + float(self.signed))

    def get_config(self) -> dict[str, Any]:
        """Settings as plain numbers and lists; the bits as they are now."""
        return {
            "shape": list(self.shape),
            "fraction": self.fraction.numpy().tolist(),
            "integer": self.range.numpy().tolist(),
            "signed": self.signed,
            "rounding": self.rounding,
            "name": self.label,
            "frozen": self.frozen,
        }


CLASSES = (learned_bits, learned_activation)
"""What :func:`.stack.load` makes known to QKeras and to the readers of files."""
