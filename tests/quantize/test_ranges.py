"""Fitted integer bits: best among the power-of-two ranges, checked against trying them all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.quantize.ranges import fit_bias, fit_integer, kernel_type, relu_type


def magnitudes(scale, seed, signed):
    values = np.random.default_rng(seed).normal(0, scale, 200)
    return values if signed else np.abs(values)


@given(st.integers(2, 8), st.floats(1e-3, 100), st.integers(0, 2**31), st.booleans())
def test_max_holds_every_value_and_no_smaller_range_does(bits, scale, seed, signed):
    values = magnitudes(scale, seed, signed)
    integer = fit_integer(values, bits, signed=signed)
    assert 2.0 ** (integer - 1) < np.abs(values).max() <= 2.0**integer


@given(st.integers(2, 8), st.floats(1e-3, 100), st.integers(0, 2**31), st.booleans())
def test_mse_is_the_least_of_all_ranges(bits, scale, seed, signed):
    values = magnitudes(scale, seed, signed)
    kind = kernel_type if signed else relu_type

    def error(integer):
        t = kind(bits, integer)
        return np.mean((t.to_float(t.quantize(values)) - values) ** 2)

    best = fit_integer(values, bits, signed=signed, ranges="mse")
    top = fit_integer(values, bits, signed=signed)
    assert error(best) <= min(error(i) for i in range(top - 5, top + 2)) * (1 + 1e-6)


def test_zeros_and_bias_headroom():
    assert fit_integer(np.zeros(5), 6, signed=True) == 0
    assert fit_bias(np.array([0.3, -0.9])) == 1
    assert fit_bias(np.zeros(3)) == 0
