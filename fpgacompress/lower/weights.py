"""Weights as the layer's own quantizer delivers them, as stored integers.

The quantizer is called on the trained weights, so scales that depend on the weights (``alpha=None`` and ``'auto_po2'``) are frozen as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import Tensor
from ..integer.types import FixedType
from .dyadic import power_of_two, smallest_tensor
from .quantizers import bits_type, check_noise, number, refuse


def _nominal_type(quantizer: Any) -> FixedType | None:
    """The type a ``quantized_bits`` with one fixed scale is named after; None where the weights decide."""
    if type(quantizer).__name__ != "quantized_bits" or isinstance(quantizer.alpha, str):
        return None
    type_, shift = bits_type(quantizer), power_of_two(1.0 if quantizer.alpha is None else number(quantizer.alpha))
    if type_ is None or shift is None:
        return None
    return FixedType(type_.width, type_.integer + shift, type_.signed)


def _check_scale(quantizer: Any, where: str) -> None:
    """``alpha='auto'`` is a float scale; only powers of two are frozen."""
    if getattr(quantizer, "alpha", None) != "auto":
        return
    scales = np.asarray(quantizer.scale, np.float64)
    if any(power_of_two(s) is None for s in scales.ravel()):
        raise refuse(
            where,
            quantizer,
            "alpha is 'auto', and the trained scale is no power of two",
            "train with alpha='auto_po2', or best with alpha=1",
        )


def quantized_tensor(values: Any, quantizer: Any, where: str) -> Tensor:
    """What a quantizer makes of trained weights.

    Args:
        values: the layer's float weights.
        quantizer: its quantizer object.
        where: for messages ("the kernel of layer 'fc1'").

    Returns:
        Stored integers in the quantizer's own type where it has one, else in the smallest type that holds them all.

    Raises:
        UnsupportedError: random or float results, or more bits than anybody builds.
    """
    if type(quantizer).__name__ in ("bernoulli", "quantized_ulaw", "quantized_hswish"):
        why = "it draws random numbers" if type(quantizer).__name__ == "bernoulli" else "its levels are not fixed-point numbers"
        raise refuse(where, quantizer, why, "use quantized_bits(bits, integer, alpha=1)")
    check_noise(quantizer, where)
    quantized = np.asarray(quantizer(values), np.float64)
    _check_scale(quantizer, where)
    nominal = _nominal_type(quantizer)
    if nominal is not None:
        try:
            return Tensor(nominal.exactly(quantized), nominal)
        except ValueError:  # float32 noise of the straight-through form; the exact values decide below
            pass
    return smallest_tensor(quantized, where)


def quantized_bias(layer: Any, values: Any) -> Tensor | None:
    """The bias of a layer through its quantizer; None where there is none, or none but zeros.

    Args:
        layer: has ``bias_quantizer_internal``.
        values: float bias, as it enters the quantizer, or None.

    Raises:
        UnsupportedError: a float bias without quantizer.
    """
    if values is None:
        return None
    quantizer = layer.bias_quantizer_internal
    if quantizer is not None:
        return quantized_tensor(values, quantizer, f"the bias of layer '{layer.name}'")
    if np.any(np.asarray(values)):
        raise UnsupportedError(
            f"layer '{layer.name}' has a bias without quantizer, which hardware would round unseen",
            do="give it one, for example bias_quantizer='quantized_bits(8,2,alpha=1)', or use_bias=False",
        )
    return None


def quantized_kernel(layer: Any, values: Any, part: str = "kernel") -> Tensor:
    """A kernel of a layer through its ``<part>_quantizer_internal``.

    Raises:
        UnsupportedError: it has no quantizer.
    """
    quantizer = getattr(layer, f"{part}_quantizer_internal")
    if quantizer is None:
        raise UnsupportedError(
            f"layer '{layer.name}' has no {part} quantizer", do=f"give it one, for example {part}_quantizer='quantized_bits(6,0,alpha=1)'"
        )
    return quantized_tensor(values, quantizer, f"the {part} of layer '{layer.name}'")
