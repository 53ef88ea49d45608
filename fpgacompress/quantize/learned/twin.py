"""A QKeras student with fixed quantizers becomes one whose bits are trained, and back."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from ...errors import UnsupportedError
from ...keras_stack import load, replaced
from ...keras_stack.graph import unwrapped
from ...keras_stack.roles import Role, quantizers
from ..sites import producers
from ..truncation import add_half_steps, bias_in_front

Granularity = Literal["weight", "channel", "tensor"]
Inputs = Literal["feature", "tensor"]
Activations = Literal["channel", "tensor"]
_BIASES_START = 10.0
_BIAS_SPARE = 2
"""Fractional bits a bias has beyond those of the activation behind it; one of them is the half step of rounding."""
_KERNELS = ("quantized_bits", "channel_bits")
_ACTIVATIONS = ("quantized_relu", "truncated_relu")
_INPUTS = (*_ACTIVATIONS, "quantized_bits", "truncated_bits")


def _kernel_fraction(quantizer: Any) -> np.ndarray:
    """Fractional bits of a weight quantizer, per channel where it has channels."""
    return int(quantizer.bits) - 1 - np.asarray(quantizer.integer, np.float32)


def _learned_kernel(role: Role, values: Any, granularity: Granularity, silent: tuple[int, ...]) -> Any:
    shape = tuple(values.shape)
    if granularity == "channel":
        shape = (*(1 for _ in shape[:-1]), shape[-1])
    elif granularity == "tensor":
        shape = tuple(1 for _ in shape)
    fraction = _kernel_fraction(role.quantizer)
    return load().qkeras.quantizers.learned_bits(
        shape, fraction if granularity != "tensor" else float(np.max(fraction)), f"{role.layer.name}_{role.kind}", silent
    )


def _is_front(layer: Any) -> bool:
    """Whether a layer reads the network's input."""
    return all(type(p).__name__ == "InputLayer" for p in producers(layer))


def _readers(layer: Any) -> list[Any]:
    """The layers with weights that read what ``layer`` gives and nothing else, past those without weights."""
    found = []
    for reader in (node.layer for node in layer.outbound_nodes):
        if _kernel(reader) is not None:
            found.append(reader)
        elif getattr(reader, "quantizer", None) is None and len(producers(reader)) == 1:
            found += _readers(reader)
    return found


def _kernel(layer: Any) -> Any | None:
    """Weights that the layer applies to its input."""
    depthwise = getattr(layer, "depthwise_kernel", None)
    return getattr(layer, "kernel", None) if depthwise is None else depthwise


def _input_shape(layer: Any, inputs: Inputs) -> tuple[int, ...]:
    """What the bits of the network's input belong to: each element where dense layers weigh it by itself, else each channel that weights tell
    apart, else the whole."""
    sample = tuple(layer.output_shape[1:])
    kernels = [_kernel(reader) for reader in _readers(layer)]
    if inputs == "feature" and kernels:
        if all(len(k.shape) == 2 and k.shape[0] == math.prod(sample) for k in kernels):
            return sample
        if all(k.shape[-2] % sample[-1] == 0 for k in kernels):
            return sample[-1:]
    return (1,)


def _hidden_shape(role: Role, activations: Activations) -> tuple[int, ...]:
    """Bits per channel where all readers tell the channels apart and the half step of rounding can go into a bias of the same channels (there is no
    cast that rounds each by itself); else one number for the layer."""
    source, channels = bias_in_front(role), role.layer.output_shape[-1]
    apart = all(_kernel(reader).shape[-2] % channels == 0 for reader in _readers(role.layer))
    return (channels,) if activations == "channel" and apart and source is not None and source.bias.shape[0] == channels else (1,)


def _learned_activation(role: Role, inputs: Inputs, activations: Activations) -> Any:
    quantizer, kind, front = role.quantizer, type(role.quantizer).__name__, _is_front(role.layer)
    signed = kind.endswith("_bits")
    return load().qkeras.quantizers.learned_activation(
        _input_shape(role.layer, inputs) if front else _hidden_shape(role, activations),
        float(quantizer.bits - signed - quantizer.integer),
        float(quantizer.integer),
        signed=signed,
        rounding="truncate" if front or kind.startswith("truncated") else "nearest",
        name=role.layer.name,
    )


def _check(role: Role) -> None:
    kind = type(role.quantizer).__name__
    allowed = _KERNELS if role.kind != "activation" else _INPUTS if _is_front(role.layer) else _ACTIVATIONS
    if role.kind == "activation" and kind in _INPUTS and kind not in allowed:
        raise UnsupportedError(
            f"'{role.layer.name}' ({kind}) rounds sums, of either sign; its bits cannot be learned",
            expected="a ReLU between layers with weights",
            do="put one there, or use method: qat",
        )
    if kind not in allowed or isinstance(getattr(role.quantizer, "alpha", 1), str) or getattr(role.quantizer, "negative_slope", 0):
        raise UnsupportedError(
            f"the {role.kind} of layer '{role.layer.name}' has the quantizer {role.quantizer}, whose bits cannot be learned",
            expected=f"one of {', '.join(allowed)} with alpha=1",
            do="start from plain fixed-point bits, for example preset: int8",
        )


def _swapped(model: Any, new: dict[tuple[str, str], Any]) -> Any:
    """``model`` without pruning wrappers, with the quantizers of ``new`` ((layer name, attribute) -> object or text) in place of its own."""
    made: dict[str, Any] = {}

    def call(layer: Any, args: Any, kwargs: Any) -> Any:
        layer = unwrapped(layer)
        if layer.name not in made:
            config = layer.get_config()
            own = {attribute: q for (name, attribute), q in new.items() if name == layer.name}
            for attribute, quantizer in own.items():
                config["activation" if attribute == "quantizer" else attribute.removesuffix("_internal")] = quantizer
            made[layer.name] = type(layer)(**config) if own else type(layer).from_config(config)
        return made[layer.name](*args, **kwargs)

    twin = replaced(model, call)
    for layer in map(unwrapped, model.layers):
        for name in ("kernel", "depthwise_kernel", "bias"):
            if getattr(layer, name, None) is not None:
                getattr(twin.get_layer(layer.name), name).assign(getattr(layer, name))
    return twin


def _has_two_logits(layer: Any) -> bool:
    return type(layer).__name__ == "QDense" and layer.units == 2 and getattr(layer.activation, "__name__", "linear") == "linear"


def _fold_logits(layer: Any) -> None:
    """Make two logits a, b of a dense layer 0 and b - a, which changes no probability."""
    for variable in [layer.kernel, *([layer.bias] if layer.use_bias else [])]:
        values = variable.numpy()
        variable.assign(np.stack([np.zeros_like(values[..., 0]), values[..., 1] - values[..., 0]], axis=-1))


def learned_twin(
    student: Any,
    granularity: Granularity = "weight",
    inputs: Inputs = "feature",
    one_logit: bool = True,
    activations: Activations = "tensor",
) -> Any:
    """A copy of a QKeras student whose bits are variables.

    It starts with the student's own bits. Kernels get fractional bits per ``granularity``, each activation fractional and integer bits, the
    network's input, which is truncated, per feature. Biases are not learned.

    Args:
        student: QKeras model with ``quantized_bits`` or ``channel_bits`` kernels and ``quantized_relu``, ``truncated_relu`` or (input)
            ``truncated_bits`` activations, without pruning wrappers.
        granularity: "weight", "channel" (output channels) or "tensor".
        inputs: "feature" (elements that a dense layer reads, channels that a convolution reads), or "tensor".
        activations: "channel" gives each channel of a hidden activation bits of its own (where a bias is in front of it), "tensor" the layer.
        one_logit: of two classes only the difference of the logits is computed: the first logit is 0.

    Raises:
        UnsupportedError: another quantizer; the message names the layer.
    """
    new: dict[tuple[str, str], Any] = {}
    classes = load().qkeras.quantizers
    last = student.layers[-1]
    folded = one_logit and _has_two_logits(last)
    for role in quantizers(student):
        _check(role)
        silent = (0,) if folded and role.layer is last else ()
        if role.kind == "activation":
            found = _learned_activation(role, inputs, activations)
        elif role.kind == "kernel":
            part = role.attribute.removesuffix("_quantizer_internal")
            values = getattr(role.layer, "kernel" if part == "kernel" else f"{part}_kernel")
            found = _learned_kernel(role, values, granularity, silent)
        else:
            found = classes.learned_bits(tuple(role.layer.bias.shape), _BIASES_START, f"{role.layer.name}_bias", silent, frozen=True)
        new[role.layer.name, role.attribute] = found
    twin = _swapped(student, new)
    if folded:
        _fold_logits(twin.get_layer(last.name))
    return twin


def learned_roles(model: Any) -> list[Role]:
    """The learned quantizers of a model."""
    return [role for role in quantizers(model) if hasattr(role.quantizer, "fractions")]


def freeze(model: Any, frozen: bool = True) -> None:
    """Whether bits stay as they are, in functions traced from now on; those of biases always do."""
    for role in learned_roles(model):
        role.quantizer.frozen = frozen or role.kind == "bias"


def _activation_behind(model: Any) -> dict[str, Any]:
    """Names of layers with a bias to the quantizer of the activation behind them, where one directly follows."""
    behind = {}
    for role in learned_roles(model):
        if role.kind != "activation":
            continue
        above = [role.layer] if role.attribute == "activation" else producers(role.layer)
        for source in map(unwrapped, above):
            if getattr(source, "bias", None) is not None:
                behind[source.name] = role.quantizer
    return behind


def round_biases(model: Any) -> None:
    """Give each bias no finer grid than the activation behind it can see (two bits finer), the others no finer one than their products."""
    behind = _activation_behind(model)
    kernels = {role.layer.name: role.quantizer for role in learned_roles(model) if role.kind == "kernel"}
    for role in learned_roles(model):
        if role.kind != "bias":
            continue
        name = role.layer.name
        if name in behind:
            fraction = behind[name].fractions + _BIAS_SPARE
        else:
            fraction = max(int(np.max(kernels[name].fractions)), _BIAS_SPARE) if name in kernels else int(_BIASES_START)
        role.quantizer.fraction.assign(np.broadcast_to(np.minimum(fraction, _BIASES_START), role.quantizer.shape).astype(np.float32))


def _holding(values: np.ndarray) -> tuple[int, int]:
    """Bits and integer bits (sign not counted) of the smallest ``quantized_bits`` that holds ``values`` exactly."""
    values = np.asarray(values, np.float64)
    if not np.any(values):
        return 2, 0
    fraction = 0
    scaled = values.copy()
    while np.any(scaled != np.rint(scaled)):
        scaled, fraction = scaled * 2, fraction + 1
    whole = np.rint(scaled).astype(np.int64)
    while not np.any(whole & 1):
        whole, fraction = whole >> 1, fraction - 1
    width = max(math.ceil(math.log2(max(int(whole.max()) + 1, -int(whole.min())))) + 1, 2)
    return width, width - 1 - fraction


def _fixed_activation(role: Role, truncate: bool) -> Any:
    quantizer = role.quantizer
    if quantizer.shape != (1,):
        bits = np.maximum(quantizer.integers + quantizer.fractions + quantizer.signed, 0)
        return load().qkeras.quantizers.truncated_each(bits.tolist(), quantizer.integers.tolist(), quantizer.signed)
    integer, fraction = int(np.max(quantizer.integers)), int(np.max(quantizer.fractions))
    cut = truncate or quantizer.rounding == "truncate"
    if quantizer.signed:
        return f"truncated_bits({max(integer + fraction, 1) + 1},{integer})"
    return f"{'truncated' if cut else 'quantized'}_relu({max(integer + fraction, 1)},{integer})"


def fixed_twin(model: Any, rounding: Literal["nearest", "truncate"] = "nearest") -> Any:
    """The student that a model with learned bits stands for: ordinary quantizers, weights that are exact in them.

    Args:
        model: made by :func:`learned_twin`; pruning wrappers are left out, their masks being zeros in the weights.
        rounding: of hidden activations that were trained with rounding. "nearest" gives ``quantized_relu`` (half to even; training used half
            up, which differs on ties only), "truncate" gives ``truncated_relu`` with the half step in the biases, which is half up, exactly.
            Activations with bits per channel are always truncated so.

    Raises:
        UnsupportedError: no bias stands alone in front of an activation that should be truncated.
    """
    truncate = rounding == "truncate"
    roles = learned_roles(model)
    new: dict[tuple[str, str], Any] = {}
    twin = _swapped(model, {(r.layer.name, r.attribute): _fixed_activation(r, truncate) for r in roles if r.kind == "activation"})
    for role in roles:
        if role.kind != "activation":
            part = role.attribute.removesuffix("_quantizer_internal")
            name = part if part in ("kernel", "bias") else f"{part}_kernel"
            getattr(twin.get_layer(role.layer.name), name).assign(role.quantizer(getattr(role.layer, name)))
            new[role.layer.name, role.attribute] = name
    for role in roles:
        if role.kind == "activation" and role.quantizer.shape != (1,):
            _silence(twin, role)
    rounded = [r for r in roles if r.kind == "activation" and r.quantizer.rounding == "nearest" and (truncate or r.quantizer.shape != (1,))]
    _add_halves(twin, [r.layer.name for r in rounded])
    fitted = {}
    for (layer, attribute), name in new.items():
        bits, integer = _holding(getattr(twin.get_layer(layer), name).numpy())
        fitted[layer, attribute] = load().qkeras.quantized_bits(bits, integer, alpha=1)
    return _swapped(twin, fitted)


def _silence(twin: Any, role: Role) -> None:
    """Zero weights for what is always 0: elements of a quantizer that have no bits."""
    alive = np.ravel(role.quantizer.integers + role.quantizer.fractions + role.quantizer.signed > 0)
    for reader in _readers(twin.get_layer(role.layer.name)):
        kernel = _kernel(reader)
        again = np.tile(alive, kernel.shape[-2] // len(alive))  # behind flatten channels come again at each position
        kernel.assign(np.where(again[:, None], kernel.numpy(), 0))


def _add_halves(twin: Any, names: list[str]) -> None:
    """Half a step of the activations ``names`` to the biases in front of them."""
    left = set(add_half_steps(twin, names))
    if left:
        raise UnsupportedError(
            f"no bias stands alone in front of the activation '{sorted(left)[0]}', so half a step cannot be added there",
            do="use rounding: nearest",
        )
