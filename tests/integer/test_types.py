"""FixedType against exact rational arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS, FixedType

types = st.builds(FixedType, st.integers(1, 20), st.integers(-6, 14), st.booleans(), st.sampled_from(ROUNDINGS), st.sampled_from(OVERFLOWS))


def exact_round(value: Fraction, rounding: str) -> int:
    if rounding == "TRN":
        return math.floor(value)
    if rounding == "RND":
        return math.floor(value + Fraction(1, 2))
    return round(value)  # Python rounds fractions half to even


def exact_cast(value: Fraction, kind: FixedType) -> int:
    """What UG1399 says an assignment to ap_fixed does, on exact numbers."""
    n = exact_round(value * Fraction(2) ** kind.fraction, kind.rounding)
    high = 2 ** (kind.width - 1) - 1 if kind.signed else 2**kind.width - 1
    low = -(2 ** (kind.width - 1)) if kind.signed else 0
    if kind.overflow == "WRAP":
        return (n - low) % 2**kind.width + low
    if kind.overflow == "SAT_SYM" and kind.signed:
        low = -high
    return min(max(n, low), high)


@example(FixedType(13, -6, False, "TRN", "SAT"), 2**36, -8)  # the shift up leaves int64
@example(FixedType(13, -6, True, "TRN", "WRAP"), 2**36 + 1, -60)
@given(types, st.integers(-(2**40), 2**40), st.integers(-60, 60))
def test_cast_is_exact(kind, stored, fraction):
    want = exact_cast(Fraction(stored) / Fraction(2) ** fraction, kind)
    assert int(kind.cast(np.array([stored]), fraction)[0]) == want


@given(types, st.floats(-1e6, 1e6, allow_subnormal=False))
def test_quantize_is_exact(kind, value):
    assert int(kind.quantize(np.array([value]))[0]) == exact_cast(Fraction(value), kind)


@given(types)
def test_text_form_reads_back(kind):
    assert FixedType.parse(str(kind)) == kind
    assert FixedType.parse("ap_" + str(kind)) == kind


@given(types, st.data())
def test_levels_survive_the_float_world(kind, data):
    stored = np.array([data.draw(st.integers(kind.low, kind.high))])
    assert kind.exactly(kind.to_float(stored)) == stored
    assert kind.quantize(kind.to_float(stored)) == stored


@given(st.integers(-(2**30), 2**30), st.integers(-(2**30), 2**30), st.integers(-5, 20))
def test_holding_is_smallest(a, b, fraction):
    low, high = min(a, b), max(a, b)
    kind = FixedType.holding(low, high, fraction)
    assert kind.low <= low and high <= kind.high and kind.fraction == fraction
    if kind.width > 1:
        smaller = FixedType(kind.width - 1, kind.width - 1 - fraction, kind.signed)
        assert low < smaller.low or high > smaller.high


def test_shifts_beyond_the_word_are_defined():
    kind = FixedType(8, 200, True, "RND_CONV", "SAT")
    assert kind.cast(np.array([-5, 5]), 0).tolist() == [0, 0]


@pytest.mark.parametrize("text", ["fixed<8>", "float", "fixed<8,3,ROUND>", "ufixed<0,3>", ""])
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError):
        FixedType.parse(text)


@pytest.mark.parametrize("value", [0.3, 100.0, float("nan"), float("inf")])
def test_values_off_the_grid_are_refused(value):
    with pytest.raises(ValueError, match="not one of the levels"):
        FixedType(8, 3).exactly(np.array([0.5, value]))


def test_nan_is_never_stored():
    with pytest.raises(ValueError, match="NaN"):
        FixedType(8, 3, True, "RND", "SAT").quantize(np.array([float("nan")]))
