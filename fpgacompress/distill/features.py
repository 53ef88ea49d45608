"""Inside layers that distillation compares: activations of student and teacher, matched by depth or by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..errors import ModelError
from ..keras_stack.graph import does_nothing, unwrapped
from ..registry import nearest

_ACTIVATIONS = ("Activation", "QActivation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
_LINEAR = ("linear", "softmax", "sigmoid", "log_softmax")
_INSERTED = ("_quantizer", "_input")
"""Ends of the names of quantizers that :mod:`fpgacompress.quantize.build` puts in where the float model has no activation."""


def _acts(layer: Any) -> bool:
    """Whether a layer ends in a non-linearity that keeps features (a ReLU, quantized or not)."""
    layer = unwrapped(layer)
    inside = getattr(layer, "activation", None)
    named = getattr(inside, "__name__", None) or type(inside).__name__
    if type(layer).__name__ == "QActivation" and layer.name.endswith(_INSERTED):
        return False
    if type(layer).__name__ in _ACTIVATIONS:
        return "activation" not in layer.get_config() or named not in _LINEAR
    return inside is not None and named not in _LINEAR and bool(layer.weights)


def layer_of(model: Any, name: str) -> Any | None:
    """The layer called ``name``, inside a pruning wrapper or not; None: there is none."""
    return next((layer for layer in model.layers if name in (layer.name, unwrapped(layer).name)), None)


def shape_of(model: Any, name: str) -> tuple[int, ...]:
    """Shape of one sample's output of a layer."""
    layer = layer_of(model, name)
    assert layer is not None
    return tuple(layer.output.shape[1:])


def feature_layers(model: Any, spatial: bool = False) -> list[str]:
    """Names of the activations before the logits, from input to output; with ``spatial`` those with a height."""
    found = [layer for layer in model.layers[:-1] if _acts(layer)]
    return [unwrapped(layer).name for layer in found if not spatial or len(layer.output_shape) > 2]


def last_features(model: Any) -> str:
    """Name of the layer whose output the last layer with weights reads."""
    layer = next(layer for layer in reversed(model.layers) if unwrapped(layer).weights)
    while True:
        layer = layer.input._keras_history.layer
        if not does_nothing(layer):
            return str(unwrapped(layer).name)


def inner_layers(model: Any, names: list[str], count: int) -> list[str]:
    """``names`` as given, or ``count`` activations evenly over the depth, all of them for 0.

    Raises:
        ModelError: a name that is no layer, or fewer than ``count`` activations.
    """
    found = feature_layers(model)
    _check_names(model, "student", names)
    if not names and not max(count, 1) <= len(found):
        raise ModelError(
            f"distillation of {count or 'all'} layers, and the student has {len(found)} activations",
            expected=f"at most {len(found)}" if found else "some",
            do="choose another count or method, or name the layers in distill.options.layers",
        )
    return list(names) or _spread(found, count or len(found))


def _check_names(model: Any, side: str, names: Iterable[str]) -> None:
    for name in names:
        if layer_of(model, str(name)) is None:
            known = [unwrapped(layer).name for layer in model.layers]
            raise ModelError(
                f"distill.options.layers: the {side} has no layer '{name}'",
                expected=f"{nearest(str(name), known)}one of {', '.join(known)}",
            )


def _spread(names: list[str], count: int) -> list[str]:
    return [names[math.ceil((i + 1) * len(names) / count) - 1] for i in range(count)]


def paired(
    student: Any, teacher: Any, sides: tuple[list[str], list[str]], layers: dict[str, str] | None, count: int, what: str = ""
) -> list[tuple[str, str]]:
    """Pairs (student's layer, teacher's layer): ``layers`` as given, or ``count`` of each side's ``sides``, evenly over the depth.

    Raises:
        ModelError: a name that is no layer, or a side with fewer than ``count`` activations.
    """
    if layers:
        for model, side, names in ((student, "student", layers), (teacher, "teacher", layers.values())):
            _check_names(model, side, names)
        return list(layers.items())
    for side, names in zip(("student", "teacher"), sides):
        if not 1 <= count <= len(names):
            raise ModelError(
                f"distillation of {count} layers, and the {side} has {len(names)} activations {what}".rstrip(),
                expected=f"at least 1 and at most {len(names)}" if names else "some",
                do="choose another count or method, or name the layers in distill.options.layers (student: teacher)",
            )
    return list(zip(*(_spread(names, count) for names in sides)))
