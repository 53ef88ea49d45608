"""Padding and sliding windows of convolutions and pooling, for any number of spatial axes, channels last (numpy only)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Pads = tuple[tuple[int, int], ...]


def pads_and_shape(
    size: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str, dilation: Sequence[int] | None = None
) -> tuple[Pads, tuple[int, ...]]:
    """Zero rows before and after each spatial axis, and the spatial shape of the result.

    TensorFlow's rule ("tf.nn.convolution", section padding): "same" puts the odd row at the end; "causal" pads only in front.

    Args:
        size: spatial shape of the input.
        window, strides, dilation: per spatial axis; dilation 1 when absent.
        padding: "valid", "same" or "causal".

    Raises:
        ValueError: unknown padding, or a window larger than the padded input.
    """
    pads, shape = [], []
    for n, k, s, d in zip(size, window, strides, dilation or [1] * len(window), strict=True):
        k = (k - 1) * d + 1
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


def padded(x: np.ndarray, pads: Sequence[Sequence[int]], value: float | int = 0) -> np.ndarray:
    """``x`` (n, *spatial, channels) with ``value`` around its spatial axes; ``x`` itself when there is nothing to add."""
    if not any(b or a for b, a in pads):
        return x
    return np.pad(x, ((0, 0), *map(tuple, pads), (0, 0)), constant_values=value)


def windows(x: np.ndarray, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int] | None = None) -> np.ndarray:
    """View of all windows of ``x`` (n, *spatial, c), shape (n, *out, *window, c)."""
    d = len(window)
    steps = dilation or [1] * d
    spans = tuple((k - 1) * step + 1 for k, step in zip(window, steps, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(1, d + 1)))  # (n, *out, c, *spans)
    view = view[(slice(None), *(slice(None, None, s) for s in strides), slice(None), *(slice(None, None, s) for s in steps))]
    return np.moveaxis(view, d + 1, -1)


def gathered(
    x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str, dilation: Sequence[int] | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """The windows of ``x``, one row each: (n * prod(out), prod(window), c), and ``out``."""
    pads, out = pads_and_shape(x.shape[1:-1], window, strides, padding, dilation)
    if all(k == 1 for k in window) and all(s == 1 for s in strides):
        return x.reshape(-1, 1, x.shape[-1]), out
    view = windows(padded(x, pads), window, strides, dilation)
    return view.reshape(x.shape[0] * int(np.prod(out)), int(np.prod(window)), x.shape[-1]), out


def _reduced(
    x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str, outside: float | int, join: Callable[..., np.ndarray]
) -> np.ndarray:
    """``join`` over each window of ``x`` (n, *spatial, c), one offset of the window after the other; padding counts as ``outside``."""
    pads, out = pads_and_shape(x.shape[1:-1], window, strides, padding)
    x = padded(x, pads, outside)
    if all(n == 1 for n in out):  # one window over everything, as in global pooling
        part = x[(slice(None), *(slice(0, k) for k in window))]
        return join.reduce(part, axis=tuple(range(1, x.ndim - 1)), keepdims=True)  # type: ignore[attr-defined]
    result: np.ndarray | None = None
    for offset in np.ndindex(*window):
        part = x[(slice(None), *(slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, out, strides, strict=True)))]
        result = part.copy() if result is None else join(result, part, out=result)
    assert result is not None
    return result


def pooled_maximum(x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str, lowest: float | int) -> np.ndarray:
    """Maximum over each window of ``x`` (n, *spatial, c); padding counts as ``lowest``."""
    return _reduced(x, window, strides, padding, lowest, np.maximum)


def pooled_sum(x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: str) -> np.ndarray:
    """Sum over each window of ``x`` (n, *spatial, c), in the dtype of ``x``."""
    return _reduced(x, window, strides, padding, 0, np.add)


def window_counts(size: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str) -> np.ndarray:
    """Number of real (unpadded) elements in each window: int64, (*out, 1)."""
    return pooled_sum(np.ones((1, *size, 1), np.int64), window, strides, padding)[0]
