"""Weights that are dead before the first step of training."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .. import quantizers
from ..layers import Weights
from ..report import Finding
from ..rule import rule, share
from ..subject import Subject

MOST, NEARLY_ALL, WIDER, CLIPPED = 0.45, 0.9, 1.5, 0.01


def fitted(largest: float, weights: Weights) -> str | None:
    """The same quantizer with the fewest integer bits that hold ``largest`` to within a step; None for others than ``quantized_bits``."""
    if type(weights.quantizer).__name__ != "quantized_bits" or not largest:
        return None
    return f"quantized_bits({int(weights.quantizer.bits)},{math.ceil(math.log2(largest))},alpha=1)"


@rule("dead-start")
def dead_start(subject: Subject) -> Iterator[Finding]:
    """The initializer's draws lie within half a step of zero; or QKeras silently draws much wider ones because of that."""
    for weights in subject.weights:
        start = subject.starts[weights.name]
        if start is None or start.dead < MOST:
            continue
        half = f", half a step of {weights.quantizer} is {weights.grid.step / 2:g}" if weights.grid.step else f" with {weights.quantizer}"
        evidence = (
            f"{start.initializer} draws weights up to {start.largest:.3g} for a kernel {'x'.join(map(str, weights.stored.shape))}{half}: "
            f"{share(start.dead)} of them quantize to 0"
        )
        if start.scale > WIDER:
            evidence += f"; QKeras sees that and draws them {start.scale:.3g} times wider without a word, so training does not start where the model says"
        better = fitted(start.largest, weights)
        yield Finding(
            "dead-start",
            "warning" if start.dead >= NEARLY_ALL or start.scale > WIDER else "note",
            weights.name,
            evidence,
            f"fit the integer bits: {better}" if better else "use a smaller step, or start from trained float weights",
            {
                "dead": start.dead,
                "half_step": weights.grid.step / 2 if weights.grid.step else None,
                "largest": start.largest,
                "drawn_wider": start.scale,
            },
        )


@rule("quantizer-overflow")
def quantizer_overflow(subject: Subject) -> Iterator[Finding]:
    """Trained weights beyond the range of their own quantizer."""
    for row, weights in zip(subject.rows, subject.weights, strict=True):
        alive = float((weights.stored != 0).mean())
        of_alive = row.clipped / alive if alive else 0.0
        if of_alive < CLIPPED or not weights.finite:
            continue
        largest = float(abs(weights.stored).max())
        better = fitted(largest, weights)
        yield Finding(
            "quantizer-overflow",
            "warning" if of_alive >= 5 * CLIPPED else "note",
            weights.name,
            f"{share(row.clipped)} of the weights, {share(of_alive)} of those that are not zero, lie outside {weights.grid.low:g} to {weights.grid.high:g} of {weights.quantizer}; "
            f"the largest is {largest:.3g}",
            f"use {better}" if better else "use more integer bits",
            {"clipped": row.clipped, "of_nonzero": of_alive, "largest": largest, "low": weights.grid.low, "high": weights.grid.high},
        )


@rule("auto-alpha")
def auto_alpha(subject: Subject) -> Iterator[Finding]:
    """A scale computed from the weights; ``alpha=None`` on a kernel silently becomes ``auto_po2`` (qkeras 0.9, ``_set_trainable_parameter``)."""
    for weights in subject.weights:
        if not quantizers.has_automatic_scale(weights.quantizer):
            continue
        which = quantizers.alpha(weights.quantizer)
        quantizers.quantized(weights.stored.astype(np.float32), weights.quantizer)  # so that it shows the scale of these weights
        scale = np.asarray(weights.quantizer.scale, np.float64)
        found = f"{scale.min():.3g} to {scale.max():.3g} on {scale.size} channels" if scale.min() < scale.max() else f"{scale.max():.3g}"
        silent = " (QKeras also makes this of alpha=None, silently)" if which == "auto_po2" else ""
        best = fitted(float(abs(weights.stored).max()), weights)
        yield Finding(
            "auto-alpha",
            "warning",
            weights.name,
            f"alpha is '{which}'{silent}: the scale follows the weights (now {found}; the written range has 1), "
            "and hls4ml multiplies every sum by it",
            f"write alpha=1{f' and fit the range, such as {best},' if best else ''} and train again",
            {"alpha": which, "scale_low": float(scale.min()), "scale_high": float(scale.max())},
        )
