"""Padding and sliding windows of convolutions and pooling, for any number of spatial axes, channels last (numpy only)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Pads = tuple[tuple[int, int], ...]


def pads_and_shape(size: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str) -> tuple[Pads, tuple[int, ...]]:
    """Zero rows before and after each spatial axis, and the spatial shape of the result.

    TensorFlow's rule ("tf.nn.convolution", section padding): "same" puts the odd row at the end; "causal" pads only in front.

    Args:
        size: spatial shape of the input.
        window, strides: per spatial axis.
        padding: "valid", "same" or "causal".

    Raises:
        ValueError: unknown padding, or a window larger than the padded input.
    """
    pads, shape = [], []
    for n, k, s in zip(size, window, strides, strict=True):
        if padding == "valid":
            before, after = 0, 0
        elif padding == "same":
            total = max((-(-n // s) - 1) * s + k - n, 0)
            before, after = total // 2, total - total // 2
        elif padding == "causal":
            before, after = k - 1, 0
        else:
            raise ValueError(f"unknown padding '{padding}'; known: valid, same, causal")
        out = (n + before + after - k) // s + 1
        if out < 1:
            raise ValueError(f"a window of {k} does not fit an input of {n + before + after}")
        pads.append((before, after))
        shape.append(out)
    return tuple(pads), tuple(shape)


def padded(x: np.ndarray, pads: Pads, value: float | int = 0) -> np.ndarray:
    """``x`` (n, *spatial, channels) with ``value`` around its spatial axes; ``x`` itself when there is nothing to add."""
    if not any(b or a for b, a in pads):
        return x
    return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


def windows(x: np.ndarray, window: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """View of all windows of ``x`` (n, *spatial, c), shape (n, *out, *window, c)."""
    d = len(window)
    axes = tuple(range(1, d + 1))
    view = np.lib.stride_tricks.sliding_window_view(x, tuple(window), axis=axes)  # (n, *out, c, *window)
    view = view[(slice(None), *(slice(None, None, s) for s in strides))]
    return np.moveaxis(view, d + 1, -1)


def columns(x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """The matrix whose rows are the windows of ``x`` ("im2col"), shape (n * prod(out), prod(window) * c), and ``out``."""
    pads, out = pads_and_shape(x.shape[1:-1], window, strides, padding)
    if all(k == 1 for k in window) and all(s == 1 for s in strides):
        return x.reshape(-1, x.shape[-1]), out
    view = windows(padded(x, pads), window, strides)
    return view.reshape(x.shape[0] * int(np.prod(out)), -1), out


def pooled_maximum(x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str, lowest: float | int) -> np.ndarray:
    """Maximum over each window of ``x`` (n, *spatial, c); padding counts as ``lowest``."""
    pads, out = pads_and_shape(x.shape[1:-1], window, strides, padding)
    x = padded(x, pads, lowest)
    result: np.ndarray | None = None
    for offset in np.ndindex(*window):
        part = x[(slice(None), *(slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, out, strides, strict=True)))]
        result = part.copy() if result is None else np.maximum(result, part, out=result)
    assert result is not None
    return result
