"""Cross-layer equalisation: the weight ranges of neighbouring layers are balanced channel by channel through the ReLU between them.

M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction",
arXiv 1906.04721, section 4.1. A ReLU, a pooling and a flattening all keep a positive factor per channel, so ``W2 f(W1 x + b1)`` equals
``(W2 S) f((W1 x + b1) / S)``. Equation 11 gives ``s_i = sqrt(r1_i r2_i) / r2_i``; here it is rounded to a power of two, so that the float
model computes the very same numbers as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..sites import consumers, inner_activation, is_weighted, parts, producers

_KEEPS_FACTOR = ("ReLU", "LeakyReLU", "Dropout", "Flatten")
_POOLING = ("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling")
_ROUNDS = 40
_NOTHING = 2.0**-24


@dataclass(frozen=True)
class Equalized:
    """Two layers that were balanced.

    Attributes:
        first, second: names.
        factors: power of two per channel of ``first``'s output: its weights were divided by it, those of ``second`` multiplied.
    """

    first: str
    second: str
    factors: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        changed = int(np.count_nonzero(self.factors != 1))
        return {
            "first": self.first,
            "second": self.second,
            "channels": len(self.factors),
            "changed": changed,
            "smallest": float(self.factors.min()),
            "largest": float(self.factors.max()),
        }


def _keeps_factor(layer: Any) -> bool:
    """Whether multiplying a channel by a positive number before the layer is the same as after it."""
    kind = type(layer).__name__
    if kind == "ReLU":
        return layer.max_value is None and not layer.threshold
    return kind in _KEEPS_FACTOR or kind.startswith(_POOLING) or (kind == "Activation" and inner_activation(layer) in ("relu", "linear"))


def pairs(model: Any) -> list[tuple[str, str]]:
    """Names of neighbouring layers with weights between which a factor per channel can move.

    Each is the only reader of the other, directly or through layers that keep a positive factor.
    """
    found = []
    for first in model.layers:
        if not is_weighted(first) or inner_activation(first) not in ("relu", "linear"):
            continue
        layer = first
        while True:
            readers = consumers(model.layers, layer)
            if len(readers) != 1 or len(layer.inbound_nodes) != 1 or len(producers(readers[0])) != 1:
                break
            (layer,) = readers
            if is_weighted(layer):
                found += [(first.name, layer.name)] if len(layer.inbound_nodes) == 1 else []
                break
            if not _keeps_factor(layer):
                break
    return found


def _outputs_last(layer: Any, kernel: np.ndarray) -> np.ndarray:
    """Kernel as (everything else, output channels); a view."""
    channels = int(np.prod(kernel.shape[-2:])) if parts(layer) == ["depthwise"] else kernel.shape[-1]
    return kernel.reshape(-1, channels)


def _inputs_middle(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Kernel as (positions, input channels, outputs); a view. A flattening leaves the channel as the fastest index of a dense layer's inputs."""
    return kernel.reshape(-1, channels, kernel.shape[-1])


def factors(range1: np.ndarray, range2: np.ndarray) -> np.ndarray:
    """Equation 11, ``sqrt(range1 / range2)``, rounded to powers of two.

    1 where a channel has (next to) no weights on one side: at most 2**-24 of the largest range, which is nothing in float32.
    """
    live = (range1 > _NOTHING * range1.max()) & (range2 > _NOTHING * range2.max())
    exponent = np.zeros(len(range1))
    exponent[live] = np.rint(0.5 * (np.log2(range1[live]) - np.log2(range2[live])))
    return np.exp2(exponent)


def _balance(first: Any, second: Any) -> np.ndarray:
    *before, kernel1, bias1 = (np.array(w) for w in first.get_weights())
    kernel2, *behind = (np.array(w) for w in second.get_weights())
    columns = _outputs_last(first, kernel1)
    rows = _inputs_middle(kernel2, columns.shape[1])
    s = factors(np.abs(columns).max(0), np.abs(rows).max((0, 2)))
    columns /= s.astype(np.float32)
    rows *= s[:, None].astype(np.float32)
    first.set_weights([*before, kernel1, bias1 / s.astype(np.float32)])
    second.set_weights([kernel2, *behind])
    return s


def equalize(model: Any) -> list[Equalized]:
    """Balance all neighbouring layers of a float model in place; its outputs stay the same, bit for bit.

    Pairs are taken in turn until nothing changes (section 4.1.3 of the paper): layers in the middle of a chain depend on both sides.

    Args:
        model: float tf_keras model without BatchNormalization, every weighted layer with a bias (:func:`.folded.folded_model`).

    Returns:
        One entry per pair.
    """
    found = pairs(model)
    total = {pair: np.ones(1) for pair in found}
    for _ in range(_ROUNDS):
        moved = False
        for pair in found:
            s = _balance(model.get_layer(pair[0]), model.get_layer(pair[1]))
            total[pair] = total[pair] * s
            moved |= bool(np.any(s != 1))
        if not moved:
            break
    return [Equalized(*pair, s) for pair, s in total.items()]
