"""Activation quantizers: fitted to what a float model computes on calibration samples, as text that QKeras and its files understand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..recipe import Bits, QuantizeSection
from .ranges import RangeFit, fit_levels, kernel_levels, measured, relu_levels
from .sites import is_relu


@dataclass(frozen=True)
class Activation:
    """A quantizer of activations.

    Attributes:
        text: such as "quantized_relu(6,2)".
        range: how it was fitted.
    """

    text: str
    range: RangeFit


def fit_activation(
    values: np.ndarray, layer: str, bits: int, integer: Bits, section: QuantizeSection, *, signed: bool, tensor: str = "activation"
) -> Activation:
    """The quantizer for samples of an activation.

    Args:
        values: what it quantizes, real samples.
        layer: name of the layer.
        bits: total bits.
        integer: integer bits without sign, or "auto".
        section: recipe section ``quantize``: rule, percentile, rounding.
        signed: whether values may be negative.
        tensor: "activation" or "input", for the record.
    """
    levels = kernel_levels(bits) if signed else relu_levels(bits)
    given = integer != "auto"
    found = int(integer) if given else fit_levels(values, levels, section.activation_ranges, section.percentile)
    rule = "given" if given else section.activation_ranges
    kind = "truncated" if section.rounding == "truncate" else "quantized"
    scale = ",alpha=1" if signed and kind == "quantized" else ""
    text = f"{kind}_{'bits' if signed else 'relu'}({bits},{found}{scale})"
    return Activation(text, measured(layer, tensor, bits, found, rule, values, levels))


def check_relu(layer: Any) -> None:
    """Only the plain ReLU has a twin: no bound, no slope, no threshold.

    Raises:
        UnsupportedError: another one.
    """
    if type(layer).__name__ != "ReLU" or not is_relu(layer):
        return
    settings = {"max_value": layer.max_value, "negative_slope": float(layer.negative_slope), "threshold": float(layer.threshold)}
    odd = {name: value for name, value in settings.items() if value}
    if odd:
        raise UnsupportedError(
            f"layer '{layer.name}' is a ReLU with {', '.join(f'{name}={float(value):g}' for name, value in odd.items())}",
            expected="a plain ReLU",
            do="train the float model with a plain ReLU; its quantizer saturates anyway",
        )
