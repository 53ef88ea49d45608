"""Where a float Keras model is quantized: its layers with weights, ReLUs, averages and bare sums, and how they follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WEIGHTED = {
    "Dense": "QDense",
    "Conv1D": "QConv1D",
    "Conv2D": "QConv2D",
    "DepthwiseConv2D": "QDepthwiseConv2D",
    "SeparableConv1D": "QSeparableConv1D",
    "SeparableConv2D": "QSeparableConv2D",
}
"""Keras layers with weights and their QKeras twins."""

AVERAGES = ("AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")


def inner_activation(layer: Any) -> str:
    """Name of the activation inside a layer; "linear" for none."""
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def is_weighted(layer: Any) -> bool:
    """A layer with a kernel that has a QKeras twin."""
    return type(layer).__name__ in WEIGHTED


def is_relu(layer: Any) -> bool:
    """A ReLU of its own, or a weighted layer with one inside."""
    kind = type(layer).__name__
    return kind == "ReLU" or (kind in ("Activation", *WEIGHTED) and inner_activation(layer) == "relu")


def is_average(layer: Any) -> bool:
    """An average pooling, global or not."""
    return type(layer).__name__ in AVERAGES


def producers(layer: Any) -> list[Any]:
    """Layers that ``layer`` reads."""
    node = layer.inbound_nodes[-1] if layer.inbound_nodes else None
    if node is None or not hasattr(node, "inbound_layers"):
        return []
    above = node.inbound_layers
    return list(above) if isinstance(above, (list, tuple)) else [above]


def consumers(layers: list[Any], layer: Any) -> list[Any]:
    """Those of ``layers`` that read ``layer``."""
    return [other for other in layers if any(p is layer for p in producers(other))]


def weighted_above(layer: Any) -> Any | None:
    """The nearest layer with weights above ``layer``, along the first input."""
    while True:
        above = producers(layer)
        if not above:
            return None
        layer = above[0]
        if is_weighted(layer):
            return layer


def reads_sums(layer: Any) -> bool:
    """Whether what ``layer`` reads are sums of products (perhaps pooled), with no ReLU between."""
    while True:
        above = producers(layer)
        if not above or is_relu(above[0]) or is_average(above[0]):
            return False
        layer = above[0]
        if is_weighted(layer) or type(layer).__name__ == "Add":
            return True


def quantized_sums(layers: Sequence[Any]) -> list[Any]:
    """Layers whose results are sums of products that a layer with weights reads with no ReLU between, as behind a linear bottleneck.

    Unquantized they would be as wide as an accumulator, and the sums behind them too wide for float32. A sum of ReLUs is none of these: it has
    hardly more bits than they have.

    Args:
        layers: of a float Keras model (``model.layers``), built.
    """
    found: list[Any] = []

    def gives_sums(layer: Any) -> bool:
        if is_relu(layer) or is_average(layer) or any(layer is known for known in found):
            return False
        return is_weighted(layer) or any(gives_sums(above) for above in producers(layer))

    for layer in layers:
        if is_weighted(layer):
            found += [above for above in producers(layer) if gives_sums(above)]
    return found


def parts(layer: Any) -> list[str]:
    """The kernels of a weighted layer by the names QKeras gives their quantizers (``<part>_quantizer``), in the order of its weights."""
    kind = type(layer).__name__.removeprefix("Q")
    if kind.startswith("Separable"):
        return ["depthwise", "pointwise"]
    return ["depthwise"] if kind.startswith("Depthwise") else ["kernel"]
