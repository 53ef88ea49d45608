"""The differentiable hardware cost: effective bit operations (EBOPs) of a model whose bits are learned."""

from __future__ import annotations

import math
from typing import Any

from ...errors import UnsupportedError
from ...keras_stack import load
from ...keras_stack.graph import unwrapped
from ..sites import producers

_SAME = ("Flatten", "Reshape", "Dropout", "MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D")


def _learned(quantizer: Any) -> Any | None:
    return quantizer if hasattr(quantizer, "range") else None


def _source(layer: Any) -> Any | None:
    """The learned quantizer whose values ``layer`` reads; None for the network's input."""
    while True:
        above = producers(layer)
        if not above:
            return None
        layer = above[0]
        found = _learned(getattr(unwrapped(layer), "quantizer", None)) or _learned(getattr(unwrapped(layer), "activation", None))
        if found is not None:
            return found
        if type(layer).__name__ == "InputLayer":
            return None
        does_nothing = type(layer).__name__ == "Activation" and getattr(layer.activation, "__name__", "") == "linear"
        if not (type(layer).__name__ in _SAME or does_nothing):
            raise UnsupportedError(
                f"layer '{layer.name}' ({type(layer).__name__}) gives sums that no activation has quantized",
                expected="a ReLU between layers with weights",
                do="put one there, or use method: qat",
            )


class Ebops:
    """EBOPs of a model as a function of its weights and bits: sum over weights of (bits of the weight) x (bits of its input), times the
    positions at which a convolution uses it.

    Bits of a weight run from its leading one to the last place of its grid. The count of a finished network
    (:func:`fpgacompress.metrics.cost.ebops`) leaves out trailing zeros and is therefore never larger for the same widths of activations.

    Args:
        model: made by :func:`.twin.learned_twin`, pruning wrappers or not.
        input_bits: width of the network's input where the model does not quantize it itself.

    Raises:
        UnsupportedError: a layer with weights reads unquantized sums.
    """

    def __init__(self, model: Any, input_bits: int) -> None:
        self._parts: list[tuple[Any, Any, Any | None, int]] = []
        self._input_bits = float(input_bits)
        for node in model.layers:
            layer = unwrapped(node)
            quantizer = getattr(layer, "kernel_quantizer_internal", None) or getattr(layer, "depthwise_quantizer_internal", None)
            if hasattr(quantizer, "used_bits"):
                kernel = layer.kernel if hasattr(layer, "kernel") else layer.depthwise_kernel
                self._parts.append((kernel, quantizer, _source(node), math.prod(node.output_shape[1:-1])))

    def __call__(self) -> Any:
        """The cost now, a float scalar tensor with gradients for all fractional bits."""
        tf = load().tf
        total = 0.0
        for kernel, quantizer, source, positions in self._parts:
            weights = quantizer.used_bits(kernel)
            if source is None:
                total += positions * self._input_bits * tf.reduce_sum(weights)
                continue
            inputs, channels = tf.reshape(source.used_bits(), (-1,)), int(kernel.shape[-2])
            if inputs.shape[0] == 1:
                total += positions * inputs[0] * tf.reduce_sum(weights)
            else:
                inputs = tf.tile(inputs, [channels // inputs.shape[0]])
                total += positions * tf.reduce_sum(weights * tf.reshape(inputs, (channels, 1)))
        return total
