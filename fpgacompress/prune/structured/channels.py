"""Which channels of a network are one and the same: what a channel is tied to by sums, normalisation, depthwise layers and flattening."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...keras_stack import load
from ...keras_stack.graph import has_graph

_PRODUCE = ("Dense", "Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_PASS = (
    *("Activation", "ReLU", "LeakyReLU", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "BatchNormalization"),
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D"),
    *("UpSampling1D", "UpSampling2D", "Softmax"),
)
_MERGE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def plain_kind(layer: Any) -> str:
    """The layer's type, a QKeras layer's that of the Keras layer it stands for."""
    kind = type(layer).__name__
    return kind[1:] if type(layer).__module__.startswith("qkeras") and kind.startswith("Q") else kind


@dataclass
class Channels:
    """Channels of a model. Each has a number; the same number is the same channel wherever it comes by.

    Attributes:
        reads: layer name to numbers of the channels along the last axis of what it reads, of layers that have one input.
        gives: the same of what it gives.
        fixed: numbers that must stay: the network's inputs and outputs, and what cannot be followed.
        producers: names of the layers whose outputs are channels of their own (dense, convolution), in order.
        obstacles: layer name to the reason why channels that it reads cannot be taken out.
    """

    reads: dict[str, np.ndarray] = field(default_factory=dict)
    gives: dict[str, np.ndarray] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    producers: list[str] = field(default_factory=list)
    obstacles: dict[str, str] = field(default_factory=dict)

    def groups(self) -> list[list[str]]:
        """Producers whose channels are tied to each other, those with channels that may go; each group loses the same ones."""
        found: list[tuple[set[int], list[str]]] = []
        for name in self.producers:
            numbers, names = set(self.gives[name].tolist()), [name]
            for other in [g for g in found if g[0] & numbers]:
                numbers, names = numbers | other[0], other[1] + names
                found.remove(other)
            found.append((numbers, names))
        return [names for numbers, names in found if numbers - self.fixed]

    def numbers(self, names: list[str]) -> np.ndarray:
        """The channels of some producers that may go, in order."""
        every = np.unique(np.concatenate([self.gives[n] for n in names]))
        return every[~np.isin(every, list(self.fixed))]


class _Ties:
    """Numbers that turn out to be the same."""

    def __init__(self) -> None:
        self.parent: list[int] = []

    def new(self, count: int) -> np.ndarray:
        first = len(self.parent)
        self.parent += range(first, first + count)
        return np.arange(first, first + count)

    def root(self, number: int) -> int:
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def tie(self, one: int, other: int) -> None:
        a, b = sorted((self.root(one), self.root(other)))
        self.parent[b] = a

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        return np.array([self.root(int(n)) for n in numbers], int)


def channels_of(model: Any) -> Channels:
    """Follow the channels of a model.

    Args:
        model: functional or sequential Keras or QKeras model with one input and one output, channels last, not nested, each layer called once.

    Raises:
        UnsupportedError: another model.
    """
    if not has_graph(model) or any(isinstance(layer, load().keras.Model) for layer in model.layers):
        raise UnsupportedError(f"the model '{model.name}' has no flat graph of layers", expected="what fpgacompress.load_model gives")
    found, ties = Channels(), _Ties()
    known: dict[int, np.ndarray] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            layer, outputs = node.layer, load().tf.nest.flatten(node.outputs)
            inputs = [] if node.is_input else [known[id(t)] for t in node.keras_inputs]
            if layer.name in found.gives:
                raise UnsupportedError(f"layer '{layer.name}' is called more than once", expected="each layer once")
            numbers = _after(layer, node, inputs, ties, found)
            found.gives[layer.name] = numbers
            if len(inputs) == 1:
                found.reads[layer.name] = inputs[0]
            known.update((id(t), numbers) for t in outputs)
    found.fixed |= {int(n) for t in model.outputs for n in known[id(t)]}
    found.fixed = {ties.root(n) for n in found.fixed}
    for kept in (found.reads, found.gives):
        kept.update({name: ties.roots(numbers) for name, numbers in kept.items()})
    return found


def _after(layer: Any, node: Any, inputs: list[np.ndarray], ties: _Ties, found: Channels) -> np.ndarray:
    """Channels that a layer gives."""
    kind, width = plain_kind(layer), int(load().tf.nest.flatten(node.outputs)[0].shape[-1])
    if node.is_input:
        numbers = ties.new(width)
        found.fixed |= set(numbers.tolist())
        return numbers
    if kind in _PRODUCE and _simple(layer):
        found.producers.append(layer.name)
        return ties.new(width)
    if (kind in _DEPTHWISE and _simple(layer)) or (kind in _PASS and width == len(inputs[0])):
        return inputs[0]
    if kind == "Flatten" and len(inputs[0]):
        return np.tile(inputs[0], width // len(inputs[0]))
    if kind in _MERGE and all(len(i) == width for i in inputs):
        for other in inputs[1:]:
            for a, b in zip(inputs[0], other):
                ties.tie(int(a), int(b))
        return inputs[0]
    if kind == "Concatenate" and layer.axis in (-1, len(node.outputs.shape) - 1):
        return np.concatenate(inputs)
    numbers = ties.new(width)
    found.fixed |= set(numbers.tolist()) | {int(n) for i in inputs for n in i}
    found.obstacles[layer.name] = f"{type(layer).__name__} mixes channels in a way that is not followed"
    return numbers


def _simple(layer: Any) -> bool:
    return (
        getattr(layer, "groups", 1) == 1
        and getattr(layer, "depth_multiplier", 1) == 1
        and layer.get_config().get("data_format") != "channels_first"
    )
