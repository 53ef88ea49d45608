"""Whole residual blocks: where a sum adds what a branch computes to what it has read, the branch can go."""

from __future__ import annotations

from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...keras_stack.graph import replaced
from ...registry import nearest


def _sums(model: Any) -> dict[str, Any]:
    """Name of each residual sum to its shortcut: the input that the other one is computed from, of the same shape."""
    found = {}
    for layer in model.layers:
        if type(layer).__name__ != "Add" or len(layer.input) != 2:
            continue
        for shortcut, branch in (layer.input, layer.input[::-1]):
            if tuple(shortcut.shape) == tuple(branch.shape) and _computed_from(branch, shortcut):
                found[layer.name] = shortcut
                break
    return found


def _computed_from(tensor: Any, source: Any) -> bool:
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        for before in load().tf.nest.flatten(one._keras_history.layer.input):
            if before is source:
                return True
            if before is not one and not before._keras_history.layer.__class__.__name__ == "InputLayer":
                waiting.append(before)
    return False


def blocks_of(model: Any) -> list[str]:
    """Names of the sums whose branch can be taken out, from input to output."""
    return list(_sums(model))


def without_block(model: Any, name: str) -> Any:
    """A copy of ``model`` in which the sum ``name`` passes its shortcut on, without the branch's layers.

    Raises:
        ModelError: no such sum, or one whose branch changes the shape.
    """
    shortcuts = _sums(model)
    if name not in shortcuts:
        raise ModelError(f"block '{name}'", expected=f"{nearest(name, shortcuts)}one of {', '.join(shortcuts) or 'no residual blocks'}")
    place = next(i for i, tensor in enumerate(model.get_layer(name).input) if tensor is shortcuts[name])
    made: dict[str, Any] = {}

    def call(layer: Any, args: Any, kwargs: Any) -> Any:
        if layer.name == name:
            return args[0][place]
        made[layer.name] = type(layer).from_config(layer.get_config())
        return made[layer.name](*args, **kwargs)

    smaller = replaced(model, call)
    for layer in smaller.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return smaller
