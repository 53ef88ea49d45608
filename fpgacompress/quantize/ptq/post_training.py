"""Post-training quantization: from a trained float model to a quantized one without training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DataError, UnsupportedError
from ...integer.network import IntegerNetwork
from ...integer.types import FixedType
from ...lower.read import read
from ...recipe import QuantizeSection
from ...train.loop import shaped
from ..build import build_student
from ..ranges import RangeFit
from ..sites import parts
from .bias import bias_grids, bias_shifts, correct_biases
from .equalize import Equalized, equalize
from .folded import folded_model, weighted_names
from .measure import LayerError, layer_errors
from .outputs import mean_sums

_FLOAT_BITS = 32


@dataclass(frozen=True)
class PtqReport:
    """What post-training quantization did and how far the result is from the float model.

    Attributes:
        method: "ptq" or "dynamic".
        ranges: how every tensor got its range, with the share that saturates.
        layers: errors layer by layer on the calibration samples.
        equalized: pairs of layers whose ranges were balanced.
        notes: sentences about ranges that are not those asked for.
        samples: calibration samples.
        weight_bytes, bias_bytes: size of kernels and biases, packed in their bits (biases of a dynamic model: 32).
        float_bytes: size of both in float32, BatchNormalization folded.
    """

    method: str
    ranges: tuple[RangeFit, ...]
    layers: tuple[LayerError, ...]
    equalized: tuple[Equalized, ...]
    notes: tuple[str, ...]
    samples: int
    weight_bytes: int
    bias_bytes: int
    float_bytes: int

    @property
    def bytes(self) -> int:
        """Kernels and biases together."""
        return self.weight_bytes + self.bias_bytes

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        lists = {name: [entry.to_json() for entry in getattr(self, name)] for name in ("ranges", "layers", "equalized")}
        plain = vars(self) | lists | {"bytes": self.bytes, "notes": list(self.notes)}
        return {"calibration_samples": plain.pop("samples")} | plain


@dataclass(frozen=True)
class PtqResult:
    """A quantized model.

    Attributes:
        student: QKeras model; for "dynamic" a float tf_keras model whose kernels lie on their grids.
        network: what the hardware computes; None for "dynamic", which has no integer network.
        report: what was done and measured.
    """

    student: Any
    network: IntegerNetwork | None
    report: PtqReport

    def require_network(self) -> IntegerNetwork:
        """The integer network.

        Raises:
            UnsupportedError: a dynamic model.
        """
        if self.network is None:
            raise UnsupportedError(
                "a dynamically quantized model computes its activations in float, so it has no integer network and no firmware",
                do="use the method ptq or full-integer",
            )
        return self.network


def _dynamic(floating: Any, student: Any) -> Any:
    """The float model with the student's quantized kernels; biases and activations stay float."""
    copy = folded_model(floating)
    for name in weighted_names(floating):
        layer, quantized = copy.get_layer(name), student.get_layer(name)
        *kernels, bias = layer.get_weights()
        quantizers = [getattr(quantized, f"{part}_quantizer_internal") for part in parts(layer)]
        layer.set_weights([*(np.asarray(q(k)) for q, k in zip(quantizers, kernels, strict=True)), bias])
    return copy


def _sizes(floating: Any, student: Any, ranges: tuple[RangeFit, ...]) -> dict[str, int]:
    """Bytes of kernels and biases, and of both in float32."""
    bits = {(r.layer, r.tensor): r.bits for r in ranges}
    weights = biases = numbers = 0
    for name in weighted_names(floating):
        *kernels, bias = floating.get_layer(name).get_weights()
        weights += sum(
            -(-kernel.size * bits[name, part] // 8) for part, kernel in zip(parts(floating.get_layer(name)), kernels, strict=True)
        )
        quantizer = getattr(student.get_layer(name), "bias_quantizer_internal", None)
        biases += -(-bias.size * (quantizer.bits if quantizer else _FLOAT_BITS) // 8)
        numbers += bias.size + sum(kernel.size for kernel in kernels)
    return {"weight_bytes": weights, "bias_bytes": biases, "float_bytes": _FLOAT_BITS // 8 * numbers}


def post_training(
    model: Any, section: QuantizeSection, calibration_x: np.ndarray, *, input_type: FixedType | str | None = None
) -> PtqResult:
    """Quantize a trained float model without training it.

    BatchNormalization is folded, neighbouring layers are balanced (``section.equalize``), weights and activations get the bits of
    ``section`` with ranges fitted to the weights and to the calibration samples, biases are put on the grid of their layer's products and
    take back the mean error (``section.bias_correction``). The method "dynamic" quantizes the kernels alone.

    Args:
        model: float tf_keras model ending in logits; it is not changed.
        section: recipe section ``quantize``. Its ``method`` is read as "dynamic" or, whatever else it says, as post-training.
        calibration_x: preprocessed training samples ``(n, ...)``; the first ``section.calibration_samples`` are used.
        input_type: type that the preprocessing delivers; found from the samples when None (see :func:`fpgacompress.lower.read.read`).

    Raises:
        DataError: no samples.
        UnsupportedError: a layer without exact fixed-point twin.
        ModelError: a pattern that matches no layer, or weights that all quantize to 0.
    """
    if not len(calibration_x):
        raise DataError("no calibration samples", expected="some training samples, as the model reads them")
    x = shaped(model, np.asarray(calibration_x)[: section.calibration_samples])
    floating = folded_model(model)
    equalized = equalize(floating) if section.equalize else []
    built = build_student(floating, section, x)
    dynamic = section.method == "dynamic"
    student = _dynamic(floating, built.model) if dynamic else built.model
    ranges = tuple(r for r in built.ranges if not dynamic or r.tensor not in ("bias", "activation", "input"))
    grids = {} if dynamic else bias_grids(read(student, input_type=input_type, data=x).network, ranges)
    for name, grid in grids.items():
        grid.place(student.get_layer(name))
    wanted, before = mean_sums(floating, weighted_names(floating), x), {}
    if section.bias_correction:
        before = bias_shifts(wanted, student, x)
        correct_biases(wanted, student, x, grids)
    compared = [layer.name for layer in floating.layers if any(layer.name == r.layer for r in ranges)]
    report = PtqReport(
        method="dynamic" if dynamic else "ptq",
        ranges=ranges,
        layers=tuple(layer_errors(floating, student, compared, x, bias_shifts(wanted, student, x), before)),
        equalized=tuple(equalized),
        notes=built.notes,
        samples=len(x),
        **_sizes(floating, student, ranges),
    )
    network = None if dynamic else read(student, input_type=input_type, data=x).network
    return PtqResult(student, network, report)
