"""Operations on single values: cast, clip, leaky relu and step functions."""

from __future__ import annotations

import numpy as np

from ...errors import UnsupportedError
from ..network import Node
from ..types import FixedType
from .base import Apply, Edge, Operation, Range, carrier, monotone, scaled


def round_float(x: np.ndarray, rounding: str) -> np.ndarray:
    """Real numbers carried in floats -> integers, in place where possible; ``rint`` rounds half to even."""
    if rounding == "RND_CONV":
        return np.rint(x, out=x)
    floor = np.floor(x)
    return floor if rounding == "TRN" else floor + (x - floor >= 0.5)


def fit_float(x: np.ndarray, type: FixedType) -> np.ndarray:
    """Integers carried in floats, brought into the type's range by its overflow mode, in place where possible."""
    if type.overflow == "WRAP":
        span = 2.0**type.width
        return (x - np.floor((x - type.low) / span) * span).astype(x.dtype)
    return np.clip(x, type.low, type.high, out=x)


def cast_bound(type: FixedType, largest: int, fraction: int) -> int:
    """Largest integer met in casting stored integers up to ``largest`` with ``fraction`` fractional bits to ``type``."""
    return 2 * max(largest << max(type.fraction - fraction, 0), type.high, -type.low)  # wrapping subtracts the lower bound


def _propagate_cast(node: Node, edges: list[Edge]) -> Range:
    (source,) = edges
    out, fraction = node.out, source.type.fraction
    if out.overflow == "WRAP":
        if fraction < out.fraction and source.largest << min(out.fraction - fraction, 62) > out.high:
            return Range.of_type(out, node.shape)
        low, high = (out.round_shift(v, fraction - out.fraction) for v in (source.range.low, source.range.high))
        if low.min() < out.low or high.max() > out.high:
            return Range.of_type(out, node.shape)
    return Range(out.cast(source.range.low, fraction), out.cast(source.range.high, fraction))


def _prepare_cast(node: Node, edges: list[Edge], own: Range) -> Apply:
    (source,) = edges
    fraction = source.type.fraction
    number = carrier(cast_bound(node.out, source.largest, fraction))
    if number is np.int64:
        return lambda inputs: node.out.cast(inputs[0].astype(np.int64, copy=False), fraction)
    factor = number(2.0 ** (node.out.fraction - fraction))
    return lambda inputs: fit_float(round_float(inputs[0].astype(number, copy=False) * factor, node.out.rounding), node.out)


def each_bounds(node: Node) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step, lowest and highest stored integer (of ``out``) of the elements of a ``quantize_each``, int64, over its last axes."""
    bits, integer = (np.asarray(node.params[k], np.int64) for k in ("bits", "integer"))
    some, magnitude = bits > 0, bits - node.out.signed
    finest, widest = int((bits - integer)[some].max(initial=node.out.fraction)), int(integer[some].max(initial=node.out.integer))
    if finest > node.out.fraction or widest > node.out.integer or (node.out.rounding, node.out.overflow) != ("TRN", "SAT"):
        raise UnsupportedError(
            f"layer '{node.name}' casts elements to {finest} fractional and {widest} integer bits within {node.out}",
            expected="a type with TRN and SAT that holds them all",
        )
    step = np.left_shift(1, np.where(some, node.out.fraction - (bits - integer), 0))
    high = np.where(some, (np.left_shift(1, np.maximum(magnitude, 0)) - 1) * step, 0)
    low = np.where(some & node.out.signed, -np.left_shift(1, np.maximum(magnitude, 0)) * step, 0)
    return step, low, high


def _propagate_each(node: Node, edges: list[Edge]) -> Range:
    held, (step, low, high) = _propagate_cast(node, edges), each_bounds(node)
    return Range(*(np.clip(v - v % step, low, high) for v in (held.low, held.high)))


def _prepare_each(node: Node, edges: list[Edge], own: Range) -> Apply:
    cast = _prepare_cast(node, edges, own)
    step, low, high = each_bounds(node)

    def apply(inputs: list[np.ndarray]) -> np.ndarray:
        x = cast(inputs)
        number = x.dtype.type
        if np.issubdtype(number, np.floating):
            return np.clip(np.floor(x * (1 / step).astype(number)) * step.astype(number), low.astype(number), high.astype(number))
        return np.clip(x - x % step, low, high)

    return apply


def _clipped(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return np.clip(inputs[0], node.params["low"], node.params["high"])


def _clip_growth(node: Node, edges: list[Edge]) -> int:
    return max(edges[0].largest, abs(node.params["low"]), abs(node.params["high"]))


def _leaky(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return np.where(inputs[0] >= 0, scaled(inputs[0], node.params["shift"]), inputs[0])


def _leaky_growth(node: Node, edges: list[Edge]) -> int:
    return edges[0].largest << node.params["shift"]


def _stepped(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    places = np.searchsorted(np.asarray(node.params["thresholds"], inputs[0].dtype), inputs[0], side="right")
    return np.asarray(node.params["values"], inputs[0].dtype)[places]


def _step_growth(node: Node, edges: list[Edge]) -> int:
    return max(map(abs, [*node.params["thresholds"], *node.params["values"]]))


def _propagate_steps(node: Node, edges: list[Edge]) -> Range:
    """Values need not rise with the thresholds, so all steps between the bounds count."""
    thresholds, values = np.asarray(node.params["thresholds"], np.int64), np.asarray(node.params["values"], np.int64)
    first, last = (np.searchsorted(thresholds, bound, side="right") for bound in (edges[0].range.low, edges[0].range.high))
    low, high = values[first], values[first]
    for step in range(len(values)):
        reached = (first <= step) & (step <= last)
        low, high = np.where(reached, np.minimum(low, values[step]), low), np.where(reached, np.maximum(high, values[step]), high)
    return Range(low, high)


OPERATIONS = {
    "quantize": Operation(_propagate_cast, _prepare_cast),
    "quantize_each": Operation(_propagate_each, _prepare_each),
    "clip": monotone(_clipped, _clip_growth),
    "leaky_relu": monotone(_leaky, _leaky_growth),
    "threshold": Operation(_propagate_steps, monotone(_stepped, _step_growth).prepare),
}
