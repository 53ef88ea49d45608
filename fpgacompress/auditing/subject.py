"""What is audited, with everything the rules look at; costly parts are made when a rule first asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..data.samples import Samples
from ..errors import FpgaCompressError
from ..integer.accumulators import Accumulator, accumulators
from ..integer.intervals import Range, ranges
from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from .files import Loss
from .graph import Graph, opened, squashing, wrapped_layers
from .layers import Start, Weights, row, start, weights_of
from .measure import Measured, measure
from .report import LayerRow

MEASURED = 2000
"""At most so many samples go through the model."""


@dataclass
class Subject:
    """A model under audit.

    Attributes:
        model: the Keras model; wrappers and models inside it are opened in a copy.
        loss: task loss of its training, where it is known.
        input_type, input_origin: type of the network's input and who says so.
        data, deployed: samples the model was trained for, and samples the board will see.
        teacher: a Keras model, or None.
        hls: hls4ml configuration, or None.
        temperature: at which distillation is judged.
        original: the model as it was given.
        layers: all layers of ``model`` without wrappers, in order.
    """

    model: Any
    loss: Loss | None
    input_type: FixedType
    input_origin: str
    data: Samples | None = None
    deployed: Samples | None = None
    teacher: Any = None
    hls: dict[str, Any] | None = None
    temperature: float = 10.0
    original: Any = field(init=False)
    layers: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.original = self.model
        self.model = opened(self.original)
        self.layers = [inner for _, inner in wrapped_layers(self.model)]

    @cached_property
    def graph(self) -> Graph:
        """Who reads whom."""
        return Graph(self.model)

    @cached_property
    def weights(self) -> list[Weights]:
        """Every kernel."""
        return [w for layer in self.layers for w in weights_of(layer)]

    @cached_property
    def starts(self) -> dict[str, Start | None]:
        """How each kernel was drawn before training."""
        return {w.name: start(w) for w in self.weights}

    @cached_property
    def rows(self) -> list[LayerRow]:
        """The table of weights."""
        return [row(w, self.starts[w.name], self.exact_sum(w.name)) for w in self.weights]

    @property
    def quantized(self) -> bool:
        """Whether any layer has a kernel quantizer."""
        return any(w.quantizer is not None for w in self.weights)

    @cached_property
    def tail(self) -> tuple[Any, str] | None:
        """(layer, "softmax" or "sigmoid") at the end of the model."""
        last = self.layers[-1] if self.layers else None
        kind = squashing(last) if last is not None else None
        return (last, kind) if kind else None

    @cached_property
    def classes(self) -> int | None:
        """Number of outputs."""
        shape = getattr(self.model, "output_shape", None)
        return int(shape[-1]) if isinstance(shape, tuple) and shape[-1] else None

    @cached_property
    def _lowered(self) -> tuple[IntegerNetwork | None, FpgaCompressError | None]:
        from ..lower.read import read

        try:
            return read(self.model, input_type=self.input_type).network, None
        except FpgaCompressError as error:
            return None, error

    @property
    def network(self) -> IntegerNetwork | None:
        """The exact integer form; wrappers and a final softmax or sigmoid are taken off first."""
        return self._lowered[0]

    @property
    def refusal(self) -> FpgaCompressError | None:
        """Why there is no exact integer form."""
        return self._lowered[1]

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """Ranges of all results on all possible inputs; empty without a network."""
        return ranges(self.network) if self.network else {}

    @cached_property
    def accumulators(self) -> dict[str, Accumulator]:
        """What each weighted layer's sum needs, by layer; empty without a network."""
        return {row.layer: row for row in accumulators(self.network)} if self.network else {}

    def exact_sum(self, name: str) -> FixedType | None:
        """The smallest type that no input of the input type can overflow in a weighted layer; None without a network or such a layer."""
        return self.accumulators[name].exact if name in self.accumulators else None

    @cached_property
    def measured(self) -> Measured | None:
        """What flows on the data; None without data or for a model that is no graph of single inputs."""
        if self.data is None or len(getattr(self.model, "outputs", None) or ()) != 1:
            return None
        return measure(self.model, list(self.graph.layers.values()), self.few.x)

    @cached_property
    def few(self) -> Samples:
        """At most :data:`MEASURED` samples, evenly spread over the data."""
        index = np.unique(np.linspace(0, len(self.data.x) - 1, MEASURED).astype(int))
        return Samples(self.data.x[index], None if self.data.y is None else self.data.y[index], self.data.origin, self.data.type)

    def hls_precision(self, layer: Any, variable: str) -> str | None:
        """What the hls4ml configuration says for a layer's "weight", "bias", "result" or "accum" (as ``HLSConfig.get_precision`` looks it up)."""
        for place in self._hls_places(layer):
            precision = place.get("Precision")
            if isinstance(precision, str):
                return precision
            if isinstance(precision, dict):
                found = precision.get(variable, precision.get("default"))
                if found is not None:
                    return str(found)
        return None

    def _hls_places(self, layer: Any) -> Iterator[dict[str, Any]]:
        hls = self.hls or {}
        by_name = {str(k).lower(): v for k, v in (hls.get("LayerName") or {}).items()}
        by_type = {str(k).lower(): v for k, v in (hls.get("LayerType") or {}).items()}
        for place in (by_name.get(layer.name.lower()), by_type.get(type(layer).__name__.lower()), hls.get("Model")):
            if place:
                yield place
