"""Half a step for activations that cut off: ``floor(x + step / 2)`` rounds to the nearest level (half up), and a bias is added anyway."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..keras_stack.roles import Role, quantizers
from .sites import AVERAGES, producers

_PASSING = ("MaxPooling1D", "MaxPooling2D", *AVERAGES, "Flatten", "Reshape", "Dropout")
"""Layers through which a constant passes as it is."""


def _passes(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind in _PASSING or (kind == "Activation" and getattr(layer.activation, "__name__", "") == "linear")


def _bias_above(layer: Any) -> Any | None:
    """The layer whose bias reaches ``layer`` and nothing else; of the branches of a sum the first one that has such a bias."""
    for source in producers(layer):
        if len(source.outbound_nodes) != 1:
            continue
        if getattr(source, "bias", None) is not None:
            return source
        found = _bias_above(source) if _passes(source) or type(source).__name__ == "Add" else None
        if found is not None:
            return found
    return None


def bias_in_front(role: Role) -> Any | None:
    """The layer whose bias reaches an activation and nothing else; None where there is none."""
    if role.attribute == "activation":
        return role.layer if role.layer.bias is not None else None
    return _bias_above(role.layer)


def add_half_steps(student: Any, names: Collection[str] | None = None) -> list[str]:
    """Add half a step of each truncating activation to the bias in front of it, so that training starts as if it rounded.

    Args:
        student: QKeras model, biases still free to change.
        names: of the layers that hold these activations; all when absent.

    Returns:
        Names of activations that no bias reaches alone; there training has to find its own way.
    """
    left = []
    for role in quantizers(student):
        quantizer = role.quantizer
        if role.kind != "activation" or not type(quantizer).__name__.startswith("truncated_"):
            continue
        if names is not None and role.layer.name not in names:
            continue
        source = bias_in_front(role)
        bits, integer = np.asarray(quantizer.bits), np.asarray(quantizer.integer)
        if source is None or bits.size not in (1, source.bias.shape[0]):
            left.append(role.layer.name)
            continue
        halves = np.where(bits > 0, 2.0 ** (integer - bits + quantizer.signed - 1), 0.0)
        source.bias.assign_add(np.broadcast_to(halves, source.bias.shape))
    return left
