"""Dense, convolution and scale layers.

The sources are ``nnet_dense_latency.h``, ``nnet_conv1d_latency.h``, ``nnet_conv2d_latency.h``, ``nnet_depthwise_product.h`` and
``nnet_batchnorm.h`` of hls4ml 1.3: each product is assigned to the accumulator's type, sums start with the bias and go on in the order of
the inputs; a batch normalization is ``x * scale + bias`` exactly, assigned to the result's type once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...integer.windows import pads_and_shape
from .builder import GraphBuilder
from .constants import read_bias, read_constants
from .precisions import is_kind


def _one_bit(kind: Any) -> bool:
    return is_kind(kind, "Xnor") or (is_kind(kind, "Integer") and kind.width == 1 and not kind.signed)


def check_product(layer: Any, part: str) -> None:
    """Refuse what hls4ml does not multiply as numbers.

    Raises:
        UnsupportedError: binary inputs (0 stands for -1), or inputs and weights that are both ``uint<1>``.
    """
    came, weights = layer.get_input_variable().type.precision, layer.weights[part].type.precision
    if is_kind(came, "Xnor") or (_one_bit(came) and _one_bit(weights)):
        raise UnsupportedError(f"layer '{layer.name}' reads binary values of hls4ml's one-bit type", expected="fixed-point inputs")


def spatial(layer: Any, *names: str) -> tuple[list[int], ...]:
    """Attributes of a layer per spatial axis; "{}" in a name stands for "height" and "width"."""
    axes = ["width"] if "1D" in layer.class_name else ["height", "width"]
    return tuple([int(layer.get_attr(name.format(axis))) for axis in axes] for name in names)


def pads_of(layer: Any) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis."""
    sides = [("left", "right")] if "1D" in layer.class_name else [("top", "bottom"), ("left", "right")]
    return [(int(layer.get_attr(f"pad_{a}")), int(layer.get_attr(f"pad_{b}"))) for a, b in sides]


def padding_of(size: list[int], window: list[int], strides: list[int], pads: list[tuple[int, int]]) -> str | None:
    """The name of a padding, or None where it has none."""
    for name in ("valid", "same", "causal"):
        if list(pads_and_shape(size, window, strides, name)[0]) == pads:
            return name
    return None


def _dense(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    check_product(layer, "weight")
    (source,) = sources
    inputs, outputs = int(layer.get_attr("n_in")), int(layer.get_attr("n_out"))
    shape = net[source].shape
    if shape[-1] != inputs and int(np.prod(shape)) == inputs:
        source, shape = net.same_type(f"{layer.name}_flat", "flatten", source, (inputs,)), (inputs,)
    kernel = read_constants(layer, "weight", (inputs, outputs))
    return net.accumulated(layer, "dense", source, (*shape[:-1], outputs), kernel, read_bias(layer, (outputs,)), {})


def _convolution(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    check_product(layer, "weight")
    (source,) = sources
    size, out, window, strides = spatial(layer, "in_{}", "out_{}", "filt_{}", "stride_{}")
    channels, filters, pads = int(layer.get_attr("n_chan")), int(layer.get_attr("n_filt")), pads_of(layer)
    dilation = [int(layer.get_attr(f"dilation_{axis}", 1)) for axis in ("height", "width")]
    if layer.get_attr("data_format", "channels_last") != "channels_last" or any(d != 1 for d in dilation):
        raise UnsupportedError(f"layer '{layer.name}': channels first, or dilation {dilation}", expected="channels last without dilation")
    if net[source].shape != (*size, channels):
        source = net.same_type(f"{layer.name}_input", "reshape", source, (*size, channels))
    depthwise = layer.class_name.startswith("Depthwise")
    if depthwise and filters != channels:  # hls4ml's C++ stops there
        raise UnsupportedError(f"layer '{layer.name}': a depth multiplier of {filters // channels}", expected="1")
    shape = (*window, channels, 1 if depthwise else filters)
    kernel, bias = read_constants(layer, "weight", shape), read_bias(layer, (filters,))
    padding = padding_of(size, window, strides, pads)
    if padding is None:
        padded = tuple(n + before + after for n, (before, after) in zip(size, pads))
        params = {"pads": [list(p) for p in pads]}
        source, size, padding = net.same_type(f"{layer.name}_padded", "zeropad", source, (*padded, channels), params), list(padded), "valid"
    found = pads_and_shape(size, window, strides, padding)[1]
    if list(found) != out:
        raise UnsupportedError(f"layer '{layer.name}': an output of {out}", expected=f"{list(found)}")
    op = f"{'depthwise' if depthwise else 'conv'}{len(size)}d"
    return net.accumulated(layer, op, source, (*out, filters), kernel, bias, {"strides": strides, "padding": padding})


def _scale(layer: Any, sources: list[str], net: GraphBuilder) -> str:
    check_product(layer, "scale")
    (source,) = sources
    shape, number = net[source].shape, layer.weights["scale"].data_length
    flat = number != shape[-1]
    if flat and number != int(np.prod(shape)):
        raise UnsupportedError(f"layer '{layer.name}': {number} factors for values of shape {shape}", expected="one per channel or value")
    if flat:
        source = net.same_type(f"{layer.name}_flat", "flatten", source, (number,))
    kernel, bias = read_constants(layer, "scale", (number,)), read_bias(layer, (number,))
    scaled = net.weighted(layer.name, "scale", source, net[source].shape, kernel, bias)
    if flat:
        scaled = net.same_type(f"{layer.name}_shaped", "reshape", scaled, shape)
    return net.result(layer, scaled)


_CONVOLUTIONS = ("Conv1D", "Conv2D", "PointwiseConv1D", "PointwiseConv2D", "DepthwiseConv1D", "DepthwiseConv2D", "Conv2DBatchnorm")
RULES = {"Dense": _dense, "BatchNormalization": _scale, "ApplyAlpha": _scale} | dict.fromkeys(_CONVOLUTIONS, _convolution)
