"""Weighted sums: dense, convolutions, depthwise convolutions and per-channel scaling.

Every element has its own interval. For ``y = W^T x + b`` with ``x_i`` in ``[l_i, h_i]`` the bounds ``W+^T l + W-^T h + b`` and
``W+^T h + W-^T l + b`` are reached by some input when the ``x_i`` are independent (R. E. Moore, "Interval Analysis", 1966, section 2), so
for the first layer they are tight; later layers stay sound.

Only the final value of a sum must fit its type: two's complement addition that wraps in between still ends in the right value.
"""

from __future__ import annotations

import numpy as np

from ..network import Node, Tensor
from ..types import FixedType
from ..windows import gathered
from .base import Apply, Edge, Operation, Range, carrier, guarded
from .narrow import narrow_scale, narrow_sum

DEPTHWISE = ("depthwise1d", "depthwise2d")
WEIGHTED = ("dense", "conv1d", "conv2d", *DEPTHWISE, "scale")
"""Operations with a kernel."""


def spatial_window(node: Node, kernel: np.ndarray) -> tuple[int, ...]:
    """Spatial shape of a (depthwise) convolution's kernel."""
    return kernel.shape[:-2]


def _gathered(node: Node, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    params = node.params
    rows, _ = gathered(x, spatial_window(node, kernel), params["strides"], params["padding"], params.get("dilation"))
    return rows


def rows_and_matrix(node: Node, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A layer as a plain sum over the middle axis.

    Returns:
        Rows (r, terms, 1 or c) and matrix (terms, 1 or c, outputs per channel): ``y[r, c, m] = sum_t rows[r, t, c] * matrix[t, c, m]``.
    """
    if node.op == "dense":
        return x.reshape(-1, x.shape[-1], 1), kernel[:, None, :]
    rows = _gathered(node, x, kernel)
    if node.op in DEPTHWISE:
        return rows, kernel.reshape(-1, *kernel.shape[-2:])
    return rows.reshape(len(rows), -1, 1), kernel.reshape(-1, 1, kernel.shape[-1])


def weighted_sum(node: Node, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Sum of products of one layer without bias, in the dtype of the operands.

    Args:
        node: says which operation, strides and padding; its own kernel is not used.
        x: inputs (n, *input shape).
        kernel: like the node's kernel, same dtype as ``x``.

    Returns:
        (n, *node.shape).
    """
    if node.op == "dense":
        return x @ kernel
    if node.op == "scale":
        return x * kernel
    rows, matrix = rows_and_matrix(node, x, kernel)
    if node.op in DEPTHWISE:
        total = sum(rows[:, t, :, None] * matrix[t] for t in range(len(matrix)))
    else:
        total = rows[:, :, 0] @ matrix[:, 0]
    return np.asarray(total).reshape(-1, *node.shape)


def sum_fraction(source: FixedType, kernel: Tensor | None, bias: Tensor | None) -> int:
    """Fractional bits that hold products and bias exactly."""
    assert kernel is not None
    product = source.fraction + kernel.type.fraction
    return product if bias is None else max(product, bias.type.fraction)


def aligned(node: Node, source_fraction: int, fraction: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias as integers (int64) in units of ``2**-fraction`` of the result, so that ``x @ kernel + bias`` is the exact sum.

    Args:
        node: a node with a kernel.
        source_fraction: fractional bits of its input.
        fraction: fractional bits of the sum, at least those of the products and of the bias.
    """
    assert node.kernel is not None
    kernel = node.kernel.values.astype(np.int64) << (fraction - source_fraction - node.kernel.type.fraction)
    bias = np.zeros(node.shape[-1], np.int64)
    if node.bias is not None:
        bias = node.bias.values.astype(np.int64) << (fraction - node.bias.type.fraction)
    return kernel, bias


def exact_range(node: Node, source: Edge, fraction: int) -> tuple[Range, int]:
    """Bounds of the exact sum in units of ``2**-fraction``, and a bound on the magnitude of every partial sum in any order.

    Raises:
        UnsupportedError: more than 62 bits.
    """
    assert node.kernel is not None
    magnitude = source.range.magnitude[None]
    rough = weighted_sum(node, magnitude.astype(np.float64), np.abs(node.kernel.values).astype(np.float64)).max(initial=0)
    rough *= 2.0 ** (fraction - source.type.fraction - node.kernel.type.fraction)
    if node.bias is not None:
        rough += float(np.abs(node.bias.values).max(initial=0)) * 2.0 ** (fraction - node.bias.type.fraction)
    guarded(node, rough)
    kernel, bias = aligned(node, source.type.fraction, fraction)
    low, high = source.range.low, source.range.high
    # centre and radius, doubled so that halves stay integers: two products instead of four
    centre, radius = _integer_sum(node, (low + high)[None], kernel), _integer_sum(node, (high - low)[None], np.abs(kernel))
    partial = _integer_sum(node, magnitude, np.abs(kernel)) + np.abs(bias)
    return Range(((centre - radius) >> 1)[0] + bias, ((centre + radius) >> 1)[0] + bias), int(partial.max(initial=0))


def _integer_sum(node: Node, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """``weighted_sum`` of int64 operands, through floating-point BLAS where that is exact."""
    bound = weighted_sum(node, np.abs(x).astype(np.float64), np.abs(kernel).astype(np.float64)).max(initial=0)
    if bound < 2**52:  # float64 sums below 2**53 are exact, the bound itself too
        return weighted_sum(node, x.astype(np.float64), kernel.astype(np.float64)).astype(np.int64)
    return weighted_sum(node, x, kernel)


def holds_exactly(node: Node, source: Edge) -> bool:
    """True when ``node.out`` holds every sum, and nothing is rounded or saturated on the way."""
    fraction = sum_fraction(source.type, node.kernel, node.bias)
    if node.out.fraction < fraction:
        return False
    found, partial = exact_range(node, source, node.out.fraction)
    if node.out.overflow != "WRAP":
        return partial <= min(node.out.high, -node.out.low if node.out.signed else node.out.high)
    low, high = found.bounds
    return node.out.low <= low and high <= node.out.high


def _propagate(node: Node, edges: list[Edge]) -> Range:
    (source,) = edges
    fraction = max(node.out.fraction, sum_fraction(source.type, node.kernel, node.bias))
    found, _ = exact_range(node, source, fraction)
    if holds_exactly(node, source):
        return found
    if node.op == "scale" and node.out.overflow != "WRAP":
        return Range(node.out.cast(found.low, fraction), node.out.cast(found.high, fraction))
    return Range.of_type(node.out, node.shape)


def _exact(node: Node, source: Edge) -> Apply:
    kernel, bias = aligned(node, source.type.fraction, node.out.fraction)
    number = carrier(max(exact_range(node, source, node.out.fraction)[1], source.largest))
    kernel, bias = kernel.astype(number), bias.astype(number)
    has_bias = bool(bias.any())

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        total = weighted_sum(node, inputs[0].astype(number, copy=False), kernel)
        if has_bias:
            total += bias
        return total

    return apply


def _prepare(node: Node, edges: list[Edge], own: Range) -> Apply:
    (source,) = edges
    if holds_exactly(node, source):
        return _exact(node, source)
    if node.op == "scale":
        return lambda inputs: narrow_scale(node, inputs[0].astype(np.int64, copy=False), source.type.fraction)

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        assert node.kernel is not None
        rows, matrix = rows_and_matrix(node, inputs[0].astype(np.int64, copy=False), node.kernel.values.astype(np.int64))
        return narrow_sum(node, rows, matrix, source.type.fraction).reshape(-1, *node.shape)

    return apply


OPERATIONS = {op: Operation(_propagate, _prepare) for op in WEIGHTED}
