"""Activations: every quantizer is a cast to a fixed-point type; linear is nothing; softmax is refused."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from ..builder import Builder, layers
from ..quantizers import fixed_type


def _refuse_function(layer: Any, name: str) -> UnsupportedError:
    if name in ("softmax", "sigmoid"):
        return UnsupportedError(
            f"layer '{layer.name}' is a {name}, which has no exact fixed-point form",
            expected="a model that ends in logits",
            do=f"remove the {name}: the class with the largest logit is the same, and from_logits=True goes into the loss",
        )
    return UnsupportedError(
        f"layer '{layer.name}' has the float activation '{name}'",
        expected="a quantized activation",
        do="use QActivation('quantized_relu(bits,integer)') or QActivation('quantized_bits(bits,integer,alpha=1)')",
    )


def attached_activation(layer: Any, source: str, net: Builder) -> str:
    """The activation given as ``activation=`` of a weighted layer, as its own ``quantize`` node ``<layer>_act``."""
    activation = layer.activation
    if activation is None or getattr(activation, "__name__", "") == "linear":
        return source
    kind = type(activation).__name__
    if kind in ("function", "builtin_function_or_method"):
        raise _refuse_function(layer, activation.__name__)
    return net.quantize(f"{layer.name}_act", source, fixed_type(activation, f"the activation of layer '{layer.name}'"))


@layers.register("QActivation")
def qactivation(layer: Any, sources: list[str], net: Builder) -> str:
    """A cast to the quantizer's type."""
    (source,) = sources
    if type(layer.quantizer).__name__ == "function":
        raise _refuse_function(layer, layer.quantizer.__name__)
    return net.quantize(layer.name, source, fixed_type(layer.quantizer, f"layer '{layer.name}'"))


@layers.register("Activation")
def activation(layer: Any, sources: list[str], net: Builder) -> str:
    """``linear`` is the identity; anything else is a float function and refused."""
    (source,) = sources
    name = getattr(layer.activation, "__name__", str(layer.activation))
    if name == "linear":
        return source
    raise _refuse_function(layer, name)


@layers.register("Softmax")
def softmax(layer: Any, sources: list[str], net: Builder) -> str:
    """Refused, with the fix."""
    raise _refuse_function(layer, "softmax")


@layers.register("ReLU")
def relu(layer: Any, sources: list[str], net: Builder) -> str:
    """Refused: a float relu keeps every bit of the accumulator."""
    raise _refuse_function(layer, "relu")
