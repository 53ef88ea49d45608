"""The surgery: a model without some of its channels, with the weights and quantizers of the others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ...errors import ModelError, UnsupportedError
from ...keras_stack import load
from ...keras_stack.graph import replaced
from .channels import Channels, plain_kind

_OWN = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def shrunk(model: Any, channels: Channels, gone: Collection[int], x: np.ndarray | None = None) -> Any:
    """A copy of ``model`` without the channels ``gone``.

    Args:
        model: the model; it is not changed.
        channels: its channels, see :func:`.channels.channels_of`.
        gone: their numbers.
        x: samples ``(n, *input_shape)`` float32: what a channel gives in the mean goes into the biases of the layers that read it (borders
            of convolutions aside), so that they miss its changes only; None: they miss it altogether.

    Raises:
        ModelError: a channel that must stay, or a layer that would be left without channels.
        UnsupportedError: a quantizer with settings for each channel that cannot be cut.
    """
    lost = np.array(sorted(gone), int)
    if set(lost.tolist()) & channels.fixed:
        raise ModelError("channels of the network's input or output, or ones that cannot be followed, among those to be taken out")
    stay = {name: ~np.isin(numbers, lost) for name, numbers in channels.gives.items()}
    for name in channels.producers:
        if not stay[name].any():
            raise ModelError(f"all {len(stay[name])} channels of '{name}' would go", expected="at least one that stays")
    made: dict[str, Any] = {}

    def call(layer: Any, args: Any, kwargs: Any) -> Any:
        config = layer.get_config()
        if layer.name in channels.producers:
            config["units" if "units" in config else "filters"] = int(stay[layer.name].sum())
        _check_quantizers(layer, stay[layer.name])
        made[layer.name] = type(layer).from_config(config)
        return made[layer.name](*args, **kwargs)

    smaller = replaced(model, call)
    means = _means(model, channels, lost, x) if x is not None else {}
    for layer in model.layers:
        if layer.weights:
            _copy(layer, made[layer.name], channels, stay, lost, means.get(layer.name))
    return smaller


def _check_quantizers(layer: Any, stay: np.ndarray) -> None:
    """Refuse settings by channel where channels go."""
    for value in vars(layer).values():
        for settings in vars(value).values() if hasattr(value, "get_config") and not hasattr(value, "weights") else ():
            if np.ndim(settings) and np.size(settings) == len(stay) > 1 and not stay.all():
                raise UnsupportedError(
                    f"a quantizer of '{layer.name}' has settings for each of its {len(stay)} channels",
                    expected="quantizers with one setting for the layer",
                    do="shrink the float student, before it is quantized",
                )


def _means(model: Any, channels: Channels, lost: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Mean over samples and positions of what is lost, for each dense or convolution layer that reads it: ``(inputs,)``."""
    readers = [n for n, numbers in channels.reads.items() if np.isin(numbers, lost).any() and _has_kernel(model.get_layer(n))]
    if not readers:
        return {}
    inside = load().keras.Model(model.inputs, [model.get_layer(n).input for n in readers])
    found = load().tf.nest.flatten(inside(x, training=False))
    return {n: v.numpy().reshape(-1, v.shape[-1]).mean(0) for n, v in zip(readers, found)}


def _has_kernel(layer: Any) -> bool:
    return plain_kind(layer) in ("Dense", "Conv1D", "Conv2D")


def _copy(layer: Any, copy: Any, channels: Channels, stay: dict[str, np.ndarray], lost: np.ndarray, means: np.ndarray | None) -> None:
    out = stay[layer.name]
    read = ~np.isin(channels.reads[layer.name], lost)
    for name in _OWN:
        variable = getattr(layer, name, None)
        if variable is None or isinstance(variable, bool):
            continue
        value = variable.numpy()
        if name == "depthwise_kernel":
            value = value[..., read, :]
        elif name in ("kernel", "pointwise_kernel"):
            value = value[..., read, :][..., out]
        else:
            value = value[..., out]
            if name == "bias" and means is not None:
                kernel = layer.kernel.numpy()
                value = value + np.einsum("pio,i->o", kernel.reshape(-1, *kernel.shape[-2:])[:, ~read][..., out], means[~read])
        getattr(copy, name).assign(value)
