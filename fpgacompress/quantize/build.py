"""A float Keras model becomes a QKeras student: same layers and weights, explicit quantizers, BatchNormalization folded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedError
from ..keras_stack import load
from ..recipe import LayerBits, QuantizeSection
from .policy import bits_of, check_patterns
from .ranges import fit_bias, fit_integer

_WEIGHTED = {"Dense": "QDense", "Conv1D": "QConv1D", "Conv2D": "QConv2D"}
_KEPT = ("InputLayer", "Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D", "Add", "Dropout")


def _inner(layer: Any) -> str:
    """Name of the activation inside a layer."""
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def _is_relu(layer: Any) -> bool:
    """A ReLU of its own, or a weighted layer with one inside."""
    kind = type(layer).__name__
    return kind == "ReLU" or (kind in ("Activation", *_WEIGHTED) and _inner(layer) == "relu")


def _consumers(model: Any, layer: Any) -> list[Any]:
    names = {layer.name}
    return [other for other in model.layers if any(p.name in names for p in _producers(other))]


def _producers(layer: Any) -> list[Any]:
    node = layer.inbound_nodes[-1] if layer.inbound_nodes else None
    if node is None or not hasattr(node, "inbound_layers"):
        return []
    above = node.inbound_layers
    return list(above) if isinstance(above, (list, tuple)) else [above]


def _weighted_above(layer: Any) -> Any | None:
    """The nearest layer with weights above ``layer``, along the first input."""
    while True:
        above = _producers(layer)
        if not above:
            return None
        layer = above[0]
        if type(layer).__name__ in _WEIGHTED:
            return layer


def fold_batchnorm(model: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of every weighted layer, with the BatchNormalization behind it folded in.

    Returns:
        Layer name to (kernel, bias), float64.

    A max pooling may stand between the two: it commutes with a gain that is not negative.

    Raises:
        UnsupportedError: a BatchNormalization that does not follow a weighted layer in this way.
    """
    folded: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for layer in model.layers:
        if type(layer).__name__ in _WEIGHTED:
            kernel = layer.kernel.numpy().astype(np.float64)
            bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(kernel.shape[-1])
            folded[layer.name] = (kernel, bias)
        elif type(layer).__name__ == "BatchNormalization":
            above, alone, pooled = _producers(layer)[0], True, False
            while type(above).__name__.startswith("MaxPooling"):
                alone, pooled = alone and len(_consumers(model, above)) == 1, True
                above = _producers(above)[0]
            if above.name not in folded or not alone or len(_consumers(model, above)) != 1 or _inner(above) != "linear":
                raise UnsupportedError(
                    f"BatchNormalization '{layer.name}' follows {type(above).__name__} '{above.name}'",
                    expected="a BatchNormalization directly behind a Dense or convolution that feeds nothing else, so that it can be folded",
                )
            gain = np.asarray(layer.gamma if layer.scale else 1.0, np.float64) / np.sqrt(
                np.asarray(layer.moving_variance, np.float64) + layer.epsilon
            )
            if pooled and np.any(gain < 0):
                raise UnsupportedError(
                    f"BatchNormalization '{layer.name}' behind a max pooling has a negative gain, which cannot be folded through the pooling",
                    do="put it between the layer and the pooling",
                )
            shift = np.asarray(layer.beta if layer.center else 0.0, np.float64) - np.asarray(layer.moving_mean, np.float64) * gain
            kernel, bias = folded[above.name]
            folded[above.name] = (kernel * gain, bias * gain + shift)
    return folded


def _activation_integers(model: Any, relus: list[Any], bits: dict[str, LayerBits], samples: np.ndarray) -> dict[str, int]:
    wanted = [layer for layer in relus if bits[layer.name].activation_integer == "auto"]
    fixed = {layer.name: bits[layer.name].activation_integer for layer in relus if layer not in wanted}
    if wanted:
        probe = load().keras.Model(model.inputs, [layer.output for layer in wanted])
        outputs = probe.predict(samples, batch_size=512, verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        for layer, values in zip(wanted, outputs):
            fixed[layer.name] = fit_integer(values, bits[layer.name].activation, signed=False, ranges="mse")
    return fixed  # type: ignore[return-value]


def _survivors(kernel: np.ndarray, zeros: float) -> np.ndarray:
    """The largest weights, those that pruning to ``zeros`` leaves."""
    size = np.sort(np.abs(kernel).ravel())
    return size[int(zeros * len(size)) :]


def quantized_student(model: Any, section: QuantizeSection, samples: np.ndarray, zeros: Mapping[str, float] | None = None) -> Any:
    """Build the QKeras twin of a trained float model.

    Every kernel and bias gets ``quantized_bits(..., alpha=1)`` and every ReLU a ``quantized_relu``, with the bits of the recipe's
    policy; ``integer: auto`` is fitted to the (folded) weights and to the activations on ``samples``. The logits stay unquantized:
    their accumulator is exact.

    Args:
        model: float tf_keras model ending in logits.
        section: recipe section ``quantize``.
        samples: calibration inputs ``(n, *input_shape)`` float32, training data only.
        zeros: layer name to the sparsity it will be pruned to, for ``ranges: surviving``.

    Returns:
        An uncompiled QKeras model with the same layer names.

    Raises:
        UnsupportedError: a layer that has no exact fixed-point twin; the message names it.
        ModelError: a pattern that matches no layer.
    """
    stack = load()
    keras, qkeras = stack.keras, stack.qkeras
    weighted = [layer for layer in model.layers if type(layer).__name__ in _WEIGHTED]
    relus = [layer for layer in model.layers if _is_relu(layer)]
    check_patterns(section.layers, [layer.name for layer in (*weighted, *relus)], "quantize.layers")
    folded = fold_batchnorm(model)

    bits = {layer.name: bits_of(layer.name, section.default, section.layers) for layer in weighted}
    for layer in relus:  # bits of the weighted layer in front, unless a pattern names the ReLU itself
        if layer in weighted:
            continue
        above = _weighted_above(layer)
        bits[layer.name] = bits_of(layer.name, bits[above.name] if above is not None else section.default, section.layers)
    activation_integers = _activation_integers(model, relus, bits, samples)

    def quantizer(values: np.ndarray, width: int, integer: Any, *, bias: bool, zeros: float = 0.0) -> Any:
        if integer == "auto" and bias:
            integer = fit_bias(values)
        elif integer == "auto":
            values = _survivors(values, zeros) if section.ranges == "surviving" else values
            integer = fit_integer(values, width, signed=True, ranges="max" if section.ranges == "max" else "mse")
        return qkeras.quantized_bits(width, int(integer), alpha=1)

    def relu(layer: Any) -> str:
        return f"quantized_relu({bits[layer.name].activation},{activation_integers[layer.name]})"

    def twin(layer: Any) -> Any:
        kind, name = type(layer).__name__, layer.name
        if kind in _WEIGHTED:
            if _inner(layer) not in ("linear", "relu"):
                raise UnsupportedError(
                    f"layer '{name}' has the activation '{_inner(layer)}' inside, which has no exact fixed-point twin",
                    expected="relu or none",
                )
            kernel, bias = folded[name]
            config = {k: v for k, v in layer.get_config().items() if not k.endswith(("_regularizer", "_constraint"))}
            config.update(
                use_bias=True,
                activation=relu(layer) if _is_relu(layer) else None,
                kernel_quantizer=quantizer(
                    kernel, bits[name].kernel, bits[name].kernel_integer, bias=False, zeros=(zeros or {}).get(name, 0.0)
                ),
                bias_quantizer=quantizer(bias, bits[name].bias, bits[name].bias_integer, bias=True),
            )
            return getattr(qkeras, _WEIGHTED[kind])(**config)
        if _is_relu(layer):
            return qkeras.QActivation(relu(layer), name=name)
        if kind == "BatchNormalization" or (kind == "Activation" and _inner(layer) == "linear"):
            return keras.layers.Activation("linear", name=name)
        if kind in _KEPT:
            return type(layer).from_config(layer.get_config())
        raise UnsupportedError(
            f"layer '{name}' ({kind}) has no exact fixed-point twin",
            expected=f"one of {', '.join([*_WEIGHTED, 'ReLU', 'BatchNormalization', *_KEPT[1:]])}",
            do="replace it, for example average pooling by max pooling",
        )

    student = keras.models.clone_model(model, clone_function=twin)
    for layer in weighted:
        student.get_layer(layer.name).set_weights([w.astype(np.float32) for w in folded[layer.name]])
    dead = [n for n in folded if not np.any(quantized_kernel(student.get_layer(n)))]
    if dead:
        raise ModelError(
            f"every weight of '{dead[0]}' quantizes to 0 before training ({student.get_layer(dead[0]).kernel_quantizer})",
            expected="a step smaller than twice the largest weight",
            do="use kernel_integer: auto, or more bits",
        )
    return student


def quantized_kernel(layer: Any) -> np.ndarray:
    """The kernel as the layer uses it (float32, after its own quantizer, pruning wrapper or not)."""
    layer = getattr(layer, "layer", layer)
    return np.asarray(layer.kernel_quantizer_internal(layer.kernel))
