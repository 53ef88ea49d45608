"""The model as layers and who reads whom, without TensorFlow's help: what is linear, what is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ModelError
from ..keras_stack import unwrapped
from ..keras_stack.graph import has_graph, rebuilt
from . import quantizers

KERNELS = {
    "kernel": "kernel_quantizer_internal",
    "depthwise_kernel": "depthwise_quantizer_internal",
    "pointwise_kernel": "pointwise_quantizer_internal",
}
"""Attributes that hold kernels, and the attribute of the quantizer of each."""

_LINEAR = re.compile(
    r"InputLayer|Flatten|Reshape|Permute|RepeatVector|(Spatial|Gaussian|Alpha)?Dropout(\dD)?|GaussianNoise|ActivityRegularization"
    r"|ZeroPadding\dD|Cropping\dD|UpSampling\dD|Q?(Global)?AveragePooling\dD|Add|Subtract|Average|Concatenate|Q?BatchNormalization"
)


def opened(model: Any) -> Any:
    """The model itself, or a flat copy without wrappers (their masks applied) where there are models or wrappers inside it.

    A model without a graph stays as it is.
    """
    plain = all(unwrapped(layer) is layer and not getattr(layer, "layers", None) for layer in model.layers)
    if plain or not has_graph(model):
        return model
    try:
        return rebuilt(model)[0]
    except ModelError:  # not-lowerable tells it
        return model


def wrapped_layers(model: Any) -> Iterator[tuple[Any, Any]]:
    """(layer as it stands, layer without pruning wrappers) of a model and of the models inside it, in order."""
    for layer in model.layers:
        inner = unwrapped(layer)
        if getattr(inner, "layers", None):
            yield from wrapped_layers(inner)
        else:
            yield layer, inner


def kernels(layer: Any) -> list[tuple[str, Any, Any]]:
    """(attribute, variable, quantizer or None) of every kernel of a layer."""
    found = []
    for name, quantizer in KERNELS.items():
        variable = getattr(layer, name, None)
        if variable is not None and hasattr(variable, "numpy"):
            found.append((name, variable, getattr(layer, quantizer, None)))
    return found


def activation_of(layer: Any) -> Any | None:
    """The activation a layer applies (quantizer object or function); None for none or linear."""
    activation = getattr(layer, "quantizer", None) if type(layer).__name__ == "QActivation" else getattr(layer, "activation", None)
    return None if activation is None or getattr(activation, "__name__", "") == "linear" else activation


def squashing(layer: Any) -> str | None:
    """ "softmax" or "sigmoid" where a layer ends in one as a float function."""
    if type(layer).__name__ == "Softmax":
        return "softmax"
    name = getattr(activation_of(layer), "__name__", None)
    return name if name in ("softmax", "sigmoid") else None


def is_linear(layer: Any) -> bool:
    """Whether a layer is a linear map up to rounding and saturation (kernels of a weighted layer count as one)."""
    activation = activation_of(layer)
    if activation is not None and not quantizers.is_linear(activation):
        return False
    kind = type(layer).__name__
    return bool(kernels(layer)) or kind in ("QActivation", "Activation") or _LINEAR.fullmatch(kind) is not None


class Graph:
    """Layers of the outer model by name, their sources and their readers. A model without a graph has no layers here.

    Args:
        model: any Keras model.
    """

    def __init__(self, model: Any) -> None:
        built = has_graph(model)
        self.layers = {layer.name: layer for layer in model.layers} if built else {}
        self.parents: dict[str, list[str]] = {name: [] for name in self.layers}
        self.children: dict[str, list[str]] = {name: [] for name in self.layers}
        for layer in model.layers if built else ():
            for node in layer._inbound_nodes:
                for tensor in node.keras_inputs:
                    source = tensor._keras_history[0].name
                    if source in self.layers and source not in self.parents[layer.name]:
                        self.parents[layer.name].append(source)
                        self.children[source].append(layer.name)

    def _meets_weights(self, start: str, steps: dict[str, list[str]], stops: Callable[[Any], bool]) -> list[str]:
        """Weighted layers reached from ``start`` over linear layers."""
        found, waiting, seen = [], list(steps[start]), set()
        while waiting:
            name = waiting.pop()
            layer = self.layers[name]
            if name in seen or stops(layer):
                continue
            seen.add(name)
            if kernels(layer):
                found.append(name)
            else:
                waiting.extend(steps[name])
        return found

    def linear_neighbours(self, name: str) -> tuple[list[str], list[str]]:
        """Weighted layers above and below ``name`` with nothing but linear maps between."""
        if kernels(self.layers[name]):
            above = [name]
        else:
            above = self._meets_weights(name, self.parents, lambda layer: not is_linear(layer))
        below = self._meets_weights(name, self.children, lambda layer: not is_linear(layer) and not kernels(layer))
        return above, below
