"""QKeras' activation quantizers as steps of exact operations.

Every rule states the formula it was read from (qkeras 0.9, ``quantizers.py``). ``m`` is 2**(bits without sign), ``m_i`` is 2**integer.
QKeras returns ``x + (-x + q(x))``. Where the level has the input's sign and is at least half of it, the float32 error of the difference is at
most half of the level's last place and rounds away. Beyond that (saturation) the result is exact as long as input and level lie on one grid
of 24 bits, as for sums: where they do not, float32 is wrong, not the integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import keras_stack
from ..errors import UnsupportedError
from ..integer.types import FixedType
from .dyadic import fraction_bits, power_of_two
from .steps import Cast, CastEach, Clip, Leaky, Relu, Scale, Shift, Step, Threshold, above, at_least
from .thresholds import po2_steps


def refuse(where: str, quantizer: Any, why: str, fix: str) -> UnsupportedError:
    """The error for a quantizer that has no exact form."""
    return UnsupportedError(f"{where} has the quantizer {_shown(quantizer)}: {why}", do=fix)


def _shown(quantizer: Any) -> str:
    try:
        return str(quantizer)
    except (AssertionError, TypeError):  # quantized_hswish and quantized_relu_po2 fail in their own __str__
        return f"'{type(quantizer).__name__}'"


def number(value: Any) -> float:
    """A setting as a plain number, also when it is a TensorFlow variable or an array of one or of equal elements."""
    array = np.unique(np.asarray(value.numpy() if hasattr(value, "numpy") else value, np.float64))
    return float(array[0]) if array.size == 1 else float("nan")


def check_noise(quantizer: Any, where: str) -> None:
    """A quantizer with ``qnoise_factor`` other than 1 quantizes only in part.

    Raises:
        UnsupportedError: it is not 1.
    """
    if number(getattr(quantizer, "qnoise_factor", 1.0)) != 1.0:
        raise refuse(where, quantizer, "qnoise_factor is not 1, so it quantizes only in part", "set qnoise_factor=1 before lowering")


def _fixed_scale(quantizer: Any, where: str) -> float:
    """``alpha`` of an activation: None is 1 (only weights read it as auto_po2), text depends on the batch."""
    alpha = quantizer.alpha
    if alpha is None:
        return 1.0
    if isinstance(alpha, str):
        raise refuse(where, quantizer, f"alpha is '{alpha}', so the scale depends on the batch", "write alpha=1 and train again")
    scale = number(alpha)
    if not scale > 0:
        raise refuse(where, quantizer, f"alpha is {alpha}", "write one positive alpha for all channels, best alpha=1")
    return float(np.float32(scale))


def bits_type(quantizer: Any) -> FixedType | None:
    """The type of ``quantized_bits`` with alpha=1, ``m_i * clip(round(x * m / m_i), keep_negative * (-m + symmetric), m - 1) / m``.

    None where it has one signed bit: then it is a sign function.
    """
    signed = bool(quantizer.keep_negative)
    if int(quantizer.bits) - signed < 1:
        return None
    overflow = "SAT_SYM" if signed and bool(quantizer.symmetric) else "SAT"
    return FixedType(int(quantizer.bits), int(number(quantizer.integer)) + signed, signed, "RND_CONV", overflow)


def _bits(quantizer: Any, where: str) -> list[Step]:
    """``alpha`` times the cast of :func:`bits_type`; with one signed bit ``alpha * sign(x)``, where 0 counts as positive."""
    scale, type = _fixed_scale(quantizer, where), bits_type(quantizer)
    if type is None:
        return [Threshold([at_least(0)], [-scale if quantizer.keep_negative else 0.0, scale])]
    shift = power_of_two(scale)
    if shift is None:
        raise refuse(where, quantizer, f"alpha is {quantizer.alpha}, which is no power of two", "write alpha=1, or a power of two")
    return [Cast(type)] if shift == 0 else [Cast(type), Shift(shift)]


def _relu(quantizer: Any, where: str) -> list[Step]:
    """``m_i * clip(round(x m / m_i) / m, 0, 1 - 1/m) + m_i s clip(round(x m s / m_i) / (s m), -1, 0)``, then at most ``relu_upper_bound``."""
    if quantizer.use_sigmoid:
        return _relu_sigmoid(quantizer, where)
    integer, slope = int(number(quantizer.integer)), float(quantizer.negative_slope)
    if slope == 0:
        type = FixedType(int(quantizer.bits), integer, False, "RND_CONV", "SAT")
        steps: list[Step] = [Cast(type)]
    else:
        type = FixedType(int(quantizer.bits), integer + 1, True, "RND_CONV", "SAT")
        shift = -(power_of_two(slope) or 0)
        if shift < 0 or type.width - 1 < shift:
            raise refuse(
                where, quantizer, f"a negative slope of {slope} leaves no level below zero", "use a slope between 2**(1 - bits) and 1"
            )
        steps = [Cast(type)] if shift == 0 else [Leaky(shift), Clip(-(2.0 ** (integer - shift)), None), Cast(type)]
    bound = quantizer.relu_upper_bound
    if bound and not quantizer.is_quantized_clip and float(np.float32(bound)) < type.maximum:
        steps.append(Clip(type.minimum, float(np.float32(bound))))
    return steps


def _truncated(quantizer: Any, where: str) -> list[Step]:
    """``clip(floor(x * m / m_i), ...)``: the cast that leaves low bits out (our :mod:`..keras_stack.quantizers`); exact in float32 as such."""
    signed = bool(quantizer.signed)
    return [Cast(FixedType(int(quantizer.bits), int(quantizer.integer) + signed, signed, "TRN", "SAT"))]


def _truncated_each(quantizer: Any, where: str) -> list[Step]:
    """The same with bits of its own for each element."""
    integer = np.asarray(quantizer.integer, np.int64) + bool(quantizer.signed)
    return [CastEach(np.asarray(quantizer.bits).tolist(), integer.tolist(), bool(quantizer.signed))]


def _internal_sigmoid(where: str, quantizer: Any) -> float:
    """Slope of QKeras' internal sigmoid ``clip(slope * x + 0.5, 0, 1)``: 0.5 (hard) or 0.1875 (smooth)."""
    module = keras_stack.load().qkeras.quantizers
    slopes = {module.hard_sigmoid: 0.5, module.smooth_sigmoid: 0.1875}
    if module._sigmoid not in slopes:
        raise refuse(
            where, quantizer, "QKeras' internal sigmoid is set to 'real'", "train with qkeras.quantizers.set_internal_sigmoid('hard')"
        )
    return slopes[module._sigmoid]


def _relu_sigmoid(quantizer: Any, where: str) -> list[Step]:
    """``m_i * clip(2 * round(sigmoid(x / m_i) * m) / m - 1, 0, 1 - 1/m)``."""
    if float(quantizer.negative_slope) != 0:
        raise refuse(where, quantizer, "use_sigmoid and a negative slope together", "use one of them")
    slope, integer, bits = _internal_sigmoid(where, quantizer), int(number(quantizer.integer)), int(quantizer.bits)
    if quantizer.relu_upper_bound and not quantizer.is_quantized_clip:
        raise refuse(where, quantizer, "use_sigmoid and relu_upper_bound together", "use one of them")
    steps: list[Step] = [
        Scale(slope * 2.0**-integer, 0.5, fraction_bits([slope], where) + integer),
        Clip(0, 1),
        Cast(FixedType(bits + 1, 1, False, "RND_CONV", "SAT")),
        Scale(2, -1),
        Clip(0, 1 - 2.0**-bits),
    ]
    return steps if integer == 0 else [*steps, Shift(integer)]


def _tanh(quantizer: Any, where: str) -> list[Step]:
    """``clip(round((2 * sigmoid(x) - 1) * m) / m, -1 + symmetric/m, 1 - 1/m)``."""
    if quantizer.use_real_tanh:
        raise refuse(where, quantizer, "use_real_tanh has no exact fixed-point form", "use use_real_tanh=False")
    slope = _internal_sigmoid(where, quantizer)
    type = FixedType(int(quantizer.bits), 1, True, "RND_CONV", "SAT_SYM" if quantizer.symmetric else "SAT")
    bits = fraction_bits([slope], where)
    return [Cast(type, bits)] if slope == 0.5 else [Scale(2 * slope, 0, bits), Cast(type)]


def _sigmoid(quantizer: Any, where: str) -> list[Step]:
    """``clip(round(sigmoid(x) * m) / m, symmetric/m, 1 - 1/m)``, ``m`` = 2**bits."""
    if quantizer.use_real_sigmoid:
        raise refuse(where, quantizer, "use_real_sigmoid has no exact fixed-point form", "use use_real_sigmoid=False")
    slope, bits = _internal_sigmoid(where, quantizer), int(quantizer.bits)
    type = FixedType(bits, 0, False, "RND_CONV", "SAT")
    steps: list[Step] = [Scale(slope, 0.5, fraction_bits([slope], where)), Cast(type)]
    return [*steps, Clip(type.lsb, type.maximum)] if quantizer.symmetric else steps


def _ternary(quantizer: Any, where: str) -> list[Step]:
    """``alpha * (|x| >= threshold) * sign(x)``; the comparison is float32's, the threshold 0.33 unless given."""
    scale = _fixed_scale(quantizer, where)
    limit = float(np.float32(quantizer.default_threshold if quantizer.threshold is None else quantizer.threshold))
    if limit <= 0:
        return [Threshold([at_least(0), above(0)], [-scale, 0.0, scale])]
    return [Threshold([above(-limit), at_least(limit)], [-scale, 0.0, scale])]


def _binary(quantizer: Any, where: str) -> list[Step]:
    """``alpha * sign(x)`` where 0 counts as positive; with ``use_01`` 0 for negative x."""
    if quantizer.use_stochastic_rounding:
        raise refuse(where, quantizer, "use_stochastic_rounding fails in QKeras 0.9 for most shapes", "use use_stochastic_rounding=False")
    scale = _fixed_scale(quantizer, where)
    return [Threshold([at_least(0)], [0.0 if quantizer.use_01 else -scale, scale])]


def _po2(quantizer: Any, where: str) -> list[Step]:
    if quantizer.quadratic_approximation or quantizer.log2_rounding != "rnd":
        raise refuse(
            where,
            quantizer,
            "its steps lie on float32 logarithms of the grid's own values",
            "use quadratic_approximation=False, log2_rounding='rnd'",
        )
    return po2_steps(quantizer, where)


_RULES: dict[str, Callable[[Any, str], list[Step]]] = {
    "quantized_bits": _bits,
    "quantized_relu": _relu,
    "quantized_tanh": _tanh,
    "quantized_sigmoid": _sigmoid,
    "ternary": _ternary,
    "stochastic_ternary": _ternary,
    "binary": _binary,
    "stochastic_binary": _binary,
    "quantized_po2": _po2,
    "quantized_relu_po2": _po2,
    "truncated_bits": _truncated,
    "truncated_relu": _truncated,
    "truncated_each": _truncated_each,
}


def _function_steps(function: Any, where: str) -> list[Step]:
    """Float activations that are exact: they keep every bit of their input."""
    name = function.__name__
    if name == "linear":
        return []
    if name == "relu":
        return [Relu()]
    if name == "relu6":
        return [Relu(), Clip(0, 6)]
    if name in ("softmax", "sigmoid"):
        raise UnsupportedError(
            f"{where} is a {name}, which has no exact fixed-point form",
            expected="a model that ends in logits",
            do=f"remove the {name}: the class with the largest logit is the same, and from_logits=True goes into the loss",
        )
    raise UnsupportedError(
        f"{where} has the float activation '{name}'",
        expected="a quantized activation, relu or linear",
        do="use QActivation('quantized_relu(bits,integer)') or QActivation('quantized_bits(bits,integer,alpha=1)')",
    )


def activation_steps(quantizer: Any, where: str, *, noise: bool = True) -> Sequence[Step]:
    """What an activation does, as exact steps.

    Args:
        quantizer: QKeras quantizer object, or an activation function of Keras or QKeras.
        where: the place, for messages ("layer 'relu1'").
        noise: refuse a ``qnoise_factor`` other than 1.

    Raises:
        UnsupportedError: no exact fixed-point meaning; names the place and the fix.
    """
    if hasattr(quantizer, "__name__"):
        return _function_steps(quantizer, where)
    kind = type(quantizer).__name__
    if kind not in _RULES:
        raise UnsupportedError(
            f"{where} has the quantizer '{kind}', which has no exact fixed-point form",
            expected=f"one of {', '.join(sorted(_RULES))}",
        )
    if noise:
        check_noise(quantizer, where)
    return _RULES[kind](quantizer, where)


def fixed_type(quantizer: Any, where: str) -> FixedType:
    """The type that an activation quantizer casts to, if that is all it does.

    Raises:
        UnsupportedError: it does something else, or has no exact fixed-point meaning.
    """
    steps = activation_steps(quantizer, where)
    if len(steps) != 1 or not isinstance(steps[0], Cast):
        raise refuse(where, quantizer, "it is not a plain cast to a fixed-point type", "use quantized_bits(bits, integer, alpha=1)")
    return steps[0].type


__all__ = ["activation_steps", "bits_type", "check_noise", "fixed_type", "number", "refuse"]
