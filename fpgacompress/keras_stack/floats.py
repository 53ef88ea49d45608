"""A float model of the same architecture as a quantized one, with weights of its own."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .graph import replaced, unwrapped
from .stack import load

_SIGNS = ("binary", "ternary")


def float_copy(model: Any, seed: int) -> Any:
    """The model with Keras layers in place of QKeras', without pruning wrappers, and with fresh weights.

    Args:
        model: sequential or functional Keras or QKeras model with one input and one output; it is not changed.
        seed: of the weights; the layers' own initializers draw them.

    Raises:
        UnsupportedError: a QKeras layer that Keras has no plain one for.
    """
    rng, made = np.random.default_rng(seed), {}

    def call(layer: Any, args: Any, kwargs: Any) -> Any:
        if id(layer) not in made:
            made[id(layer)] = _plain(unwrapped(layer), rng)
        return made[id(layer)](*args, **kwargs)

    return replaced(model, call)


def _plain(layer: Any, rng: np.random.Generator) -> Any:
    """A layer without quantizers and weights."""
    keras, kind, config = load().keras, type(layer).__name__, layer.get_config()
    for name, value in config.items():
        if name.endswith("_initializer"):
            config[name] = _seeded(value, rng)
    if not type(layer).__module__.startswith("qkeras"):
        return type(layer).from_config(config)
    if kind == "QActivation":
        return keras.layers.Activation(_function(layer.quantizer), name=layer.name)
    plain = getattr(keras.layers, kind[1:], None)
    if plain is None:
        raise UnsupportedError(f"layer '{layer.name}' ({kind}) has no float twin", expected="layers that Keras has, too")
    known = {*inspect.signature(plain.__init__).parameters, "name", "trainable", "dtype"} - {"self", "kwargs"}
    config = {name: value for name, value in config.items() if name in known and not name.endswith("_constraint")}
    if "activation" in config:
        config["activation"] = _function(layer.activation)
    return plain.from_config(config)


def _seeded(initializer: Any, rng: np.random.Generator) -> Any:
    """An initializer's configuration with a seed of its own, out of QKeras' wrapper."""
    if not isinstance(initializer, dict):
        return initializer
    if initializer["class_name"] == "QInitializer":
        return _seeded(initializer["config"]["initializer"], rng)
    config = initializer["config"]
    return initializer | {"config": config | {"seed": int(rng.integers(2**31))}} if "seed" in config else initializer


def _function(quantizer: Any) -> str:
    """Name of the float function that an activation quantizer rounds."""
    if hasattr(quantizer, "__name__"):
        return str(quantizer.__name__)
    kind = type(quantizer).__name__
    unsigned = not getattr(quantizer, "signed", getattr(quantizer, "keep_negative", True))
    for name in ("sigmoid", "tanh"):
        if name in kind:
            return name
    if "relu" in kind or unsigned:
        return "relu"
    return "tanh" if kind in _SIGNS else "linear"
