"""Dense and convolution layers of QKeras: exact weighted sums of quantized weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...integer.network import Tensor
from ...integer.windows import pads_and_shape
from ..builder import Builder, layers
from ..weights import quantized_bias, quantized_kernel
from .activations import attached_activation
from .shapes import channels_last


@layers.register("QDense")
def dense(layer: Any, sources: list[str], net: Builder) -> str:
    """``y = x @ W + b`` on the last axis, W of shape (n_in, n_out)."""
    (source,) = sources
    kernel, bias = quantized_kernel(layer, layer.kernel), quantized_bias(layer, layer.bias)
    shape = (*net[source].shape[:-1], kernel.values.shape[1])
    return attached_activation(layer, net.weighted(layer.name, "dense", source, shape, kernel, bias), net)


def _settings(layer: Any) -> dict[str, Any]:
    """Strides, padding and dilation of a convolution.

    Raises:
        UnsupportedError: groups, a kernel mask or channels first.
    """
    where = f"layer '{layer.name}' ({type(layer).__name__})"
    channels_last(layer)
    if getattr(layer, "groups", 1) != 1:
        raise UnsupportedError(f"{where} has groups={layer.groups}", expected="1")
    if getattr(layer, "mask", None) is not None:
        raise UnsupportedError(f"{where} has a kernel mask", expected="none")
    params: dict[str, Any] = {"strides": [int(s) for s in layer.strides], "padding": layer.padding.lower()}
    dilation = [int(d) for d in layer.dilation_rate]
    return params | {"dilation": dilation} if any(d != 1 for d in dilation) else params


def convolution(layer: Any, source: str, net: Builder, op: str, kernel: Tensor, bias: Tensor | None, name: str = "") -> str:
    """A convolution node of an operation ``conv1d``, ``conv2d``, ``depthwise1d`` or ``depthwise2d``, with the layer's settings."""
    params = _settings(layer)
    window, channels = kernel.values.shape[:-2], kernel.values.shape[-2:]
    _, out = pads_and_shape(net[source].shape[:-1], window, params["strides"], params["padding"], params.get("dilation"))
    outputs = int(np.prod(channels)) if op.startswith("depthwise") else channels[-1]
    return net.weighted(name or layer.name, op, source, (*out, outputs), kernel, bias, params)


@layers.register("QConv1D")
@layers.register("QConv2D")
def conv(layer: Any, sources: list[str], net: Builder) -> str:
    """Kernel (k, c_in, c_out) or (kh, kw, c_in, c_out)."""
    kernel, bias = quantized_kernel(layer, layer.kernel), quantized_bias(layer, layer.bias)
    op = "conv1d" if type(layer).__name__ == "QConv1D" else "conv2d"
    return attached_activation(layer, convolution(layer, sources[0], net, op, kernel, bias), net)


@layers.register("QDepthwiseConv2D")
def depthwise(layer: Any, sources: list[str], net: Builder) -> str:
    """Kernel (kh, kw, c, depth_multiplier)."""
    kernel, bias = quantized_kernel(layer, layer.depthwise_kernel, "depthwise"), quantized_bias(layer, layer.bias)
    return attached_activation(layer, convolution(layer, sources[0], net, "depthwise2d", kernel, bias), net)


@layers.register("QSeparableConv1D")
@layers.register("QSeparableConv2D")
def separable(layer: Any, sources: list[str], net: Builder) -> str:
    """A depthwise convolution ``<layer>_depthwise``, then one of 1 x 1; nothing is rounded between them.

    The one-dimensional layer quantizes its kernels with an axis of 1 in front (``qconvolutional.py``).
    """
    one = type(layer).__name__ == "QSeparableConv1D"

    def kernel(part: str) -> Tensor:
        values = getattr(layer, f"{part}_kernel")
        found = quantized_kernel(layer, values[None] if one else values, part)
        return Tensor(found.values[0], found.type) if one else found

    spatial, point = kernel("depthwise"), kernel("pointwise")
    middle = convolution(layer, sources[0], net, f"depthwise{2 - one}d", spatial, None, f"{layer.name}_depthwise")
    shape = (*net[middle].shape[:-1], point.values.shape[-1])
    params = {"strides": [1] * (2 - one), "padding": "valid"}
    name = net.weighted(layer.name, f"conv{2 - one}d", middle, shape, point, quantized_bias(layer, layer.bias), params)
    return attached_activation(layer, name, net)


@layers.register("QConv2DBatchnorm")
@layers.register("QDepthwiseConv2DBatchnorm")
def folded(layer: Any, sources: list[str], net: Builder) -> str:
    """Kernel and bias with the moving statistics folded in by the layer's own function, then quantized.

    At inference both folding modes use the moving statistics (``qconv2d_batchnorm.py``, ``qdepthwiseconv2d_batchnorm.py``).
    """
    channel = list(layer.batchnorm.axis)
    if channel not in ([-1], [3]):
        raise UnsupportedError(f"layer '{layer.name}' normalizes over the axes {channel}", expected="the channels, the last axis")
    wide, offset = layer.get_folded_weights()
    is_depthwise = type(layer).__name__ == "QDepthwiseConv2DBatchnorm"
    kernel = quantized_kernel(layer, wide, "depthwise" if is_depthwise else "kernel")
    op = "depthwise2d" if is_depthwise else "conv2d"
    return attached_activation(layer, convolution(layer, sources[0], net, op, kernel, quantized_bias(layer, offset)), net)


def _float_layer(layer: Any, sources: list[str], net: Builder) -> str:
    kind = type(layer).__name__
    if getattr(getattr(layer, "activation", None), "__name__", "") in ("softmax", "sigmoid"):
        tail = f" and a {layer.activation.__name__} inside"
    else:
        tail = ""
    raise UnsupportedError(
        f"layer '{layer.name}' ({kind}) has float weights{tail}",
        expected=f"Q{kind} with kernel and bias quantizers, ending in logits",
        do="build the quantized student with fpgacompress.quantize, or write the model with QKeras layers",
    )


for _kind in ("Dense", "Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"):
    layers.register(_kind)(_float_layer)
