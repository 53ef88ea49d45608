"""The same computation as another Keras graph: flat, without pruning wrappers, ending in logits, or in float64."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, UnsupportedError
from .stack import custom_objects, load

if TYPE_CHECKING:
    import numpy as np

WRAPPERS = ("PruneLowMagnitude", "PruneLowMagnitudeWrapper")
_SQUASHING = ("softmax", "softmax_v2", "log_softmax", "log_softmax_v2", "sigmoid")
_NOTHING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "AlphaDropout", "GaussianNoise", "ActivityRegularization")
_PLAIN = ("tf_keras", "qkeras", "fpgacompress")

Settings = dict[str, Any]
Call = Callable[[Any, Any, Any], Any]
"""(layer, args, kwargs) -> the result that stands in for the layer's."""


@dataclass(frozen=True)
class Prepared:
    """A model rewritten by :func:`prepared`.

    Attributes:
        model: flat tf_keras model of fresh layers, one input, one output, no wrappers, ending in logits.
        notes: one sentence for each thing that was removed.
    """

    model: Any
    notes: tuple[str, ...] = ()


def unwrapped(layer: Any) -> Any:
    """The layer inside pruning wrappers."""
    while type(layer).__name__ in WRAPPERS:
        layer = layer.layer
    return layer


def masked_weights(layer: Any) -> tuple[list[np.ndarray], int]:
    """Weights of a layer as its forward uses them, and how many of them a pruning mask turns to zero.

    tfmot's wrapper assigns ``weight * mask`` in every call, training or not, before it calls the layer ("Always execute the op that
    performs weights = weights * mask", pruning_wrapper.py, ``call``); ``strip_pruning`` does not. A file saved in mid training may hold
    weights whose mask has not been applied yet.
    """
    inner = unwrapped(layer)
    masks = {id(weight): mask.numpy() for weight, mask, _ in getattr(layer, "pruning_vars", [])}
    values, hidden = [], 0
    for variable in inner.weights:
        value = variable.numpy()
        mask = masks.get(id(variable))
        if mask is not None:
            hidden += int(((mask == 0) & (value != 0)).sum())
            value = value * mask
        values.append(value)
    return values, hidden


class _Copier:
    """Copies layers, each once, with changed settings, unique names and the weights their forward uses."""

    def __init__(self, change: Callable[[Settings], Settings]) -> None:
        self._change = change
        self._copies: dict[int, Any] = {}
        self._names: set[str] = set()
        self.wrapped: list[str] = []
        self.hidden: dict[str, int] = {}
        self.nested: list[str] = []

    def call(self, layer: Any, args: Any, kwargs: Any) -> Any:
        """Result of the layer's copy for new tensors."""
        if id(layer) in self._copies:
            return self._copies[id(layer)](*args, **kwargs)
        inner = unwrapped(layer)
        name = inner.name
        while name in self._names:
            name += "_"
        self._names.add(name)
        try:
            copy = type(inner).from_config(self._change(inner.get_config() | {"name": name}))
            result = copy(*args, **kwargs)
        except Exception as error:  # layers of others raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise ModelError(
                f"layer '{inner.name}' ({type(inner).__name__}) cannot be rebuilt from its configuration ({reason})"
            ) from error
        values, hidden = masked_weights(layer)
        copy.set_weights(values)
        if layer is not inner:
            self.wrapped.append(name)
            self.hidden |= {name: hidden} if hidden else {}
        self._copies[id(layer)] = copy
        return result


def _is_plain(layer: Any) -> bool:
    """Whether a layer's code has no Python branches on tensors, like that of Keras, QKeras and this package."""
    inner = unwrapped(layer)
    return type(inner).__module__.partition(".")[0] in _PLAIN and not isinstance(inner, load().keras.layers.Wrapper)


def _replayed(model: Any, inputs: list[Any], call: Call, nested: list[str]) -> list[Any]:
    """Outputs of ``model``'s graph for new inputs, each layer replaced by ``call``; models inside models are opened, and named in ``nested``."""
    stack = load()
    nest = stack.tf.nest
    known = {id(old): tensor for old, tensor in zip(model.inputs, inputs, strict=True)}
    unconverted = stack.tf.autograph.experimental.do_not_convert(call)  # AutoGraph takes half of the time

    def new(tensor: Any) -> Any:
        return known.get(id(tensor), tensor)

    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = nest.map_structure(new, (node.call_args, node.call_kwargs))
            if isinstance(node.layer, stack.keras.Model):
                if not has_graph(node.layer):
                    raise _subclassed(node.layer)
                nested.append(node.layer.name)
                results = _replayed(node.layer, nest.flatten(args[0]), call, nested)
            else:
                results = (unconverted if _is_plain(node.layer) else call)(node.layer, args, kwargs)
            known.update((id(old), result) for old, result in zip(nest.flatten(node.outputs), nest.flatten(results), strict=True))
    return [known[id(t)] for t in model.outputs]


def has_graph(model: Any) -> bool:
    """Whether the model is sequential or functional and built, so that its layers' order is known."""
    return bool(getattr(model, "_is_graph_network", False)) and bool(getattr(model, "_nodes_by_depth", None))


def _subclassed(model: Any) -> UnsupportedError:
    kind = type(model).__name__
    if kind in ("Sequential", "Functional"):
        return UnsupportedError(f"model '{model.name}' is not built", do="give it an Input layer or call model.build(input_shape)")
    return UnsupportedError(
        f"model '{getattr(model, 'name', model)}' is a subclassed model ({kind}): its order of layers is Python code, not data",
        expected="a sequential or functional model",
        do="build the same layers as keras.Sequential or keras.Model(inputs, outputs), copy the weights, and save that",
    )


def rebuilt(model: Any, change: Callable[[Settings], Settings] = lambda settings: settings) -> tuple[Any, _Copier]:
    """A flat copy of a sequential or functional model without pruning wrappers.

    Args:
        model: the model; it is not changed.
        change: maps each layer's configuration to the copy's.

    Raises:
        UnsupportedError: a subclassed or unbuilt model.
        ModelError: a layer that cannot be made from its configuration.
    """
    stack = load()
    if not has_graph(model):
        raise _subclassed(model)
    copier = _Copier(change)
    with stack.keras.utils.custom_object_scope(custom_objects()):
        inputs = [
            stack.keras.Input(t.shape[1:], dtype=change({"dtype": t.dtype.name})["dtype"], name=t._keras_history.layer.name)
            for t in model.inputs
        ]
        outputs = _replayed(model, inputs, copier.call, copier.nested)
    single = len(inputs) == len(outputs) == 1
    return stack.keras.Model(*(inputs[0], outputs[0]) if single else (inputs, outputs), name=model.name), copier


def replaced(model: Any, call: Call, front: Callable[[Any], Any] = lambda tensor: tensor) -> Any:
    """A functional model on the graph of ``model`` where other layers stand in for its layers.

    Args:
        model: sequential or functional, with one input and one output; it is not changed.
        call: (layer, args, kwargs) -> what stands in for the layer's result; called in topological order.
        front: what the first layer reads, made of the input tensor.

    Raises:
        UnsupportedError: a subclassed or unbuilt model.
    """
    if not has_graph(model):
        raise _subclassed(model)
    keras = load().keras
    old = model.inputs[0]
    new = keras.Input(old.shape[1:], dtype=old.dtype.name, name=old._keras_history.layer.name)
    return keras.Model(new, _replayed(model, [front(new)], call, [])[0], name=model.name)


def through(model: Any, x: Any, *, training: bool, call: Call | None = None) -> Any:
    """Output of a model for a tensor, layer by layer and past pruning wrappers, whose masks and counters stay as they are.

    Args:
        model: sequential or functional, with one input and one output.
        x: ``(batch, *input_shape)``.
        training: what the layers are told.
        call: (layer, args, kwargs) -> result, in place of calling the layer.

    Raises:
        UnsupportedError: a subclassed or unbuilt model.
    """
    if not has_graph(model):
        raise _subclassed(model)

    def plainly(layer: Any, args: Any, kwargs: Any) -> Any:
        layer = unwrapped(layer)
        kwargs = kwargs | {"training": training} if layer._expects_training_arg else kwargs
        return call(layer, args, kwargs) if call else layer(*args, **kwargs)

    return _replayed(model, [x], plainly, [])[0]


@contextlib.contextmanager
def standing_in(places: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Attributes of layers or quantizers replaced, behind the back of Keras' bookkeeping, in what is called or traced inside the block.

    Args:
        places: (owner, name of the attribute, what stands in).
    """
    before = [vars(owner)[name] for owner, name, _ in places]
    try:
        for owner, name, value in places:
            vars(owner)[name] = value
        yield
    finally:
        for (owner, name, _), value in zip(places, before):
            vars(owner)[name] = value


def reads_series(model: Any) -> bool:
    """Whether a model has one-dimensional convolutions, so that its samples are series and no images."""
    return any("Conv1D" in type(unwrapped(layer)).__name__ for layer in model.layers)


def _squashing(layer: Any) -> str | None:
    """Name of the float squashing function a layer is, or has inside."""
    if type(layer).__name__ == "Softmax":
        return "softmax"
    function = getattr(layer, "quantizer", None) if type(layer).__name__ == "QActivation" else getattr(layer, "activation", None)
    name = getattr(function, "__name__", "")
    return name.removesuffix("_v2") if name in _SQUASHING and type(function).__name__ == "function" else None


def does_nothing(layer: Any) -> bool:
    """Whether a layer is the identity outside training."""
    kind = type(layer).__name__
    return kind in _NOTHING or (kind == "Activation" and getattr(layer.activation, "__name__", "") == "linear")


def _without_squashing(model: Any) -> tuple[Any, str | None]:
    """``model`` (flat, fresh) up to what its final softmax or sigmoid reads, and a sentence about it."""
    keras = load().keras
    last = model.outputs[0]._keras_history.layer
    while does_nothing(last):
        last = last.input._keras_history.layer
    name = _squashing(last)
    if name is None:
        return model, None
    if not last.weights:
        return keras.Model(
            model.inputs, last.input, name=model.name
        ), f"the final {name} '{last.name}' was removed; what is left are its logits"
    plain = type(last).from_config(last.get_config() | {"activation": None})
    outputs = plain(last.input)
    plain.set_weights(last.get_weights())
    return keras.Model(model.inputs, outputs, name=model.name), f"the {name} inside '{last.name}' was removed; what is left are its logits"


def prepared(model: Any) -> Prepared:
    """A flat copy of a model that ends in logits.

    Models inside models are opened, pruning wrappers taken off (their masks applied), and the last softmax or sigmoid is left out.

    Args:
        model: sequential or functional, as :func:`load_model` gives it; it is not changed.

    Raises:
        UnsupportedError: a subclassed model, or more than one input or output.
    """
    for what, tensors in (("input", getattr(model, "inputs", None)), ("output", getattr(model, "outputs", None))):
        if has_graph(model) and len(tensors) != 1:
            names = ", ".join(t._keras_history.layer.name for t in tensors)
            raise UnsupportedError(f"the model '{model.name}' has {len(tensors)} {what}s ({names})", expected=f"one {what}")
    flat, copier = rebuilt(model)
    notes = []
    if copier.nested:
        notes.append(f"the models inside the model were opened: {', '.join(copier.nested)}")
    if copier.wrapped:
        hidden = sum(copier.hidden.values())
        note = f"the pruning wrappers of {', '.join(copier.wrapped)} were taken off"
        layers = ", ".join(f"{count} in {name}" for name, count in copier.hidden.items())
        told = f"; the masks hid {hidden} weights that are not zero in the file ({layers}), as the wrappers' forward does" if hidden else ""
        notes.append(note + told)
    with load().keras.utils.custom_object_scope(custom_objects()):
        logits, note = _without_squashing(flat)
    return Prepared(logits, tuple([*notes, note] if note else notes))


@contextlib.contextmanager
def float64(model: Any) -> Iterator[Any]:
    """A copy of ``model`` that computes in float64; to be run inside the ``with`` block, where QKeras' quantizers see ``floatx``.

    Weights keep their float32 values, so quantizers see the very same numbers; only sums and activations have 53 bits instead of 24.
    """
    backend = load().keras.backend
    before = backend.floatx()
    backend.set_floatx("float64")
    try:
        yield rebuilt(model, lambda settings: settings | {"dtype": "float64"})[0]
    finally:
        backend.set_floatx(before)
