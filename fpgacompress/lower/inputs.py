"""The type of a model's input where nobody gave one: what the model distinguishes, else what the data need, else a stated default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import DataError, ModelError, UnsupportedError
from ..integer.types import FixedType, integer_bits_for
from .quantizers import fixed_type

DEFAULT = FixedType(16, 6, True, "RND_CONV", "SAT")
"""hls4ml's default width and range."""
GRID_BITS = 16
FLOAT32_BITS = 24


def parse_type(text: str) -> FixedType:
    """A type that a person wrote; data are rounded half to even and saturated into it unless the text says otherwise.

    Raises:
        ModelError: no fixed-point type, or wider than the 24 bits that float32 holds.
    """
    try:
        kind = FixedType.parse(text)
    except ValueError as error:
        raise ModelError(f"input type: {error}", expected="a type such as fixed<8,3> or ufixed<8,0>") from None
    return replace(kind, rounding="RND_CONV", overflow="SAT") if text.count(",") == 1 else kind


def check_type(kind: FixedType) -> FixedType:
    """``kind`` itself when Keras' float32 holds every value of it.

    Raises:
        UnsupportedError: it is wider than 24 bits.
    """
    if kind.width > FLOAT32_BITS:
        raise UnsupportedError(f"the input type {kind} does not fit the float32 of Keras", expected=f"at most {FLOAT32_BITS} bits")
    return kind


def _grid(data: np.ndarray) -> FixedType | None:
    """The smallest type that holds every value exactly, or None when that takes more than :data:`GRID_BITS` bits."""
    mantissa, exponent = np.frexp(data[data != 0])
    if not mantissa.size:
        return FixedType(1, 1, False)
    whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)  # exact: a float64 has 53 bits
    trailing = np.bitwise_count((whole & -whole) - 1).astype(np.int64)
    fraction = int((53 - exponent.astype(np.int64) - trailing).max())
    if int(exponent.max()) + fraction > GRID_BITS + 1:
        return None
    low, high = data.min() * 2.0**fraction, data.max() * 2.0**fraction
    kind = FixedType.holding(min(int(low), 0), max(int(high), 0), fraction)
    return replace(kind, rounding="RND_CONV", overflow="SAT") if kind.width <= GRID_BITS else None


def _own_quantizer(model: Any) -> tuple[FixedType, str] | None:
    """Type and name of the quantizer that is all the model does with its input, if it is a plain cast."""
    input_layer = model.inputs[0]._keras_history.layer
    readers = [node.layer for node in input_layer.outbound_nodes]
    if len(readers) != 1 or type(readers[0]).__name__ != "QActivation":
        return None
    quantizer = readers[0].quantizer
    if type(quantizer).__name__ not in ("quantized_bits", "quantized_relu") or getattr(quantizer, "negative_slope", 0):
        return None
    try:
        return fixed_type(quantizer, f"layer '{readers[0].name}'"), readers[0].name
    except UnsupportedError:
        return None  # lowering says why, with the layer


def checked_data(data: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Samples as float64, (n, *shape).

    Raises:
        DataError: not numbers, not finite, no samples, or samples of another size.
    """
    data = np.asarray(data)
    size = int(np.prod(shape))
    if data.dtype.kind not in "biuf":
        raise DataError(f"data of dtype {data.dtype}", expected="numbers")
    if data.ndim < 1 or not data.size or int(np.prod(data.shape[1:])) != size:
        wanted = ", ".join(map(str, shape))
        raise DataError(f"data of shape {data.shape}", expected=f"(samples, {wanted}), as the model's input")
    data = data.astype(np.float64)
    if not np.isfinite(data).all():
        raise DataError("data with NaN or infinite values", do="remove or replace them")
    return data.reshape(-1, *shape)


def find_type(model: Any, data: np.ndarray | None = None) -> tuple[FixedType, str]:
    """The input type of a model, and the sentence that states where it comes from.

    Args:
        model: tf_keras model with one input.
        data: real samples as the model reads them, (n, *input shape), finite.

    Raises:
        UnsupportedError: the model's own input quantizer has more than 24 bits.
    """
    own = _own_quantizer(model)
    if own:
        kind, layer = own
        return check_type(kind), f"input type {kind}: the model's first layer '{layer}' casts its input to it, so nothing finer matters"
    if data is None:
        return DEFAULT, f"input type {DEFAULT} was assumed (hls4ml's default), because neither a type nor data were given"
    kind = _grid(data)
    if kind:
        return kind, f"input type {kind}: the smallest that holds all {data.size} values of the data exactly"
    low, high = float(data.min()), float(data.max())
    signed = low < 0
    kind = FixedType(GRID_BITS, integer_bits_for(low, high, signed), signed, "RND_CONV", "SAT")
    return kind, f"input type {kind} was assumed: {GRID_BITS} bits that cover the data's range {low:g} to {high:g}"


def store_data(data: np.ndarray, kind: FixedType) -> tuple[np.ndarray, str | None]:
    """Stored integers of real samples, and a sentence when values had to be changed.

    Args:
        data: finite, any shape.
        kind: the input type.
    """
    stored = kind.quantize(data)
    changed = np.abs(kind.to_float(stored) - data)
    count = int(np.count_nonzero(changed))
    if not count:
        return stored, None
    outside = int(np.count_nonzero((data < kind.minimum - kind.lsb / 2) | (data > kind.maximum + kind.lsb / 2)))
    beyond = f", {outside} of them because they are outside its range" if outside else ""
    return (
        stored,
        f"{count} of {data.size} values of the data were changed by the input type {kind}, by at most {changed.max():.3g}{beyond}",
    )
