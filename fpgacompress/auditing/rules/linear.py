"""Activations that are none: a "relu" that lets negative values pass makes two weighted layers one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import quantizers
from ..graph import activation_of, is_linear, kernels
from ..report import Finding
from ..rule import rule, several, share
from ..subject import Subject


def _on_data(subject: Subject, name: str, numbers: dict) -> str:
    row = subject.measured.sites.get(name) if subject.measured else None
    if row is None:
        return ""
    row = row.row()
    numbers.update(negative=row.negative, saturated=row.saturated)
    return f"; on the data {share(row.negative)} of its results are negative, {share(row.saturated)} saturate"


@rule("linear-relu")
def linear_relu(subject: Subject) -> Iterator[Finding]:
    """A quantized activation that is signed and straight, named like a ReLU or the only thing between two weighted layers."""
    for name, layer in subject.graph.layers.items():
        activation = activation_of(layer)
        if not quantizers.is_quantizer(activation) or not quantizers.is_linear(activation):
            continue
        above, below = subject.graph.linear_neighbours(name)
        named = "relu" in name.lower()
        if not named and not (above and below):
            continue
        inside = bool(kernels(layer))
        site = f"{name}_act" if inside else name
        grid = quantizers.grid(activation)
        numbers: dict = {"low": grid.low, "high": grid.high, "above": above, "below": below}
        reach = f", {grid.low:g} to {grid.high:g}" if grid.low is not None else ""
        joined = f"; {several(above)} and {several(below)} are one linear map up to rounding and saturation" if above and below else ""
        bits, integer = int(activation.bits), int(quantizers.number(activation.integer))
        put = f"activation='quantized_relu({bits},{integer})'" if inside else f"QActivation('quantized_relu({bits},{integer})')"
        yield Finding(
            "linear-relu",
            "error" if named else "warning",
            name,
            f"{activation} is signed and linear{reach}: negative values pass{joined}{_on_data(subject, site, numbers)}",
            f"use {put}",
            numbers,
        )


def _product(subject: Subject) -> np.ndarray | None:
    """The product of all quantized kernels, where the model is a chain of dense layers only."""
    product = None
    for weights in subject.weights:
        if weights.kind not in ("Dense", "QDense") or len(subject.graph.parents[weights.layer.name]) > 1:
            return None
        product = weights.effective if product is None else product @ weights.effective
    return product


@rule("linear-model")
def linear_model(subject: Subject) -> Iterator[Finding]:
    """No non-linear layer anywhere before the final softmax: however deep, one matrix could do it."""
    tail = subject.tail[0] if subject.tail else None
    layers = [layer for layer in subject.graph.layers.values() if layer is not tail or kernels(layer)]
    if len(subject.weights) < 2 or not layers or not all(is_linear(layer) or layer is tail for layer in layers):
        return
    weights = sum(w.stored.size for w in subject.weights)
    numbers: dict = {"weighted_layers": len(subject.weights), "weights": weights}
    evidence = f"{len(subject.weights)} weighted layers, {weights:,} weights, no non-linearity between them but rounding and saturation"
    product = _product(subject)
    if product is not None:
        numbers["one_matrix"] = list(product.shape)
        evidence += f": without these, one {product.shape[0]}x{product.shape[1]} matrix ({product.size:,} weights) does the same"
        if subject.measured is not None and subject.measured.outputs.shape[-1] > 1:
            x = subject.few.x.reshape(len(subject.few.x), -1)
            target = subject.measured.outputs.argmax(-1)
            agree = float(np.mean(_affine(subject, x).argmax(-1) == target))
            numbers["agreement"] = agree
            evidence += f"; that matrix alone gives the same class on {share(agree)} of {len(x):,} samples"
    yield Finding("linear-model", "error", None, evidence, "put a quantized_relu behind every hidden layer", numbers)


def _affine(subject: Subject, x: np.ndarray) -> np.ndarray:
    """The dense chain without any activation, in float64."""
    for weights in subject.weights:
        x = x @ weights.effective
        if weights.has_bias:
            x = x + quantizers.quantized(weights.layer.bias.numpy(), weights.bias_quantizer)
    return x
