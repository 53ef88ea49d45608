"""The integer network of an hls4ml graph under construction: sums in an accumulator's type, casts only where a value can change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...errors import UnsupportedError
from ...integer.network import Node, Tensor
from ...integer.operations import Edge
from ...integer.operations.weighted import holds_exactly, sum_fraction
from ...integer.types import OVERFLOWS, ROUNDINGS, FixedType
from ...lower.builder import Builder
from .precisions import WIDEST, Precision, read_precision


def result_precision(layer: Any) -> Precision:
    """The precision of a layer's result."""
    return read_precision(layer.get_output_variable().type.precision, f"layer '{layer.name}': the result type")


def accumulator_precision(layer: Any) -> Precision:
    """The precision of a layer's accumulator."""
    return read_precision(layer.get_attr("accum_t").precision, f"layer '{layer.name}': the accumulator")


class GraphBuilder(Builder):
    """A :class:`fpgacompress.lower.builder.Builder` that knows hls4ml's layers."""

    def cast(self, name: str, source: str, precision: Precision) -> str:
        """The values in ``precision``: a node where some value changes, else ``source`` itself."""
        kind = precision.acting(*self.range(source).bounds, self[source].out.fraction)
        return source if kind is None else self.quantize(name, source, kind)

    def result(self, layer: Any, source: str) -> str:
        """The values as the layer's result type holds them."""
        return self.cast(f"{layer.name}_result", source, result_precision(layer))

    def accumulated(
        self, layer: Any, op: str, source: str, shape: tuple[int, ...], kernel: Tensor, bias: Tensor | None, params: dict[str, Any]
    ) -> str:
        """A weighted sum made in the layer's accumulator, then cast to its result type.

        The node has the smallest type that no input can overflow where the accumulator computes every sum exactly, else the accumulator's.

        Raises:
            UnsupportedError: an accumulator that changes sums and is none that a network can have.
        """
        accumulator = accumulator_precision(layer)
        overflow = "WRAP" if accumulator.overflow == "WRAP" and not accumulator.saturation_bits else "SAT"
        kind = FixedType(accumulator.width, accumulator.integer, accumulator.signed, "TRN", overflow)
        needless = kind.fraction - sum_fraction(self[source].out, kernel, bias)
        if 0 < needless < kind.width:  # bits that are 0 in every sum
            kind = replace(kind, width=kind.width - needless)
        draft = Node(layer.name, op, (source,), kind, shape, kernel, bias, params)
        if holds_exactly(draft, Edge(self[source].out, self.range(source))):
            return self.result(layer, self.weighted(layer.name, op, source, shape, kernel, bias, params))
        if accumulator.rounding not in ROUNDINGS or accumulator.overflow not in OVERFLOWS or accumulator.saturation_bits:
            raise UnsupportedError(
                f"{accumulator.where} is {accumulator}, which changes some sums",
                expected=f"{', '.join(ROUNDINGS)} with {', '.join(OVERFLOWS)}, or a type that holds every sum",
                do="set the layer's accum precision to 'auto'",
            )
        if accumulator.width > WIDEST:
            raise UnsupportedError(f"{accumulator.where} is {accumulator}, which changes some sums", expected=f"at most {WIDEST} bits")
        kind = replace(kind, width=accumulator.width, rounding=accumulator.rounding, overflow=accumulator.overflow)
        return self.result(layer, self._add(layer.name, op, [source], kind, shape, kernel=kernel, bias=bias, params=params))
