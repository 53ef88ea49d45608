"""The kernel of a layer in the form in which hls4ml gets it, and the reuse factors with which its functions compute that form."""

from __future__ import annotations

import numpy as np

from ..integer.network import Node


def _dilated(kernel: np.ndarray, dilation: list[int]) -> np.ndarray:
    axes = kernel.shape[: len(dilation)]
    wide = np.zeros([(k - 1) * d + 1 for k, d in zip(axes, dilation, strict=True)] + list(kernel.shape[len(dilation) :]), kernel.dtype)
    wide[tuple(slice(None, None, d) for d in dilation)] = kernel
    return wide


def _grouped(kernel: np.ndarray) -> np.ndarray:
    """Depthwise kernel (*window, c, m) as the full kernel (*window, c, c * m)."""
    *window, channels, times = kernel.shape
    full = np.zeros((*window, channels, channels, times), kernel.dtype)
    for c in range(channels):
        full[..., c, c, :] = kernel[..., c, :]
    return full.reshape(*window, channels, channels * times)


def is_depthwise(node: Node) -> bool:
    """True when hls4ml's own depthwise layer computes the node."""
    return node.op.startswith("depthwise") and node.kernel is not None and node.kernel.values.shape[-1] == 1


def built_as(node: Node) -> str:
    """The operation hls4ml computes the node by: a depthwise convolution with several results per channel is an ordinary one, mostly zeros."""
    return node.op.replace("depthwise", "conv") if node.op.startswith("depthwise") and not is_depthwise(node) else node.op


def _forgets_stride(node: Node, kernel: np.ndarray, stream: bool) -> bool:
    if not stream or len(node.shape) != 3 or kernel.shape[0] != 1 or node.params["strides"][0] == 1:
        return False
    return is_depthwise(node) or kernel.shape[1] > 1  # hls4ml has a layer of its own for 1 x 1 windows, which strides correctly


def kernel_values(node: Node, stream: bool) -> np.ndarray:
    """Stored integers of the kernel in the form hls4ml gets: (n_in, n_out), (*window, c_in, c_out), or (*window, c, 1) for depthwise."""
    assert node.kernel is not None
    kernel = np.asarray(node.kernel.values)
    if node.op in ("dense", "scale"):
        return kernel
    kernel = _dilated(kernel, list(node.params.get("dilation") or [1] * (kernel.ndim - 2)))
    if built_as(node) != node.op:
        kernel = _grouped(kernel)
    if _forgets_stride(node, kernel, stream):
        kernel = np.concatenate([kernel, np.zeros_like(kernel)])
    return kernel


def reuse_limit(node: Node, n_in: int, io: str) -> int | None:
    """``n_in`` for what hls4ml builds as a convolution in arrays (a dense layer on several axes is one), None for others.

    ``conv_1d_resource_cl`` and ``conv_2d_resource_cl`` (``nnet_conv1d_resource.h``, ``nnet_conv2d_resource.h``) compute reuse factors up to
    window x input channels only. Beyond, an assertion stops the C simulation, except in the Vitis form of the second: its assertion
    compares a number with itself, and the results are wrong. In streams the window is given to ``dense_resource``, which has no limit.
    """
    return n_in if io == "io_parallel" and (built_as(node).startswith("conv") or (node.op == "dense" and len(node.shape) > 1)) else None
