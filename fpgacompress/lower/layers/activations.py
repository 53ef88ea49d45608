"""Activations: every quantizer is a few exact operations; relu keeps all bits; linear is nothing; softmax is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import keras_stack
from ...errors import UnsupportedError
from ..builder import Builder, layers
from ..dyadic import power_of_two
from ..quantizers import activation_steps, number
from ..steps import Clip, Leaky, Relu, Step, chain


def attached_activation(layer: Any, source: str, net: Builder) -> str:
    """The activation given as ``activation=`` of another layer, as its own node ``<layer>_act``."""
    if layer.activation is None:
        return source
    where = f"layer '{layer.name}'"
    if not hasattr(layer.activation, "__name__"):
        where = f"the activation of {where}"
    return chain(net, f"{layer.name}_act", source, activation_steps(layer.activation, where), where)


@layers.register("QActivation")
def qactivation(layer: Any, sources: list[str], net: Builder) -> str:
    """The quantizer's steps."""
    where = f"layer '{layer.name}'"
    return chain(net, layer.name, sources[0], activation_steps(layer.quantizer, where), where)


@layers.register("Activation")
def activation(layer: Any, sources: list[str], net: Builder) -> str:
    """``linear``, ``relu`` and ``relu6`` are exact; a quantizer may be given as well."""
    where = f"layer '{layer.name}'"
    return chain(net, layer.name, sources[0], activation_steps(layer.activation, where), where)


@layers.register("QAdaptiveActivation")
def adaptive(layer: Any, sources: list[str], net: Builder) -> str:
    """Its quantizer with the integer bits it has learned, once it has stopped to change them.

    In QKeras 0.9 every call, also at inference, sets the integer bits from the moving averages, and with ``ema_freeze_delay`` it goes on to
    update these averages at inference until the delay is over.
    """
    where = f"layer '{layer.name}'"
    quantizer = layer.quantizer
    integer = number(quantizer.integer)
    if np.isnan(integer):
        raise UnsupportedError(f"{where} has learned other integer bits for each channel", do="train it with per_channel=False")
    module = keras_stack.load().qkeras.quantizers
    settings = (layer.total_bits, layer.symmetric, layer.keep_negative, layer.po2_rounding)
    settled = number(module._get_integer_bits(layer.ema_min, layer.ema_max, *settings))
    running = bool(layer.will_ema_freeze) and int(layer.step) <= int(layer.ema_freeze_delay)
    if settled != integer or running:
        raise UnsupportedError(
            f"{where} still changes its integer bits at each call ({int(integer)} now)",
            do="train until its averages are frozen, or write QActivation with the integer bits it has learned",
        )
    return chain(net, layer.name, sources[0], activation_steps(quantizer, where, noise=False), where)


def _leaky_steps(slope: float, maximum: float | None, where: str) -> list[Step]:
    steps: list[Step] = []
    if slope == 0:
        steps.append(Relu())
    else:
        shift = power_of_two(slope)
        if shift is None or shift >= 0:
            raise UnsupportedError(
                f"{where} has a negative slope of {slope:g}",
                expected="a power of two below 1",
                do="use a slope such as 0.25, and train again",
            )
        steps.append(Leaky(-shift))
    if maximum is not None:
        steps.append(Clip(0.0 if slope == 0 else None, float(np.float32(maximum))))
    return steps


@layers.register("ReLU")
def relu(layer: Any, sources: list[str], net: Builder) -> str:
    """``max_value`` and a ``negative_slope`` that is a power of two are exact."""
    where = f"layer '{layer.name}'"
    if float(layer.threshold) != 0:
        raise UnsupportedError(f"{where} (ReLU) has threshold={float(layer.threshold):g}", expected="0")
    return chain(net, layer.name, sources[0], _leaky_steps(float(layer.negative_slope), layer.max_value, where), where)


@layers.register("LeakyReLU")
def leaky_relu(layer: Any, sources: list[str], net: Builder) -> str:
    """A slope that is a power of two."""
    where = f"layer '{layer.name}'"
    return chain(net, layer.name, sources[0], _leaky_steps(float(layer.alpha), None, where), where)


@layers.register("Softmax")
def softmax(layer: Any, sources: list[str], net: Builder) -> str:
    """Refused, with the fix."""
    return chain(net, layer.name, sources[0], activation_steps(keras_stack.load().keras.activations.softmax, f"layer '{layer.name}'"), "")
