"""Walks a Keras model from its output to its input and lowers each layer by its rule."""

from __future__ import annotations

from typing import Any

from ..errors import UnsupportedError
from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from ..registry import nearest
from .builder import Builder, layers


def unwrapped(layer: Any) -> Any:
    """The layer inside pruning wrappers; its weights are used as they are, so masks must have been applied (tfmot does so at each epoch's end)."""
    while type(layer).__name__ in ("PruneLowMagnitude", "PruneLowMagnitudeWrapper"):
        layer = layer.layer
    return layer


def _single(tensors: Any, what: str, model: Any) -> Any:
    tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
    if len(tensors) != 1:
        raise UnsupportedError(f"model '{model.name}' has {len(tensors)} {what}s", expected=f"one {what}")
    return tensors[0]


def _parents(layer: Any, node_index: int) -> list[Any]:
    tensors = layer._inbound_nodes[node_index].keras_inputs
    return list(tensors)


def _ordered(model: Any) -> list[tuple[Any, int]]:
    """(layer, call) pairs in topological order, output last (depth first, without recursion)."""
    output = _single(model.outputs, "output", model)
    order: list[tuple[Any, int]] = []
    done: set[tuple[int, int]] = set()
    stack: list[tuple[Any, bool]] = [(output, False)]
    while stack:
        tensor, ready = stack.pop()
        layer, call, _ = tensor._keras_history
        key = (id(layer), call)
        if key in done:
            continue
        if ready:
            done.add(key)
            order.append((layer, call))
            continue
        stack.append((tensor, True))
        stack.extend((parent, False) for parent in reversed(_parents(layer, call)) if type(layer).__name__ != "InputLayer")
    return order


def _refuse_unknown(layer: Any) -> UnsupportedError:
    kind = type(layer).__name__
    names = layers.names()
    return UnsupportedError(
        f"layer '{layer.name}' of class {kind} has no exact integer form here",
        expected=f"{nearest(kind, names)}one of {', '.join(n for n in names if n.startswith('Q') or n in ('Add', 'Flatten', 'Reshape', 'Dropout'))}, "
        "MaxPooling1D, MaxPooling2D, InputLayer",
        do="replace the layer, or fold it into its neighbour before lowering",
    )


def lower(model: Any, input_type: FixedType, name: str | None = None) -> IntegerNetwork:
    """Read a trained QKeras model and write what the hardware computes.

    Args:
        model: built tf_keras model, sequential or functional, one input and one output (logits); pruning wrappers may still be on.
        input_type: type of the data as the preprocessing delivers it.
        name: name of the network; the model's by default.

    Returns:
        The integer network. Node names are the layers' names; an activation inside a weighted layer becomes ``<layer>_act``.

    Raises:
        UnsupportedError: a layer or quantizer without exact integer meaning; the message names the layer and the fix.
    """
    if not getattr(model, "outputs", None):
        raise UnsupportedError(
            f"model '{getattr(model, 'name', model)}' is not built", do="give it an Input layer or call model.build(input_shape)"
        )
    source = _single(model.inputs, "input", model)
    net = Builder(name or model.name)
    produced: dict[tuple[int, int], str] = {}
    used: dict[int, str] = {}
    for wrapper, call in _ordered(model):
        layer = unwrapped(wrapper)
        key = (id(wrapper), call)
        if type(layer).__name__ == "InputLayer":
            shape = tuple(source.shape[1:])
            if any(n is None for n in shape):
                raise UnsupportedError(f"the input of model '{model.name}' has the shape {shape}", expected="all axes known")
            produced[key] = net.input(layer.name, input_type, tuple(int(n) for n in shape))
            continue
        if id(layer) in used and getattr(layer, "weights", None):
            raise UnsupportedError(f"layer '{layer.name}' is used more than once", expected="one use of each layer with weights")
        used[id(layer)] = layer.name
        kind = type(layer).__name__
        if kind not in layers.names():
            raise _refuse_unknown(layer)
        sources = [produced[(id(t._keras_history[0]), t._keras_history[1])] for t in _parents(wrapper, call)]
        produced[key] = layers.get(kind)(layer, sources, net)
    network = net.network()
    assert network.output.name == produced[key], "depth-first order ends at the output"
    return network
