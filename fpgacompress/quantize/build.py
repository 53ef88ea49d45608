"""A float Keras model becomes a QKeras student: same layers and weights, explicit quantizers, BatchNormalization folded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..keras_stack import load, replaced
from ..recipe import QuantizeSection
from .activations import Activation, check_relu, fit_activation
from .calibration import outputs
from .fold import fold_batchnorm
from .kernels import Fitted, fit_bias_quantizer, fit_kernel
from .policy import resolve
from .ranges import RangeFit
from .sites import (
    AVERAGES,
    WEIGHTED,
    consumers,
    inner_activation,
    is_average,
    is_relu,
    is_weighted,
    parts,
    producers,
    quantized_sums,
    reads_sums,
)
from .truncation import add_half_steps

_KEPT = ("InputLayer", "Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Add", "Dropout")
_INPUT = "input_quantizer"
LOGIT_BITS = 12
"""An average that is the model's output has at least so many bits, or classes would tie."""


@dataclass(frozen=True)
class Built:
    """A student and how it was made.

    Attributes:
        model: uncompiled QKeras model.
        ranges: one record for each quantized tensor, from input to output.
        notes: sentences about ranges that are not those the recipe asks for.
    """

    model: Any
    ranges: tuple[RangeFit, ...]
    notes: tuple[str, ...]


class _Builder:
    """Decides every quantizer first; then the twins are made."""

    def __init__(self, model: Any, section: QuantizeSection, samples: np.ndarray, zeros: Mapping[str, float]) -> None:
        self.model, self.section, self.samples = model, section, samples
        self.bits = resolve(model.layers, section)
        for layer in model.layers:
            _check(layer)
        self.weights = fold_batchnorm(model)
        self.kernels: dict[str, dict[str, Fitted]] = {}
        self.biases: dict[str, Fitted] = {}
        for name, (*kernels, bias) in self.weights.items():
            own = self.bits[name]
            self.kernels[name] = {
                part: fit_kernel(kernel, name, part, own, section, zeros.get(name, 0.0))
                for part, kernel in zip(parts(model.get_layer(name)), kernels, strict=True)
            }
            self.biases[name] = fit_bias_quantizer(bias, kernels[-1], name, own)
        self.input = self._input()
        self.activations = self._activations()

    def _input(self) -> Activation | None:
        section = self.section
        if section.input is None:
            return None
        signed = bool(np.min(self.samples) < 0)
        return fit_activation(self.samples, _INPUT, section.input, section.input_integer, section, signed=signed, tensor="input")

    def _activations(self) -> dict[str, Activation]:
        """Quantizers by the names of the layers they become: ReLUs keep theirs; in front of an average of sums stands ``<name>_input``, behind
        an average that no ReLU reads, and behind sums that a layer with weights reads, ``<name>_quantizer``."""
        layers = self.model.layers
        wanted: dict[str, tuple[Any, Any]] = {}  # name of the quantizer: (whose output it quantizes, whose bits it has)
        for layer in layers:
            if is_relu(layer):
                wanted[layer.name] = (layer, layer)
            elif is_average(layer):
                if reads_sums(layer):
                    wanted[f"{layer.name}_input"] = (producers(layer)[0], layer)
                readers = consumers(layers, layer)
                if not readers or not all(is_relu(reader) and not is_weighted(reader) for reader in readers):
                    wanted[f"{layer.name}_quantizer"] = (layer, layer)
        wanted.update({f"{layer.name}_quantizer": (layer, layer) for layer in quantized_sums(layers)})
        values = outputs(self.model, list({source.name: None for source, _ in wanted.values()}), self.samples)
        found = {}
        for name, (source, layer) in wanted.items():
            own, signed = self.bits[layer.name], not is_relu(layer) and bool(np.min(values[source.name]) < 0)
            last = source is layer and not consumers(layers, layer) and is_average(layer)
            bits = max(own.activation, LOGIT_BITS) if last else own.activation
            found[name] = fit_activation(values[source.name], layer.name, bits, own.activation_integer, self.section, signed=signed)
        return found

    def _weighted(self, layer: Any) -> Any:
        name, kind = layer.name, type(layer).__name__
        config = {k: v for k, v in layer.get_config().items() if not k.endswith(("_regularizer", "_constraint"))}
        config.update(
            use_bias=True,
            activation=self.activations[name].text if is_relu(layer) else None,
            bias_quantizer=self.biases[name].quantizer,
            **{f"{part}_quantizer": fitted.quantizer for part, fitted in self.kernels[name].items()},
        )
        return getattr(load().qkeras, WEIGHTED[kind])(**config)

    def _twin(self, layer: Any) -> Any:
        keras, qkeras = load().keras, load().qkeras
        if is_weighted(layer):
            return self._weighted(layer)
        if is_relu(layer):
            return qkeras.QActivation(self.activations[layer.name].text, name=layer.name)
        if type(layer).__name__ in (*_KEPT, *AVERAGES):
            return type(layer).from_config(layer.get_config())
        return keras.layers.Activation("linear", name=layer.name)

    def student(self) -> Any:
        """The QKeras model with the folded weights."""
        qkeras = load().qkeras
        made: dict[str, list[Any]] = {}

        def call(layer: Any, args: Any, kwargs: Any) -> Any:
            name = layer.name
            if name not in made:
                before, behind = (
                    [qkeras.QActivation(self.activations[n].text, name=n)] if n in self.activations else []
                    for n in (f"{name}_input", f"{name}_quantizer")
                )
                made[name] = [*before, self._twin(layer), *behind]
            first, *others = made[name]
            result = first(*args, **kwargs)
            for twin in others:
                result = twin(result)
            return result

        def front(tensor: Any) -> Any:
            return qkeras.QActivation(self.input.text, name=_INPUT)(tensor) if self.input else tensor

        student = replaced(self.model, call, front)
        for name, weights in self.weights.items():
            student.get_layer(name).set_weights([w.astype(np.float32) for w in weights])
        if self.section.rounding == "truncate":
            add_half_steps(student)
        return student

    def built(self) -> Built:
        """The student with its records."""
        fitted = [f for name in self.weights for f in (*self.kernels[name].values(), self.biases[name])]
        ranges = [f.range for f in fitted] + [a.range for a in self.activations.values()]
        order = {layer.name: place for place, layer in enumerate(self.model.layers)}
        ranges = ([self.input.range] if self.input else []) + sorted(ranges, key=lambda r: order[r.layer])
        return Built(self.student(), tuple(ranges), tuple(f.note for f in fitted if f.note))


def _check(layer: Any) -> None:
    """Refuse a layer that has no exact fixed-point twin.

    Raises:
        UnsupportedError: naming the layer, what is possible, and the fix.
    """
    kind, name = type(layer).__name__, layer.name
    if is_weighted(layer) and inner_activation(layer) not in ("linear", "relu"):
        raise UnsupportedError(
            f"layer '{name}' has the activation '{inner_activation(layer)}' inside, which has no exact fixed-point twin",
            expected="relu or none",
        )
    check_relu(layer)
    linear = kind == "Activation" and inner_activation(layer) == "linear"
    if not (is_weighted(layer) or is_relu(layer) or linear or kind in (*_KEPT, *AVERAGES, "BatchNormalization")):
        raise UnsupportedError(
            f"layer '{name}' ({kind}) has no exact fixed-point twin",
            expected=f"one of {', '.join([*WEIGHTED, 'ReLU', 'BatchNormalization', *_KEPT[1:], *AVERAGES])}",
            do="replace it by one of these and train the float model again",
        )


def build_student(model: Any, section: QuantizeSection, samples: np.ndarray, zeros: Mapping[str, float] | None = None) -> Built:
    """Build the QKeras twin of a trained float model, with the record of every range.

    Every kernel and bias gets an explicit quantizer and every ReLU a saturating one, with the bits of the recipe's policy; ``integer: auto``
    is fitted to the (folded) weights and to the activations on ``samples``. Averages are rounded by a quantizer ``<layer>_quantizer`` behind
    them (sums by ``<layer>_input`` before), likewise sums that a layer with weights reads, as behind a linear bottleneck; the input, where
    the recipe gives it bits, is rounded by ``input_quantizer``. The logits stay unquantized: their accumulator is exact.

    Args:
        model: float tf_keras model ending in logits.
        section: recipe section ``quantize``.
        samples: calibration inputs ``(n, *input_shape)`` float32, training data only.
        zeros: layer name to the sparsity it will be pruned to, for ``ranges: surviving`` and the check for a dead start.

    Raises:
        UnsupportedError: a layer that has no exact fixed-point twin; the message names it.
        ModelError: a pattern that matches no layer, or a layer whose weights all quantize to 0.
    """
    return _Builder(model, section, samples, zeros or {}).built()


def quantized_student(model: Any, section: QuantizeSection, samples: np.ndarray, zeros: Mapping[str, float] | None = None) -> Any:
    """The model of :func:`build_student`: an uncompiled QKeras model with the same layer names."""
    return build_student(model, section, samples, zeros).model


def quantized_kernel(layer: Any) -> np.ndarray:
    """The kernel as the layer uses it (float32, after its own quantizer, pruning wrapper or not); for separable layers the depthwise one."""
    layer = getattr(layer, "layer", layer)
    part = parts(layer)[0]
    name = "kernel" if part == "kernel" else f"{part}_kernel"
    return np.asarray(getattr(layer, f"{part}_quantizer_internal")(getattr(layer, name)))
