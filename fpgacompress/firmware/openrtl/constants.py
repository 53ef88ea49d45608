"""Weights as integers: the numbers that hls4ml writes into its sources, as its C++ reads them into the weights' type."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...integer.network import Tensor
from ...integer.types import OVERFLOWS, ROUNDINGS, FixedType
from .precisions import Precision, is_kind, read_precision


def trimmed(values: np.ndarray, fraction: int) -> Tensor:
    """Stored integers (int64) with ``fraction`` fractional bits in the smallest type that holds them."""
    joined = int(np.bitwise_or.reduce(values, axis=None))
    if not joined:
        return Tensor(values, FixedType(1, 1, False))
    zeros = (joined & -joined).bit_length() - 1
    values = values >> zeros
    return Tensor(values, FixedType.holding(int(values.min()), int(values.max()), fraction - zeros))


def stored(numbers: np.ndarray, precision: Precision) -> np.ndarray:
    """Stored integers (int64) of real numbers (float64) assigned to ``precision``.

    Raises:
        UnsupportedError: a number is rounded or overflows in a mode that :class:`FixedType` does not have.
    """
    if precision.rounding in ROUNDINGS and precision.overflow in OVERFLOWS and not precision.saturation_bits:
        return FixedType(precision.width, precision.integer, precision.signed, precision.rounding, precision.overflow).quantize(numbers)
    try:
        return precision.plain.exactly(numbers)
    except ValueError as error:
        raise UnsupportedError(
            f"{precision.where} is {precision}, and {error}", expected=f"modes {', '.join(ROUNDINGS)} and {', '.join(OVERFLOWS)}"
        ) from None


def read_constants(layer: Any, part: str, shape: tuple[int, ...]) -> Tensor:
    """Weights of a layer, in the order in which hls4ml's C++ reads them.

    Args:
        layer: of an hls4ml graph.
        part: "weight", "bias" or "scale".
        shape: of the result.

    Raises:
        UnsupportedError: weights of a kind that has no integers, or of another number than ``shape`` has.
    """
    variable = layer.weights[part]
    kind, where = variable.type.precision, f"layer '{layer.name}': the {part} type"
    if is_kind(kind, "Exponent"):
        raise UnsupportedError(f"layer '{layer.name}': {part} given by exponents (power-of-two quantizers)", expected="fixed-point weights")
    if isinstance(variable.data, list):
        raise UnsupportedError(f"layer '{layer.name}': compressed {part}", expected="weights without Compression")
    numbers = np.array([float(text) for text in variable], np.float64)
    if numbers.size != int(np.prod(shape)):
        raise UnsupportedError(f"layer '{layer.name}': {numbers.size} numbers as {part}", expected=f"{int(np.prod(shape))}")
    if is_kind(kind, "Xnor"):  # 0 stands for -1
        return trimmed(2 * numbers.astype(np.int64).reshape(shape) - 1, 0)
    precision = read_precision(kind, where)
    values = stored(numbers, precision).reshape(shape)
    if is_kind(kind, "Integer") and kind.signed and kind.width == 2 and (values == -2).any():
        raise UnsupportedError(f"{where} is int<2>, which hls4ml's C++ takes for ternary, and one is -2", expected="-1, 0 and 1")
    return trimmed(values, precision.plain.fraction)


def read_bias(layer: Any, shape: tuple[int, ...]) -> Tensor | None:
    """The bias as :func:`read_constants` gives it, or None where all of it is 0."""
    found = read_constants(layer, "bias", shape)
    return found if found.nonzeros else None


def constant(number: float, kind: Any, where: str) -> tuple[int, int]:
    """A constant of an activation as its C++ type holds it: stored integer and fractional bits."""
    precision = read_precision(kind, where)
    return int(stored(np.float64(number), precision)), precision.plain.fraction
