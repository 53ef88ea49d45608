"""The table of weights: one row per kernel, as stored, as quantized, and as they were drawn at the start."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..integer.types import FixedType
from . import quantizers
from .graph import kernels
from .report import LayerRow

DRAWS, ROUNDS = 16384, 32
"""So many weights are drawn to see what an initializer gives, in so many rounds at most; a large kernel is drawn once, whole."""


@dataclass(frozen=True)
class Weights:
    """A kernel and what its quantizer makes of it.

    Attributes:
        name: layer, or ``layer/pointwise`` for a second kernel.
        layer: the Keras layer without wrappers.
        quantizer: the kernel's quantizer, or None.
        stored, effective: float64 arrays; batch normalization inside the layer is folded in, as QKeras does.
        levels_used: different levels among ``effective``.
    grid: levels, step and range of the quantizer.
    """

    name: str
    layer: Any
    quantizer: Any
    stored: np.ndarray
    effective: np.ndarray
    levels_used: int
    grid: quantizers.Grid

    @property
    def kind(self) -> str:
        """Class of the layer."""
        return type(self.layer).__name__

    @property
    def finite(self) -> bool:
        """Whether no stored weight is NaN or infinite."""
        return bool(np.isfinite(self.stored).all())

    @property
    def has_bias(self) -> bool:
        """Whether the layer adds a bias."""
        return bool(getattr(self.layer, "use_bias", False))

    @property
    def bias_quantizer(self) -> Any:
        """The bias quantizer, or None."""
        return getattr(self.layer, "bias_quantizer_internal", None)


def weights_of(layer: Any) -> list[Weights]:
    """Every kernel of a layer."""
    found = []
    for attribute, variable, quantizer in kernels(layer):
        stored = variable.numpy()
        if hasattr(layer, "get_folded_weights"):
            stored = np.asarray(layer.get_folded_weights()[0])
        name = layer.name if not found else f"{layer.name}/{attribute.removesuffix('_kernel')}"
        effective = quantizers.quantized(stored, quantizer)
        used = quantizers.levels_used(effective, quantizer)  # now: the quantizer keeps the scale of its last call
        found.append(Weights(name, layer, quantizer, stored.astype(np.float64), effective, used, quantizers.grid(quantizer)))
    return found


def clipped(weights: Weights) -> float:
    """Share of stored weights more than one step outside the quantizer's range."""
    grid = weights.grid
    if grid.step is None or grid.low is None:
        return 0.0
    outside = (weights.stored > grid.high + grid.step) | (weights.stored < grid.low - grid.step)
    return float(np.mean(outside))


@dataclass(frozen=True)
class Start:
    """What a kernel looks like before training.

    Attributes:
        initializer: name of the initializer the model asks for.
        largest: largest magnitude it draws.
        dead: share of its draws that the quantizer makes zero.
        scale: how many times wider QKeras' own ``QInitializer`` really draws them; 1.0 without it.
    """

    initializer: str
    largest: float
    dead: float
    scale: float


def _fresh(initializer: Any, seed: int) -> Any:
    """The same initializer as if it had never been called (QKeras changes its ``scale``), with a fixed seed."""
    config = initializer.get_config()
    if "seed" in config:
        config["seed"] = seed
    return type(initializer).from_config(config)


def _draw(make: Any, shape: tuple[int, ...]) -> np.ndarray:
    rounds = -(-DRAWS // prod(shape))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # QInitializer calls its initializer twice, and Keras tells
        return np.concatenate([np.asarray(make(seed)(shape), np.float64) for seed in range(min(rounds, ROUNDS))])


def start(weights: Weights) -> Start | None:
    """How the kernel of a quantized layer was drawn, from its initializer and fan-in with fixed seeds; None where that cannot be said.

    QKeras 0.9 (qlayers.py, ``QInitializer``) multiplies the variance of an initializer whose standard deviation is below the quantizer's step,
    without a word; :attr:`Start.scale` is measured on its own draws.
    """
    attribute = {"kernel": "kernel_initializer", "depthwise_kernel": "depthwise_initializer"}
    names = [n for n, _, q in kernels(weights.layer) if q is weights.quantizer]
    outer = getattr(weights.layer, attribute.get(names[0], ""), None) if names and weights.quantizer is not None else None
    wrapped = type(outer).__name__ == "QInitializer"
    inner = outer.initializer if wrapped else outer
    if inner is None or type(inner).__name__ in ("Zeros", "Ones", "Constant"):
        return None
    shape = weights.stored.shape
    try:
        asked = _draw(lambda seed: _fresh(inner, seed), shape)
        quantized = quantizers.quantized(asked.astype(np.float32), weights.quantizer)
        drawn = asked
        if wrapped:
            drawn = _draw(lambda seed: type(outer)(_fresh(inner, seed), outer.use_scale, outer.quantizer), shape)
    except (TypeError, ValueError, NotImplementedError):  # an initializer of a stranger that cannot be made anew
        return None
    width = float(asked.std())
    return Start(
        type(inner).__name__,
        float(np.abs(asked).max()),
        float(np.mean(quantized == 0)),
        float(drawn.std()) / width if width else 1.0,
    )


def multiplications(weights: Weights) -> tuple[int, int]:
    """Products of one sample: all, and those with a weight that is not zero after quantization."""
    positions = 1
    with contextlib.suppress(AttributeError, RuntimeError):  # a layer that was never called, or with several shapes
        positions = prod(n or 1 for n in weights.layer.output_shape[1:-1])
    return positions * weights.stored.size, positions * int(np.count_nonzero(weights.effective))


def row(weights: Weights, start: Start | None, exact_sum: FixedType | None) -> LayerRow:
    """The row of the table."""
    every, nonzero = multiplications(weights)
    return LayerRow(
        name=weights.name,
        kind=weights.kind,
        weights=weights.stored.size,
        quantizer=quantizers.text(weights.quantizer),
        bias_quantizer=quantizers.text(weights.bias_quantizer) if weights.has_bias else "-",
        levels=weights.grid.levels,
        levels_used=weights.levels_used,
        nominal_sparsity=float(np.mean(weights.stored == 0)),
        effective_sparsity=float(np.mean(weights.effective == 0)),
        dead_at_start=start.dead if start else None,
        start_scale=start.scale if start else None,
        clipped=clipped(weights),
        accumulator=str(exact_sum) if exact_sum else None,
        multiplications=every,
        nonzero_multiplications=nonzero,
    )
