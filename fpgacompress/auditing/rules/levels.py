"""Bits that are paid for and not used; zeros that are counted and not there, or there and not counted."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...integer.types import FixedType
from ..layers import Weights
from ..report import Finding
from ..rule import counted, rule, share
from ..subject import Subject

FAR, FEW, SPARE_BITS = 0.1, 8, 3


@rule("nominal-sparsity")
def nominal_sparsity(subject: Subject) -> Iterator[Finding]:
    """Zeros after the layer's own quantizer are many more than zeros stored: the sparsity that is told is not the one that is built."""
    for row in subject.rows:
        gap = row.effective_sparsity - row.nominal_sparsity
        if gap < FAR or gap * row.weights < FEW:
            continue
        declared = row.levels is not None and row.levels <= 3  # zeros are what a ternary layer is for
        yield Finding(
            "nominal-sparsity",
            "note" if declared else "warning",
            row.name,
            f"{share(row.nominal_sparsity)} of the stored weights are zero, {share(row.effective_sparsity)} after {row.quantizer}; "
            f"{row.levels_used} different values remain" + (f" of {row.levels}" if row.levels else ""),
            "report the sparsity after quantization; fit the integer bits if these zeros were not wanted",
            {
                "nominal": row.nominal_sparsity,
                "effective": row.effective_sparsity,
                "levels_used": row.levels_used,
                "levels": row.levels,
            },
        )


def type_needed(weights: Weights) -> FixedType | None:
    """The smallest signed type that holds the quantized weights; None when all are zero, or when their step is no power of two."""
    mantissa, exponent = math.frexp(weights.grid.step)
    codes = np.rint(weights.effective / weights.grid.step).astype(np.int64)
    if mantissa != 0.5 or not codes.any():
        return None
    common = int(np.bitwise_or.reduce(np.abs(codes), axis=None))
    shift = (common & -common).bit_length() - 1
    return FixedType.holding(min(int(codes.min()) >> shift, -1), int(codes.max()) >> shift, 1 - exponent - shift)


@rule("few-levels")
def few_levels(subject: Subject) -> Iterator[Finding]:
    """A kernel whose weights would fit a much narrower type."""
    for row, weights in zip(subject.rows, subject.weights, strict=True):
        paid = getattr(weights.quantizer, "bits", None)
        if weights.grid.step is None or paid is None or not weights.finite:
            continue
        type = type_needed(weights)
        if type is None or int(paid) - type.width < SPARE_BITS:
            continue
        ternary = type.width == 2
        same = f"quantized_bits({type.width},{type.integer - 1},alpha=1)"
        yield Finding(
            "few-levels",
            "warning",
            row.name,
            f"{row.levels_used} of {row.levels} levels used: {type.width} bits hold every weight, {int(paid)} are paid for"
            + (": a ternary layer" if ternary else ""),
            f"{same} holds the very same weights; or fit the integer bits so that the levels are used",
            {"levels_used": row.levels_used, "levels": row.levels, "bits_needed": type.width, "bits": int(paid)},
        )


@rule("not-finite")
def not_finite(subject: Subject) -> Iterator[Finding]:
    """Weights that training has blown up."""
    for weights in subject.weights:
        if not weights.finite:
            count = int(np.count_nonzero(~np.isfinite(weights.stored)))
            yield Finding(
                "not-finite",
                "error",
                weights.name,
                f"{count:,} of {weights.stored.size:,} weights are NaN or infinite",
                "train again with a smaller learning rate; with logits, put from_logits=True into the loss",
                {"count": count},
            )


@rule("kernel-without-quantizer")
def kernel_without_quantizer(subject: Subject) -> Iterator[Finding]:
    """Float weights; one finding for a model that has no quantizer at all."""
    bare = [row for row in subject.rows if row.quantizer is None]
    if bare and not subject.quantized:
        yield Finding(
            "kernel-without-quantizer",
            "warning",
            None,
            f"a float model: no layer has a quantizer ({counted(sum(r.weights for r in bare), 'weight')} in {counted(len(bare), 'kernel')})",
            "quantize it: make a student with `fpgacompress run`, or write it with QKeras layers",
            {"layers": len(bare), "weights": sum(r.weights for r in bare)},
        )
        return
    for row in bare:
        yield Finding(
            "kernel-without-quantizer",
            "error",
            row.name,
            f"{row.weights:,} float weights in a model whose other layers are quantized: hardware rounds them unseen",
            "give it a kernel_quantizer, for example quantized_bits(6,0,alpha=1)",
            {"weights": row.weights},
        )


@rule("bias-without-quantizer")
def bias_without_quantizer(subject: Subject) -> Iterator[Finding]:
    """A float bias beside a quantized kernel."""
    seen = set()
    for weights in subject.weights:
        if weights.quantizer is None or not weights.has_bias or weights.bias_quantizer is not None or weights.layer.name in seen:
            continue
        seen.add(weights.layer.name)
        bias = weights.layer.bias.numpy()
        yield Finding(
            "bias-without-quantizer",
            "error",
            weights.layer.name,
            f"the kernel is {weights.quantizer}, the bias is float ({bias.size} values up to {np.abs(bias).max():.3g}): hardware rounds it unseen",
            "give it a bias_quantizer, for example quantized_bits(8,2,alpha=1), or use_bias=False",
            {"values": int(bias.size), "largest": float(np.abs(bias).max())},
        )
