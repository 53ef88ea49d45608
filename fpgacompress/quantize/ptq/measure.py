"""How far a quantized model is from its float model, layer by layer, on calibration samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ranges import RangeFit
from .outputs import Outputs, batches


@dataclass(frozen=True)
class LayerError:
    """One layer's output against that of the same layer of the float model.

    Attributes:
        layer: name.
        sqnr: signal to quantization noise, dB: ``10 log10(sum y^2 / sum (y - y_q)^2)``, with all layers before quantized, too.
        bias_shift: largest mean error of an output channel of a layer with weights.
        bias_shift_before: the same before bias correction; None where biases were not corrected.
    """

    layer: str
    sqnr: float
    bias_shift: float | None = None
    bias_shift_before: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary; an infinite ratio as None."""
        return vars(self) | {"sqnr": self.sqnr if math.isfinite(self.sqnr) else None}


def sqnr_db(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)`` of two sums of squares; infinite without noise."""
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def layer_errors(
    model: Any,
    student: Any,
    names: Iterable[str],
    x: np.ndarray,
    shifts: Mapping[str, np.ndarray],
    before: Mapping[str, np.ndarray],
) -> list[LayerError]:
    """Compare layers of two models with the same layer names.

    Args:
        model: float model without BatchNormalization.
        student: the quantized model.
        names: layers to compare.
        x: samples ``(n, *input shape)`` float32.
        shifts: mean errors per channel of the layers with weights (:func:`.bias.bias_shifts`).
        before: the same before bias correction; empty when there was none.
    """
    names = list(names)
    signal, noise = np.zeros(len(names)), np.zeros(len(names))
    wanted, found = Outputs(model, names), Outputs(student, names)
    for part in batches(x):
        for i, (y, y_q) in enumerate(zip(wanted(part), found(part), strict=True)):
            signal[i] += float(np.sum(y * y))
            noise[i] += float(np.sum((y - y_q) ** 2))

    def largest(values: Mapping[str, np.ndarray], name: str) -> float | None:
        return float(np.abs(values[name]).max()) if name in values else None

    return [
        LayerError(name, sqnr_db(float(signal[i]), float(noise[i])), largest(shifts, name), largest(before, name))
        for i, name in enumerate(names)
    ]


def table(layers: Iterable[LayerError], ranges: Iterable[RangeFit]) -> str:
    """Ranges and errors as plain text, one line per layer."""
    fits: dict[str, list[RangeFit]] = {}
    for fit in ranges:
        fits.setdefault(fit.layer, []).append(fit)

    def kind(name: str, activation: bool) -> str:
        told = [f for f in fits.get(name, []) if f.tensor != "bias" and (f.tensor == "activation") == activation]
        integers = ["per channel" if isinstance(f.integer, tuple) else str(f.integer) for f in told]
        return ", ".join(f"{f.bits} bits ({i}), {100 * f.saturation:.2f} %" for f, i in zip(told, integers, strict=True))

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.5f}"

    head = ("layer", "weights (integer), saturated", "activation (integer), saturated", "SQNR, dB", "bias shift", "corrected")
    form = "{:16} {:29} {:32} {:>9} {:>10} {:>10}"
    lines = [form.format(*head)]
    for row in layers:
        first, second = (row.bias_shift, None) if row.bias_shift_before is None else (row.bias_shift_before, row.bias_shift)
        cells = (kind(row.layer, False), kind(row.layer, True), f"{row.sqnr:.1f}", number(first), number(second))
        lines.append(form.format(row.layer, *cells).rstrip())
    return "\n".join(lines) + "\n"
