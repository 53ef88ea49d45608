"""The weighted sums of dense and convolution layers, for whatever number type carries the integers (numpy only)."""

from __future__ import annotations

import numpy as np

from .network import Node
from .windows import columns

WEIGHTED = ("dense", "conv1d", "conv2d")
"""Operations that :func:`weighted_sum` computes."""


def weighted_sum(node: Node, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Sum of products of one layer without bias.

    Args:
        node: says which operation, strides and padding; its own kernel is not used.
        x: inputs (n, *input shape).
        kernel: (n_in, n_out), (k, c_in, c_out) or (kh, kw, c_in, c_out), same dtype as ``x``.

    Returns:
        (n, *node.shape), dtype of ``x``.
    """
    if node.op == "dense":
        return x @ kernel
    matrix, out = columns(x, kernel.shape[:-2], node.params["strides"], node.params["padding"])
    return (matrix @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *out, kernel.shape[-1])


def aligned(node: Node, source_fraction: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias as integers (int64) in units of the result's least bit, so that ``x @ kernel + bias`` is the stored result.

    Args:
        node: a node with a kernel.
        source_fraction: fractional bits of its input.
    """
    assert node.kernel is not None
    up = node.out.fraction - source_fraction - node.kernel.type.fraction
    kernel = node.kernel.values.astype(np.int64) << up
    bias = np.zeros(kernel.shape[-1], np.int64)
    if node.bias is not None:
        bias = node.bias.values.astype(np.int64) << (node.out.fraction - node.bias.type.fraction)
    return kernel, bias
