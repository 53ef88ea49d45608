"""Measured sensitivity: one tensor at a time is quantized or pruned, and the rest of the network is run again on real samples."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ...errors import ModelError
from .candidates import Candidates
from .forward import Change, Forward
from .table import BITS, SPARSITY, Row, Sensitivity
from .tensors import INPUT, KERNEL, Tensor


def measure(
    candidates: Candidates, x: np.ndarray, y: np.ndarray, *, sparsity: Sequence[float] = (), base_bits: int | None = None
) -> Sensitivity:
    """Change of loss and accuracy for each tensor at each of its widths, and for each kernel at each sparsity; nothing is trained again.

    Args:
        candidates: the model and its tensors at every width.
        x: samples ``(n, *input shape)`` float32, of the validation split.
        y: class numbers ``(n,)``.
        sparsity: shares of each kernel, the smallest weights, that become zero (above 0, below 1).
        base_bits: width of all other kernels and activations (one of the candidates'); None: they stay float.

    Raises:
        ModelError: a sparsity or a base width that cannot be had.
    """
    started = time.perf_counter()
    for share in sparsity:
        if not 0 < share < 1:
            raise ModelError(f"sparsity {share:g}", expected="above 0 and below 1")
    if base_bits is not None and base_bits not in candidates.bits:
        raise ModelError(f"the other tensors at {base_bits} bits", expected=f"one of the widths {', '.join(map(str, candidates.bits))}")
    others = {t: base_bits for t in candidates.options if t.kind != INPUT} if base_bits is not None else {}
    base = candidates.change(others)
    forward = Forward(candidates.model)
    settings: list[tuple[Tensor, str, float, Change]] = []
    for tensor, widths in candidates.options.items():
        settings += [(tensor, BITS, bits, candidates.change({tensor: bits})) for bits in widths]
    for tensor in candidates.options:
        if tensor.kind == KERNEL:
            kernel = base.kernels.get(tensor.layer)
            kernel = forward.kernel(tensor.layer).numpy() if kernel is None else kernel
            settings += [(tensor, SPARSITY, share, Change({tensor.layer: without_smallest(kernel, share)})) for share in sorted(sparsity)]
    first, scores = forward.scores(x, y, [change for *_, change in settings], base)
    rows = tuple(
        Row(tensor, what, value, score.loss - first.loss, score.accuracy - first.accuracy, score.divergence)
        for (tensor, what, value, _), score in zip(settings, scores)
    )
    name = "float" if base_bits is None else f"{base_bits} bits"
    return Sensitivity("measured", name, len(x), first.loss, first.accuracy, rows, time.perf_counter() - started)


def without_smallest(kernel: np.ndarray, share: float) -> np.ndarray:
    """A copy of a kernel whose ``round(share x size)`` smallest magnitudes are zero; of equal ones the first in row-major order."""
    pruned = np.array(kernel, copy=True)
    smallest = np.argsort(np.abs(pruned), axis=None, kind="stable")[: round(share * pruned.size)]
    pruned.flat[smallest] = 0.0
    return pruned
