"""A float model run layer by layer, so that a change in one place costs only the layers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ...errors import UnsupportedError
from ...integer.types import FixedType
from ...keras_stack import load
from ...train.monitor import score

BATCH = 1000


@dataclass(frozen=True)
class Change:
    """Other kernels and quantized results in some layers.

    Attributes:
        kernels: layer name to the kernel it computes with instead of its own, float32.
        types: layer name to the fixed-point type its result is cast to (the input layer: the network's input).
    """

    kernels: Mapping[str, np.ndarray] = field(default_factory=dict)
    types: Mapping[str, FixedType] = field(default_factory=dict)

    def over(self, other: Change) -> Change:
        """Both changes, this one winning."""
        return Change({**other.kernels, **self.kernels}, {**other.types, **self.types})

    @property
    def layers(self) -> set[str]:
        """Names of the layers it touches."""
        return {*self.kernels, *self.types}


NOTHING = Change()


@dataclass(frozen=True)
class Score:
    """How a model answers on samples.

    Attributes:
        loss: mean cross entropy with the labels, nats.
        accuracy: fraction.
        divergence: mean Kullback-Leibler divergence of its class probabilities from those of the unchanged model, nats; needs no labels and
            is never negative (the sensitivity of Cai et al., "ZeroQ", arXiv 2001.00281).
    """

    loss: float
    accuracy: float
    divergence: float = 0.0


def fake_quantized(values: Any, kind: FixedType) -> Any:
    """Values cast to a saturating fixed-point type and back, as a TensorFlow tensor (float32, exact below 24 bits)."""
    tf = load().tf
    if kind.overflow == "WRAP" or kind.rounding == "RND":
        raise UnsupportedError(f"a cast to {kind}", expected="a saturating type that truncates or rounds half to even")
    scaled = values * np.float32(2.0**kind.fraction)
    rounded = tf.round(scaled) if kind.rounding == "RND_CONV" else tf.floor(scaled)  # tf.round is half to even
    return tf.clip_by_value(rounded, np.float32(kind.low), np.float32(kind.high)) * np.float32(kind.lsb)


class Forward:
    """The layers of a built functional or sequential model in the order in which they compute.

    Attributes:
        layers: without the input layer.
        sources: layer name to the names of the layers it reads.
        input: name of the input layer.

    Args:
        model: float tf_keras model ending in logits, one input, every layer called once.

    Raises:
        UnsupportedError: a layer that is used in several places.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
        self.input = model.inputs[0]._keras_history.layer.name
        self.sources = {layer.name: _sources(layer, self.input) for layer in self.layers}
        placed = {self.input}
        for layer in self.layers:
            if not placed.issuperset(self.sources[layer.name]):
                raise UnsupportedError(
                    f"the layers of '{model.name}' are not in the order in which they compute", expected="a functional model"
                )
            placed.add(layer.name)

    def run(
        self, x: Any, change: Change = NOTHING, known: Mapping[str, Any] | None = None, touched: AbstractSet[str] = frozenset()
    ) -> dict[str, Any]:
        """Results of the layers, by name.

        Args:
            x: inputs ``(n, *input shape)`` float32.
            change: what is different from the float model.
            known: results of all layers under another change. Only layers that ``touched`` reaches are then computed and returned.
            touched: layers in which ``change`` differs from the change behind ``known``.
        """
        values: dict[str, Any] = {}
        if known is None or self.input in touched:
            values[self.input] = fake_quantized(x, change.types[self.input]) if self.input in change.types else x
        for layer in self.layers:
            sources = self.sources[layer.name]
            if known is not None and layer.name not in touched and not any(s in values for s in sources):
                continue
            inputs = [values[s] if s in values else known[s] for s in sources]  # type: ignore[index]
            result = self._call(layer, inputs if len(inputs) > 1 else inputs[0], change.kernels.get(layer.name))
            values[layer.name] = fake_quantized(result, change.types[layer.name]) if layer.name in change.types else result
        return values

    def kernel(self, name: str) -> Any:
        """The variable that a layer multiplies with."""
        return self.model.get_layer(name).weights[0]

    @staticmethod
    def _call(layer: Any, inputs: Any, kernel: np.ndarray | None) -> Any:
        if kernel is None:
            return layer(inputs)
        variable = layer.weights[0]
        own = variable.numpy()
        variable.assign(kernel)
        try:
            return layer(inputs)
        finally:
            variable.assign(own)

    def logits(self, x: np.ndarray, change: Change = NOTHING) -> np.ndarray:
        """What the network answers under a change, float32 ``(n, classes)``."""
        tf, last = load().tf, self.layers[-1].name
        parts = [self.run(tf.constant(x[i : i + BATCH], tf.float32), change)[last].numpy() for i in range(0, len(x), BATCH)]
        return np.concatenate(parts)

    def scores(self, x: np.ndarray, y: np.ndarray, changes: Sequence[Change], base: Change = NOTHING) -> tuple[Score, list[Score]]:
        """Score under ``base``, and under each of ``changes`` made on top of it.

        Args:
            x: inputs ``(n, *input shape)`` float32.
            y: class numbers ``(n,)``.
        """
        tf = load().tf
        last = self.layers[-1].name
        logits: list[list[np.ndarray]] = [[] for _ in range(len(changes) + 1)]
        for start in range(0, len(x), BATCH):
            batch = tf.constant(x[start : start + BATCH], tf.float32)
            known = self.run(batch, base)
            logits[0].append(known[last].numpy())
            for parts, change in zip(logits[1:], changes):
                parts.append({**known, **self.run(batch, change.over(base), known, change.layers)}[last].numpy())
        first, *rest = (np.concatenate(parts) for parts in logits)
        return score_of(first, y, first), [score_of(other, y, first) for other in rest]


def score_of(logits: np.ndarray, y: np.ndarray, reference: np.ndarray) -> Score:
    """Score of logits ``(n, classes)`` against labels ``(n,)`` and the logits of the unchanged model."""
    told = score(logits, y)
    p, q = (special.log_softmax(z.astype(np.float64), axis=1) for z in (reference, logits))
    return Score(told["val_loss"], told["val_accuracy"], float(np.mean(np.sum(np.exp(p) * (p - q), axis=1))))


def _sources(layer: Any, entry: str) -> list[str]:
    if len(layer.inbound_nodes) != 1:
        raise UnsupportedError(f"layer '{layer.name}' is used in {len(layer.inbound_nodes)} places", expected="one")
    above = layer.inbound_nodes[0].inbound_layers
    return [a.name for a in (above if isinstance(above, (list, tuple)) else [above])]
