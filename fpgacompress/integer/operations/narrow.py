"""Accumulators narrower than the exact sum, computed as hls4ml's C++ does: product by product in the accumulator's own type.

``nnet_dense_latency.h`` of hls4ml stores each product in ``accum_t``, starts from the bias in ``accum_t`` and adds in input order
(``nnet_batchnorm.h`` rounds ``x * scale + bias`` once). Assignments round and overflow as the type says (AMD UG1399, ``ap_fixed``).
"""

from __future__ import annotations

import numpy as np

from ..network import Node


def narrow_sum(node: Node, rows: np.ndarray, matrix: np.ndarray, source_fraction: int) -> np.ndarray:
    """The sum as an accumulator of type ``node.out`` makes it.

    Args:
        node: gives ``out``, bias and the kernel's type.
        rows, matrix: stored integers (int64) as :func:`..weighted.rows_and_matrix` gives them.
        source_fraction: fractional bits of the input.

    Returns:
        Stored integers of ``node.out``, int64, (r, c * m).
    """
    assert node.kernel is not None
    out, fraction = node.out, source_fraction + node.kernel.type.fraction
    channels, outputs = matrix.shape[1:]
    start = np.zeros((channels, outputs), np.int64)
    if node.bias is not None:
        start = out.cast(node.bias.values, node.bias.type.fraction).reshape(channels, outputs)
    total = np.broadcast_to(start, (len(rows), channels, outputs)).copy()
    wraps = out.overflow == "WRAP"
    for term in range(len(matrix)):
        product = out.cast(rows[:, term, :, None] * matrix[term], fraction)
        total += product
        if not wraps:
            np.clip(total, out.low, out.high, out=total)
        elif term % 1024 == 1023:  # wrapping may wait until int64 is in danger
            total = out.fit(total)
    return out.fit(total).reshape(len(rows), channels * outputs)


def narrow_scale(node: Node, x: np.ndarray, source_fraction: int) -> np.ndarray:
    """``x * kernel + bias`` exactly, then one cast to ``node.out``; stored integers (int64)."""
    assert node.kernel is not None
    product = source_fraction + node.kernel.type.fraction
    fraction = product if node.bias is None else max(product, node.bias.type.fraction)
    total = (x * node.kernel.values) << (fraction - product)
    if node.bias is not None:
        total = total + (node.bias.values.astype(np.int64) << (fraction - node.bias.type.fraction))
    return node.out.cast(total, fraction)
