"""What the layers of a float model and of its student put out on calibration samples, batch by batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...keras_stack import load

BATCH = 256


def batches(x: np.ndarray) -> Iterator[np.ndarray]:
    """``x`` in parts of at most :data:`BATCH` samples."""
    for start in range(0, len(x), BATCH):
        yield x[start : start + BATCH]


class Outputs:
    """Outputs of some layers of a model.

    Args:
        model: Keras or QKeras model.
        names: layers; their results in this order.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self._probe = load().keras.Model(model.inputs, [model.get_layer(name).output for name in names])
        self._single = len(names) == 1

    def __call__(self, x: np.ndarray) -> list[np.ndarray]:
        """Results of one batch ``(n, *input shape)``: ``(n, *layer shape)`` float64 each."""
        found = self._probe(x, training=False)
        return [np.asarray(y, np.float64) for y in ([found] if self._single else found)]


@contextlib.contextmanager
def _bare(layer: Any) -> Iterator[None]:
    """The layer without the activation inside it."""
    before, layer.activation = layer.activation, None
    try:
        yield
    finally:
        layer.activation = before


def mean_sums(model: Any, names: Sequence[str], x: np.ndarray) -> dict[str, np.ndarray]:
    """Mean of the weighted sums (before any activation inside the layer) over samples and positions, per output channel.

    Args:
        model: Keras or QKeras model.
        names: layers with weights.
        x: ``(n, *input shape)`` float32.

    Returns:
        Layer name to ``(channels,)`` float64.
    """
    layers = [model.get_layer(name) for name in names]
    probe = load().keras.Model(model.inputs, [layer.input for layer in layers])
    total: dict[str, np.ndarray] = dict.fromkeys(names, np.zeros(1))
    for part in batches(x):
        found = probe(part, training=False)
        for layer, entering in zip(layers, [found] if len(layers) == 1 else found):
            with _bare(layer):
                sums = np.asarray(layer(entering), np.float64)
            total[layer.name] = total[layer.name] + sums.mean(axis=tuple(range(sums.ndim - 1))) * len(part)
    return {name: value / len(x) for name, value in total.items()}
