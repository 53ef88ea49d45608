"""Dense and convolution layers as hls4ml's dictionaries. Where hls4ml lacks a form, the kernel is written so that it has it.

- Dilation: zeros between the taps. A depth multiplier: a full kernel with zeros between the groups. Zero weights cost nothing in strategy
  latency, and adding a zero changes no sum, saturating or not.
- A dense layer on the last of several axes: a convolution with a window of 1.
- io_stream: a kernel of height 1 that moves down more than 1 gets a row of zeros below, because hls4ml forgets the stride of such
  kernels (``compute_output_buffer_1d`` in ``nnet_conv2d_stream.h``). Zeros around the input are a layer of ours in front
  (:func:`stream_padding`): hls4ml would insert its own, in the wrong place where the input is read more than once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..hardware.kernels import is_depthwise, kernel_values
from ..integer.network import Node
from ..integer.windows import pads_and_shape


def _pads(node: Node, source: Node, kernel: np.ndarray) -> list[tuple[int, int]]:
    """Zero rows before and after each spatial axis, with those that taps added to the kernel reach."""
    assert node.kernel is not None
    strides = node.params["strides"]
    dilation = node.params.get("dilation") or [1] * len(strides)
    reach = [(k - 1) * d + 1 for k, d in zip(node.kernel.values.shape, dilation)]
    pads, _ = pads_and_shape(source.shape[:-1], reach, strides, node.params["padding"])
    return [(before, after + k - r) for (before, after), k, r in zip(pads, kernel.shape, reach)]


def stream_padding(node: Node, source: Node) -> list[tuple[int, int]] | None:
    """Zeros that a stream needs around the input of a convolution; None when it needs none."""
    if "strides" not in node.params or node.kernel is None:
        return None
    pads = _pads(node, source, kernel_values(node, stream=True))
    return pads if any(b or a for b, a in pads) else None


def _window(node: Node, source: Node, kernel: np.ndarray, stream: bool) -> dict[str, Any]:
    """Sizes, strides and zero rows around the input."""
    strides = node.params["strides"]
    found: dict[str, Any] = {"n_chan": source.shape[-1], "n_filt": node.shape[-1], "padding": "valid"}
    axes = (("height", "top", "bottom"), ("width", "left", "right"))[-len(strides) :]
    for i, ((name, before, after), (first, last)) in enumerate(zip(axes, _pads(node, source, kernel), strict=True)):
        size = source.shape[i]
        if stream:  # the zeros come with the stream
            size, first, last = size + first + last, 0, 0
        found |= {f"in_{name}": size, f"out_{name}": node.shape[i], f"filt_{name}": kernel.shape[i]}
        found |= {f"stride_{name}": strides[i], f"pad_{before}": first, f"pad_{after}": last}
    return found


def _dense(node: Node, source: Node) -> dict[str, Any]:
    n_in, n_out = source.shape[-1], node.shape[-1]
    if len(source.shape) == 1:
        return {"class_name": "Dense", "n_in": n_in, "n_out": n_out}
    sizes: dict[str, Any] = {
        "n_chan": n_in,
        "n_filt": n_out,
        "padding": "valid",
        "filt_width": 1,
        "stride_width": 1,
        "pad_left": 0,
        "pad_right": 0,
    }
    if len(source.shape) > 3:
        raise UnsupportedError(
            f"dense layer '{node.name}' reads a tensor of {len(source.shape)} axes",
            expected="at most 3 in firmware",
            do="reshape it in front",
        )
    if len(source.shape) == 3:
        sizes |= {f"{key}_height": source.shape[0] for key in ("in", "out")} | {f"{key}_width": source.shape[1] for key in ("in", "out")}
        return {"class_name": "Conv2D", "filt_height": 1, "stride_height": 1, "pad_top": 0, "pad_bottom": 0} | sizes
    return {"class_name": "Conv1D"} | {f"{key}_width": source.shape[0] for key in ("in", "out")} | sizes


def weighted(node: Node, source: Node, stream: bool) -> dict[str, Any]:
    """Layer dictionary of a dense, convolution or depthwise node, with its weights as real values (float64)."""
    assert node.kernel is not None
    kernel = kernel_values(node, stream)
    if node.op == "dense":
        found = _dense(node, source)
        shape = kernel.shape if found["class_name"] == "Dense" else (1,) * (len(source.shape) == 3) + (1, *kernel.shape)
        kernel = kernel.reshape(shape)
    else:
        name = ("DepthwiseConv" if is_depthwise(node) else "Conv") + f"{len(node.shape) - 1}D"
        found = {"class_name": name, "depth_multiplier": 1} | _window(node, source, kernel, stream)
    found["depthwise_data" if is_depthwise(node) else "weight_data"] = node.kernel.type.to_float(kernel)
    found["bias_data"] = None if node.bias is None else node.bias.type.to_float(node.bias.values)
    return found
