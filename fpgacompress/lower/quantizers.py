"""QKeras quantizers as fixed-point types, and weights as the integers behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import Tensor
from ..integer.types import FixedType


def _refuse(where: str, quantizer: Any, why: str, fix: str) -> UnsupportedError:
    return UnsupportedError(f"{where} has the quantizer {quantizer}: {why}", do=fix)


def _number(value: Any) -> int:
    return int(value.numpy()) if hasattr(value, "numpy") else int(value)


def _bits(quantizer: Any, where: str) -> FixedType:
    """``quantized_bits``: ``m_i * clip(round(x * m / m_i), -m + symmetric, m - 1) / m`` (qkeras 0.9, quantizers.py) is round half to even, saturating."""
    alpha = quantizer.alpha
    if alpha is None or isinstance(alpha, str) or np.any(np.asarray(alpha) != 1):
        shown = "None, which QKeras reads as auto_po2" if alpha is None else repr(alpha)
        raise _refuse(
            where, quantizer, f"alpha is {shown}, so the scale depends on the data", "write alpha=1 in the quantizer and train again"
        )
    width, integer, signed = int(quantizer.bits), _number(quantizer.integer), bool(quantizer.keep_negative)
    if width - signed < 1:
        raise _refuse(where, quantizer, "one signed bit is a sign function, not a fixed-point type", "use at least 2 bits")
    symmetric = signed and bool(quantizer.symmetric)
    return FixedType(width, integer + signed, signed, "RND_CONV", "SAT_SYM" if symmetric else "SAT")


def _relu(quantizer: Any, where: str) -> FixedType:
    """``quantized_relu`` without slope: ``m_i * clip(round(x * m / m_i) / m, 0, 1 - 1/m)`` (qkeras 0.9, quantizers.py)."""
    if float(quantizer.negative_slope) != 0:
        raise _refuse(where, quantizer, "a slope below zero is not supported yet", "use negative_slope=0")
    if quantizer.use_sigmoid:
        raise _refuse(where, quantizer, "use_sigmoid is not supported", "use use_sigmoid=0")
    if quantizer.relu_upper_bound is not None and not quantizer.is_quantized_clip:
        raise _refuse(where, quantizer, "relu_upper_bound is not supported yet", "choose the upper bound with the integer bits")
    return FixedType(int(quantizer.bits), _number(quantizer.integer), False, "RND_CONV", "SAT")


_KNOWN = {"quantized_bits": _bits, "quantized_relu": _relu}


def fixed_type(quantizer: Any, where: str) -> FixedType:
    """The fixed-point type a quantizer casts to.

    Args:
        quantizer: a QKeras quantizer object.
        where: the place, for messages ("the kernel of layer 'fc1'").

    Raises:
        UnsupportedError: no exact fixed-point meaning; names the place and the fix.
    """
    kind = type(quantizer).__name__
    if kind not in _KNOWN:
        raise UnsupportedError(
            f"{where} has the quantizer '{getattr(quantizer, '__name__', kind)}', which has no exact fixed-point type here",
            expected=f"one of {', '.join(sorted(_KNOWN))}",
        )
    noise = getattr(quantizer, "qnoise_factor", 1.0)
    if float(noise.numpy() if hasattr(noise, "numpy") else noise) != 1.0:
        raise _refuse(where, quantizer, "qnoise_factor is not 1, so it quantizes only in part", "set qnoise_factor=1 before lowering")
    return _KNOWN[kind](quantizer, where)


def quantized_tensor(values: Any, quantizer: Any, where: str) -> Tensor:
    """Weights as the layer's own quantizer delivers them, as stored integers.

    Args:
        values: the layer's float weights.
        quantizer: its quantizer object; it is called, so what comes out is what training used.
        where: for messages.

    Raises:
        UnsupportedError: no exact type, or the quantizer's result is not on that type's grid.
    """
    target = fixed_type(quantizer, where)
    quantized = np.asarray(quantizer(values), np.float64)
    plain = FixedType(target.width, target.integer, target.signed, overflow="SAT_SYM" if target.overflow == "SAT_SYM" else "WRAP")
    try:
        return Tensor(target.exactly(quantized), FixedType(plain.width, plain.integer, plain.signed))
    except ValueError as error:
        raise UnsupportedError(f"{where}: the quantizer {quantizer} gave weights that are not on its own grid ({error})") from error
