"""BatchNormalization folded into the layer with weights in front of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .sites import consumers, inner_activation, is_weighted, producers


def _float_weights(layer: Any) -> list[np.ndarray]:
    """Kernels and bias, float64; zeros where the layer has no bias."""
    weights = [np.asarray(w, np.float64) for w in layer.get_weights()]
    return weights if layer.use_bias else [*weights, np.zeros(int(layer.output_shape[-1]))]


def _scaled(kernel: np.ndarray, gain: np.ndarray, depthwise: bool) -> np.ndarray:
    """``kernel`` with each output channel times its gain; a depthwise kernel ``(kh, kw, c, multiplier)`` has channels on two axes."""
    return kernel * (gain.reshape(kernel.shape[-2:]) if depthwise else gain)


def fold_batchnorm(model: Any) -> dict[str, list[np.ndarray]]:
    """Weights of every weighted layer, with the BatchNormalization behind it folded in.

    Returns:
        Layer name to its weights in the order of ``get_weights``, float64, the bias last: ``[kernel, bias]``, for separable convolutions
        ``[depthwise, pointwise, bias]``.

    A max pooling may stand between the two: it commutes with a gain that is not negative.

    Raises:
        UnsupportedError: a BatchNormalization that does not follow a weighted layer in this way.
    """
    folded: dict[str, list[np.ndarray]] = {}
    for layer in model.layers:
        if is_weighted(layer):
            folded[layer.name] = _float_weights(layer)
        elif type(layer).__name__ == "BatchNormalization":
            above, alone, pooled = producers(layer)[0], True, False
            while type(above).__name__.startswith("MaxPooling"):
                alone, pooled = alone and len(consumers(model.layers, above)) == 1, True
                above = producers(above)[0]
            alone = alone and len(consumers(model.layers, above)) == 1
            if above.name not in folded or not alone or inner_activation(above) != "linear":
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
            *before, kernel, bias = folded[above.name]
            depthwise = type(above).__name__ == "DepthwiseConv2D"
            folded[above.name] = [*before, _scaled(kernel, gain, depthwise), bias * gain + shift]
    return folded
