"""What flows through the model on data: values before every quantized activation, and sums of every weighted layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..integer.accumulators import USUAL
from . import quantizers
from .graph import activation_of, kernels
from .report import ActivationRow

BATCH = 256


@dataclass
class Seen:
    """Counts over all batches of one activation, or of one weighted layer's sums."""

    values: int = 0
    saturated: int = 0
    candidates: int = 0
    underflow: int = 0
    negative: int = 0
    low: float = math.inf
    high: float = -math.inf
    first: np.ndarray | None = None
    varies: np.ndarray | None = None
    outside_default: int = 0

    def look(self, result: np.ndarray) -> None:
        """Range of a result, and which elements change between samples."""
        self.low, self.high = min(self.low, float(result.min())), max(self.high, float(result.max()))
        if self.first is None:
            self.first, self.varies = result[0], np.zeros(result.shape[1:], bool)
        self.varies |= (result != self.first).any(0)


@dataclass
class Site:
    """A quantized activation: an activation layer, or one inside a weighted layer."""

    name: str
    layer: Any
    quantizer: Any
    grid: quantizers.Grid
    seen: Seen = field(default_factory=Seen)

    @property
    def inside(self) -> bool:
        """Whether it is the activation of a weighted layer."""
        return bool(kernels(self.layer))

    def take(self, before: np.ndarray) -> None:
        """Count one batch of values before the activation."""
        grid, seen = self.grid, self.seen
        after = quantizers.quantized(before.astype(np.float32), self.quantizer)
        before = before.astype(np.float64)
        relu = grid.low == 0.0
        wanted = before > 0 if relu else before != 0
        seen.values += before.size
        if grid.step is not None:
            over = before > grid.high + grid.step / 2
            under = False if grid.input_low is None else before < grid.input_low - grid.step / 2
            seen.saturated += int(np.count_nonzero(over | under))
        seen.candidates += int(np.count_nonzero(wanted))
        seen.underflow += int(np.count_nonzero(wanted & (after == 0)))
        seen.negative += int(np.count_nonzero(after < 0))
        seen.look(after)

    def row(self) -> ActivationRow:
        """The row of the table."""
        grid, seen = self.grid, self.seen
        constant = ~seen.varies
        return ActivationRow(
            name=f"{self.layer.name}_act" if self.inside else self.name,
            quantizer=quantizers.text(self.quantizer),
            low=grid.low,
            high=grid.high,
            values=seen.values,
            saturated=seen.saturated / seen.values,
            underflow=seen.underflow / seen.candidates if seen.candidates else 0.0,
            negative=seen.negative / seen.values,
            unused_bits=_unused_bits(grid, seen),
            constant=int(np.count_nonzero(constant)),
            dead=int(np.count_nonzero(constant & (seen.first == 0))),
            elements=int(constant.size),
        )


def _unused_bits(grid: quantizers.Grid, seen: Seen) -> int:
    """Top bits that could go without changing any result that was seen; sign bits of a range that is never negative are not counted."""
    if grid.step is None or grid.high <= 0:
        return 0
    needed = max(seen.high / grid.step + 1, -seen.low / grid.step, 1.0)
    return max(0, math.floor(math.log2((grid.high / grid.step + 1) / needed) + 1e-9))


def find_sites(layers: list[Any]) -> list[Site]:
    """Activations with a quantizer whose range and step are known."""
    found = []
    for layer in layers:
        activation = activation_of(layer)
        if quantizers.is_quantizer(activation):
            grid = quantizers.grid(activation)
            if grid.low is not None:
                found.append(Site(layer.name, layer, activation, grid))
    return found


def _without_activation(layer: Any, inputs: Any) -> np.ndarray:
    """A weighted layer's sums: the layer called with its activation taken off for this call."""
    kept, layer.activation = layer.activation, None
    try:
        return np.asarray(layer(inputs))
    finally:
        layer.activation = kept


def _source(layer: Any) -> Any | None:
    """The one tensor a layer reads; None when it reads several or is used more than once."""
    nodes = layer._inbound_nodes
    tensors = nodes[0].keras_inputs if len(nodes) == 1 else []
    return tensors[0] if len(tensors) == 1 else None


@dataclass(frozen=True)
class Measured:
    """Results of a pass over the data: activations, sums of weighted layers, the model's outputs."""

    sites: dict[str, Site]
    sums: dict[str, Seen]
    outputs: np.ndarray


def measure(model: Any, layers: list[Any], x: np.ndarray) -> Measured:
    """Run a model and count.

    Args:
        model: a functional or sequential Keras model.
        layers: its layers.
        x: inputs, (n, *input shape).
    """
    from ..keras_stack import load

    keras = load().keras
    watched = [(layer, _source(layer)) for layer in layers]
    watched = [(layer, tensor) for layer, tensor in watched if tensor is not None]
    sites = {site.layer.name: site for site in find_sites([layer for layer, _ in watched])}
    watched = [(layer, tensor) for layer, tensor in watched if layer.name in sites or (kernels(layer) and hasattr(layer, "activation"))]
    probe = keras.Model(model.inputs, [tensor for _, tensor in watched] + [model.outputs[0]])
    sums: dict[str, Seen] = {}
    outputs = []
    for begin in range(0, len(x), BATCH):
        values = probe(x[begin : begin + BATCH].astype(np.float32), training=False)
        values = values if isinstance(values, (list, tuple)) else [values]
        outputs.append(np.asarray(values[-1]))
        for (layer, _), value in zip(watched, values[:-1], strict=True):
            before = np.asarray(value)
            if kernels(layer):
                before = _without_activation(layer, value)
                seen = sums.setdefault(layer.name, Seen())
                seen.values += before.size
                seen.outside_default += int(np.count_nonzero((before < USUAL.minimum) | (before >= USUAL.maximum + USUAL.lsb)))
                seen.look(before)
            if layer.name in sites:
                sites[layer.name].take(before)
    return Measured({site.row().name: site for site in sites.values()}, sums, np.concatenate(outputs))
