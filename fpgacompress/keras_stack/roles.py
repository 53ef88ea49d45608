"""Which quantizers a model has, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .graph import unwrapped

_ROLES = {
    "kernel_quantizer_internal": "kernel",
    "depthwise_quantizer_internal": "kernel",
    "pointwise_quantizer_internal": "kernel",
    "bias_quantizer_internal": "bias",
    "activation": "activation",
    "quantizer": "activation",
}


@dataclass(frozen=True)
class Role:
    """A quantizer in its place.

    Attributes:
        layer: the Keras layer, pruning wrapper taken off.
        attribute: the layer's attribute that holds the quantizer and that its forward calls.
        kind: "kernel", "bias" or "activation".
        quantizer: the object.
    """

    layer: Any
    attribute: str
    kind: str
    quantizer: Any


def quantizers(model: Any) -> list[Role]:
    """Every quantizer object of a model's layers, in the order of the layers; float activations are none."""
    found = []
    for layer in map(unwrapped, model.layers):
        for attribute, kind in _ROLES.items():
            quantizer = getattr(layer, attribute, None)
            if attribute == "activation" and quantizer is getattr(layer, "quantizer", None):
                continue  # a QActivation made from an object holds it twice
            if callable(quantizer) and hasattr(quantizer, "get_config") and hasattr(quantizer, "bits"):
                found.append(Role(layer, attribute, kind, quantizer))
    return found
