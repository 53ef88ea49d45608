"""Walks a Keras model from its output to its input and lowers each layer by its rule."""

from __future__ import annotations

from typing import Any

from ..errors import UnsupportedError
from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from ..keras_stack import unwrapped
from ..registry import nearest
from .builder import Builder, layers


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
    usual = [n for n in names if n.startswith("Q") or n in ("Add", "Concatenate", "Flatten", "Reshape", "MaxPooling2D")]
    return UnsupportedError(
        f"layer '{layer.name}' of class {kind} has no exact integer form here",
        expected=f"{nearest(kind, names)}one of {', '.join(usual)}",
        do="replace the layer, or fold it into its neighbour before lowering",
    )


Call = tuple[int, int]
"""Which layer (its id) and which of its calls."""


def _lower_into(model: Any, net: Builder, source: str) -> dict[Call, str]:
    """All layers of a model that reads ``source``: the node behind each call of a layer, the output last."""
    _single(model.inputs, "input", model)
    produced: dict[Call, str] = {}
    for wrapper, call in _ordered(model):
        layer = unwrapped(wrapper)  # its weights as they are: tfmot applies the masks in every call of the wrapper
        kind = type(layer).__name__
        if kind == "InputLayer":
            produced[id(wrapper), call] = source
            continue
        sources = [produced[id(t._keras_history[0]), t._keras_history[1]] for t in _parents(wrapper, call)]
        if kind in layers.names():
            made = layers.get(kind)(layer, sources, net)
        elif getattr(layer, "outputs", None):
            with net.within(layer.name):
                made = _last(_lower_into(layer, net, _single(sources, "input", layer)))
        else:
            raise _refuse_unknown(layer)
        produced[id(wrapper), call] = made
    return produced


def _last(produced: dict[Call, str]) -> str:
    return next(reversed(produced.values()))


def _lowered(model: Any, input_type: FixedType, name: str | None) -> tuple[IntegerNetwork, dict[Call, str]]:
    if not getattr(model, "outputs", None):
        raise UnsupportedError(
            f"model '{getattr(model, 'name', model)}' is not built", do="give it an Input layer or call model.build(input_shape)"
        )
    source = _single(model.inputs, "input", model)
    shape = tuple(source.shape[1:])
    if any(n is None for n in shape):
        raise UnsupportedError(f"the input of model '{model.name}' has the shape {shape}", expected="all axes known")
    net = Builder(name or model.name)
    first = net.input(source._keras_history[0].name, input_type, tuple(int(n) for n in shape))
    produced = _lower_into(model, net, first)
    return net.network(_last(produced)), produced


def lower(model: Any, input_type: FixedType, name: str | None = None) -> IntegerNetwork:
    """Read a trained QKeras model and write what the hardware computes.

    Args:
        model: built tf_keras model, sequential or functional, one input and one output (logits); pruning wrappers may still be on, models
            may be layers of models.
        input_type: type of the data as the preprocessing delivers it.
        name: name of the network; the model's by default.

    Returns:
        The integer network. The last node of a layer has the layer's name, an activation inside a layer is called ``<layer>_act``, layers
        of a model inside the model ``<model>_<layer>``; a layer that is used again gets ``_2`` behind its name.

    Raises:
        UnsupportedError: a layer or quantizer without exact integer meaning; the message names the layer and the fix.
    """
    return _lowered(model, input_type, name)[0]


def results(model: Any, network: IntegerNetwork) -> dict[str, Any]:
    """Which Keras tensor holds the values of which node.

    Args:
        model: what ``network`` was lowered from.
        network: as :func:`lower` made it, or with nodes removed or narrowed since.

    Returns:
        ``{name of a node: tensor of the model}``, for every node that is the result of a layer of the model itself.

    Raises:
        UnsupportedError: the model cannot be lowered.
    """
    first, produced = _lowered(model, network.input.out, network.name)
    shapes = {node.name: node.shape for node in first.nodes}
    kept = {node.name for node in network.nodes if shapes.get(node.name) == node.shape}
    found: dict[str, Any] = {}
    for layer, call in _ordered(model):
        node = produced[id(layer), call]
        if node in kept and node not in found:
            found[node] = _single(layer._inbound_nodes[call].outputs, "output", layer)
    return found
