"""QDense, QConv1D, QConv2D: exact weighted sums of quantized weights."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from ...integer.network import Tensor
from ...integer.windows import pads_and_shape
from ..builder import Builder, layers
from ..quantizers import quantized_tensor
from .activations import attached_activation


def _weights(layer: Any) -> tuple[Tensor, Tensor | None]:
    """Quantized kernel and bias; both need a quantizer."""
    where = f"layer '{layer.name}'"
    if layer.kernel_quantizer_internal is None:
        raise UnsupportedError(
            f"{where} has no kernel quantizer", do="give it one, for example kernel_quantizer='quantized_bits(6,0,alpha=1)'"
        )
    kernel = quantized_tensor(layer.kernel, layer.kernel_quantizer_internal, f"the kernel of {where}")
    if not layer.use_bias:
        return kernel, None
    if layer.bias_quantizer_internal is None:
        raise UnsupportedError(
            f"{where} has a bias without quantizer, which hardware would round unseen",
            do="give it one, for example bias_quantizer='quantized_bits(8,2,alpha=1)', or use_bias=False",
        )
    return kernel, quantized_tensor(layer.bias, layer.bias_quantizer_internal, f"the bias of {where}")


@layers.register("QDense")
def dense(layer: Any, sources: list[str], net: Builder) -> str:
    """``y = x @ W + b``, W of shape (n_in, n_out)."""
    (source,) = sources
    if len(net[source].shape) != 1:
        raise UnsupportedError(
            f"layer '{layer.name}' (QDense) reads an input of shape {net[source].shape}",
            expected="one axis",
            do="put a Flatten layer before it",
        )
    kernel, bias = _weights(layer)
    name = net.weighted(net.free_name(layer.name), "dense", source, (kernel.values.shape[1],), kernel, bias)
    return attached_activation(layer, name, net)


def _convolution(layer: Any, sources: list[str], net: Builder, op: str) -> str:
    (source,) = sources
    where = f"layer '{layer.name}' ({type(layer).__name__})"
    if layer.data_format != "channels_last":
        raise UnsupportedError(f"{where} has data_format={layer.data_format!r}", expected="channels_last")
    if any(d != 1 for d in layer.dilation_rate):
        raise UnsupportedError(f"{where} has dilation_rate={tuple(layer.dilation_rate)}", expected="1")
    if getattr(layer, "groups", 1) != 1:
        raise UnsupportedError(f"{where} has groups={layer.groups}", expected="1")
    if getattr(layer, "mask", None) is not None:
        raise UnsupportedError(f"{where} has a kernel mask", expected="none")
    kernel, bias = _weights(layer)
    strides = [int(s) for s in layer.strides]
    _, out = pads_and_shape(net[source].shape[:-1], kernel.values.shape[:-2], strides, layer.padding)
    params = {"strides": strides, "padding": layer.padding}
    name = net.weighted(net.free_name(layer.name), op, source, (*out, kernel.values.shape[-1]), kernel, bias, params)
    return attached_activation(layer, name, net)


@layers.register("QConv1D")
def conv1d(layer: Any, sources: list[str], net: Builder) -> str:
    """Kernel (k, c_in, c_out), input (width, c_in)."""
    return _convolution(layer, sources, net, "conv1d")


@layers.register("QConv2D")
def conv2d(layer: Any, sources: list[str], net: Builder) -> str:
    """Kernel (kh, kw, c_in, c_out), input (height, width, c_in)."""
    return _convolution(layer, sources, net, "conv2d")


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


for _kind in ("Dense", "Conv1D", "Conv2D"):
    layers.register(_kind)(_float_layer)
