"""Averages over windows: exact where every window has a power of two of elements, rounded once by the quantizer that reads them otherwise.

Keras sums in float32 and divides; the quantizer then rounds the float32 quotient to its grid. That is the correctly rounded average whenever
the division cannot move a quotient onto a tie between two levels:

Let the sum be ``S`` least bits (an integer, exact in float32 up to 2**24), the number of elements ``c``, and the quotient in units of the
result's least bit ``r = S * 2**u / c``, ``u`` being the result's fractional bits minus the input's. Multiplying by powers of two is exact, so
QKeras rounds ``fl(r)`` half to even, where ``|fl(r) - r| <= 2**-24 * |r|``. Ties ``k + 1/2`` are float32 numbers and rounding to
float32 is monotone, so ``fl(r)`` is never beyond a tie that ``r`` is not beyond: the results differ only if ``r`` is no tie but ``fl(r)`` is.
With ``D = c * 2**max(-u, 0)``, ``r`` is an integer over ``D``, so what is no tie is at least ``1 / (2 * D)`` away from one, and
``|r| * 2 * D <= 2**24`` suffices. Truncation has its borders on the levels ``k``, at least ``1 / D`` away. Quotients beyond the type's range saturate
either way and need no proof.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..integer.types import FixedType
from ..integer.windows import pooled_sum, window_counts
from .builder import Average, Builder

FLOAT32 = 2**24
"""Every integer up to here is a float32 number."""
_FEWER = "put a QActivation with fewer bits before the pooling, or choose a window of a power of two of elements"


def counts(net: Builder, source: str, params: dict) -> np.ndarray:
    """Real (unpadded) elements of each window, the distinct numbers, ascending."""
    return np.unique(window_counts(net[source].shape[:-1], params["pool_size"], params["strides"], params["padding"]))


def single_rounding(largest: int, count: int, fraction: int, out: FixedType) -> bool:
    """True when QKeras' float32 division and rounding give the correctly rounded average (see the module's text).

    Args:
        largest: magnitude of the largest sum, stored integers.
        count: number of elements.
        fraction: fractional bits of the input.
        out: type of the result, rounding half to even or truncating, saturating.
    """
    up = out.fraction - fraction
    quotient = min(largest * 2.0**up / count, float(max(out.high, -out.low) + 1))
    divides_exactly = count & (count - 1) == 0
    return largest <= FLOAT32 and (divides_exactly or quotient * 2 * count * 2.0 ** max(-up, 0) <= FLOAT32)


def largest_sum(net: Builder, average: Average) -> int:
    """Magnitude of the largest sum over a window that the input's range allows."""
    window = (average.params["pool_size"], average.params["strides"], average.params["padding"])
    return int(pooled_sum(net.range(average.source).magnitude[None], *window).max())


def shaped(net: Builder, name: str, average: Average, pool: str) -> str:
    """The result with the layer's shape: global pooling without ``keepdims`` drops the spatial axes behind the pooling."""
    return pool if average.shape == average.pooled else net.same_type(name, "reshape", pool, average.shape)


def pool_name(name: str, average: Average) -> str:
    """Name of the pooling node of a layer whose last node is called ``name``."""
    return name if average.shape == average.pooled else f"{name}_pool"


def exact_average(net: Builder, name: str, average: Average) -> str | None:
    """The average with all its bits, or None when a window has another number of elements than a power of two."""
    numbers = counts(net, average.source, average.params)
    if any(n & (n - 1) for n in numbers.tolist()):
        return None
    bits = int(numbers.max()).bit_length() - 1
    pool = net.exact_avgpool(pool_name(name, average), average.source, average.pooled, average.params, bits)
    return shaped(net, name, average, pool)


def rounded_average(net: Builder, name: str, average: Average, out: FixedType) -> str:
    """The average rounded once to ``out``.

    Raises:
        UnsupportedError: QKeras' float32 division may round another way.
    """
    largest = largest_sum(net, average)
    numbers = counts(net, average.source, average.params).tolist()
    if not all(single_rounding(largest, n, net[average.source].out.fraction, out) for n in numbers):
        raise UnsupportedError(
            f"layer '{average.layer}' averages sums of up to {largest.bit_length()} bits to {out}, "
            f"where float32 division (TensorFlow) may round another way than the exact average",
            expected="sum and result that fit 23 bits together",
            do=_FEWER,
        )
    pool = net.avgpool(pool_name(name, average), average.source, average.pooled, average.params, out)
    return shaped(net, name, average, pool)


def check_multiplied_back(net: Builder, sums: str, area: int, factor: float, activation: Any, where: str) -> None:
    """QKeras' quantized average computes ``sum / area * area * factor`` in float32: try every sum, with the activation behind it.

    TensorFlow's graph optimizer (in ``predict``) joins the two constants, so both orders of the product must give the same.

    Args:
        sums: the node that gives the exact sums.
        area: elements per window.
        factor: the quantized ``1 / area``.
        activation: what follows, or None.
        where: for messages.

    Raises:
        UnsupportedError: one of them is not ``sum * factor``, or there are too many to try.
    """
    low, high = net.range(sums).bounds
    if high - low >= FLOAT32 // 4:
        raise UnsupportedError(f"{where} averages sums of {(high - low).bit_length()} bits", expected="at most 22", do=_FEWER)
    exact = np.arange(low, high + 1) * (net[sums].out.lsb * factor)
    average = (np.arange(low, high + 1) * net[sums].out.lsb).astype(np.float32) / np.float32(area)
    wanted, eager, joined = exact.astype(np.float32), average * np.float32(area) * np.float32(factor), average * np.float32(area * factor)
    same = np.array_equal(wanted, exact)
    if activation is not None:
        wanted, eager, joined = (np.asarray(activation(v)) for v in (wanted, eager, joined))
    if not same or not np.array_equal(eager, wanted) or not np.array_equal(joined, wanted):
        raise UnsupportedError(
            f"{where} divides by {area} and multiplies by {area} again in float32, which changes some of its sums", do=_FEWER
        )
