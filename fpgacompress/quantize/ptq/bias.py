"""Biases of a quantized model: on the grid of their products, and corrected for the shift that quantized weights cause.

Nagel et al., arXiv 1906.04721, section 4.2 and appendix D ("empirical bias correction"); A. Finkelstein, U. Almog, M. Grobman, "Fighting
Quantization Bias With Bias", arXiv 1906.03193. The shift is measured on calibration samples, layer by layer from the input on, with the
layers before already quantized and corrected, so what they leave over is corrected, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...integer.network import IntegerNetwork
from ..ranges import RangeFit
from .outputs import mean_sums

_LEAST_BITS = 2


@dataclass(frozen=True)
class BiasGrid:
    """What a bias quantizer may become.

    Attributes:
        bits: at most so many.
        integer: integer bits without sign.
        fraction: fractional bits of the layer's products; finer bits of a bias only widen the accumulator, and integer runtimes, whose biases
            are counted in steps of input times weight, cannot hold them.
        free: whether the integer bits may grow (they were fitted, not given).
        steps: step of each channel's own products where kernels have one binary point per channel, else None.
    """

    bits: int
    integer: int
    fraction: int
    free: bool
    steps: np.ndarray | None = None

    def place(self, layer: Any) -> None:
        """Give the layer's bias quantizer this grid; the range grows with the bias where it is free to."""
        integer = self.integer
        largest = float(np.abs(np.asarray(layer.bias)).max(initial=0.0))
        if self.free and largest > 0:
            integer = max(integer, math.ceil(math.log2(largest)))
        bits = max(_LEAST_BITS, min(self.bits, self.fraction + 1 + integer))
        quantizer = layer.bias_quantizer_internal
        quantizer.bits, quantizer.integer = bits, max(integer, bits - 1 - self.fraction)
        if self.steps is not None:
            end = 2.0**quantizer.integer
            layer.bias.assign(np.clip(np.rint(layer.bias.numpy() / self.steps) * self.steps, -end, end - self.steps).astype(np.float32))


def bias_grids(network: IntegerNetwork, ranges: Sequence[RangeFit]) -> dict[str, BiasGrid]:
    """Grid of every bias, from the records of :func:`..build.build_student` and a network with the student's kernels."""
    grids = {}
    kernels = {r.layer: r for r in ranges if r.tensor in ("kernel", "depthwise", "pointwise")}  # the last kernel makes the sums
    for r in ranges:
        if r.tensor != "bias":
            continue
        node, kernel = network.node(r.layer), kernels[r.layer]
        assert node.kernel is not None
        entering = network.node(node.inputs[0]).out.fraction
        steps = None
        if isinstance(kernel.integer, tuple):
            steps = 2.0 ** -(entering + kernel.bits - 1.0 - np.array(kernel.integer))
        grids[r.layer] = BiasGrid(r.bits, int(r.integer), entering + node.kernel.type.fraction, r.rule != "given", steps)  # type: ignore[arg-type]
    return grids


def bias_shifts(wanted: Mapping[str, np.ndarray], student: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    """``wanted`` mean sums of a float model (:func:`.outputs.mean_sums`) minus those of ``student``, per layer and output channel."""
    found = mean_sums(student, list(wanted), x)
    return {name: wanted[name] - found[name] for name in wanted}


def correct_biases(wanted: Mapping[str, np.ndarray], student: Any, x: np.ndarray, grids: Mapping[str, BiasGrid]) -> None:
    """Add to every bias of ``student`` what its channel's mean output lacks against the float model's, in place.

    The sum goes through the bias quantizer as always, so up to half a step of it stays.

    Args:
        wanted: mean sums of the float model without BatchNormalization, its layers with weights in order (:func:`.outputs.mean_sums`).
        student: its quantized twin, same layer names.
        x: calibration samples ``(n, *input shape)`` float32, training data only.
        grids: of the biases that have quantizers.
    """
    for name, mean in wanted.items():
        layer = student.get_layer(name)
        layer.bias.assign_add((mean - mean_sums(student, [name], x)[name]).astype(np.float32))
        if name in grids:
            grids[name].place(layer)
