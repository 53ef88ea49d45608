"""How much a channel matters: by its weights, their gradients, its normalisation, or by how much it differs from the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import ModelError
from .channels import Channels

Gradients = Callable[[], Mapping[str, np.ndarray]]
"""Gives the loss's mean gradient for each kernel, by layer name."""
Score = Callable[[Any, Channels, str, Gradients], np.ndarray]
"""(model, channels, name of a producer, gradients) -> a score for each of its outputs ``(width,)``."""
SCORES: dict[str, Score] = {}


def _score(name: str) -> Callable[[Score], Score]:
    def add(function: Score) -> Score:
        SCORES[name] = function
        return function

    return add


def last_kernel(layer: Any) -> Any:
    """The kernel variable whose last axis are the layer's outputs."""
    kernel = getattr(layer, "pointwise_kernel", None)
    return layer.kernel if kernel is None else kernel


def _flat(model: Any, name: str) -> np.ndarray:
    """Weights of each output, ``(weights, outputs)`` float64."""
    kernel = last_kernel(model.get_layer(name)).numpy().astype(np.float64)
    return kernel.reshape(-1, kernel.shape[-1])


@_score("l1")
def l1(model: Any, channels: Channels, name: str, gradients: Gradients) -> np.ndarray:
    """Mean of ``|w|`` over the channel's weights, over the layer's mean (Li et al., arXiv:1608.08710)."""
    sizes = np.abs(_flat(model, name)).mean(0)
    return np.asarray(sizes / max(float(sizes.mean()), 1e-30))


@_score("taylor")
def taylor(model: Any, channels: Channels, name: str, gradients: Gradients) -> np.ndarray:
    """``(sum of w * gradient over the channel's weights)^2``: the squared first-order change of the loss without the channel
    (Molchanov et al., arXiv:1906.10771).

    Raises:
        ModelError: a separable convolution, for which there is none.
    """
    kernel, found = _flat(model, name), gradients()
    if name not in found:
        raise ModelError(f"score taylor: no gradient of '{name}'", expected="dense and plain convolution layers", do="use l1")
    return np.square((kernel * found[name].reshape(kernel.shape)).sum(0))


@_score("batchnorm")
def batchnorm(model: Any, channels: Channels, name: str, gradients: Gradients) -> np.ndarray:
    """``|gamma|`` of the BatchNormalization behind the layer (network slimming, arXiv:1708.06519).

    Raises:
        ModelError: there is none.
    """
    own = channels.gives[name]
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization" and layer.scale and np.array_equal(channels.reads[layer.name], own):
            return np.asarray(np.abs(layer.gamma.numpy().astype(np.float64)))
    raise ModelError(f"score batchnorm: no BatchNormalization with a scale reads '{name}'", expected="one behind each layer", do="use l1")


@_score("redundancy")
def redundancy(model: Any, channels: Channels, name: str, gradients: Gradients) -> np.ndarray:
    """Sum of the distances of the channel's weights to those of the layer's other channels, over the layer's mean: what is near the others
    can be spared (He et al., geometric median, arXiv:1811.00250)."""
    kernel = _flat(model, name)
    squares = np.square(kernel).sum(0)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * kernel.T @ kernel, 0)).sum(0)
    return np.asarray(distances / max(float(distances.mean()), 1e-30))
