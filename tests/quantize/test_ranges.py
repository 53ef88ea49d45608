"""Fitted integer bits: best among the power-of-two ranges, checked against trying them all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.quantize.ranges import fit_bias, fit_integer, kernel_type, relu_type


@given(st.integers(2, 8), st.floats(1e-3, 100), st.integers(0, 2**31), st.booleans())
def test_every_value_is_within_reach(bits, scale, seed, signed):
    values = np.random.default_rng(seed).normal(0, scale, 200)
    values = values if signed else np.abs(values)
    integer = fit_integer(values, bits, signed=signed)
    kind = kernel_type(bits, integer) if signed else relu_type(bits, integer)
    assert np.abs(values).max() <= 2.0**integer
    assert np.abs(values).max() > 2.0 ** (integer - 2)
    assert np.abs(kind.to_float(kind.quantize(values)) - values).max() <= kind.lsb


def test_zeros_and_bias_headroom():
    assert fit_integer(np.zeros(5), 6, signed=True) == 0
    assert fit_bias(np.array([0.3, -0.9])) == 1
    assert fit_bias(np.zeros(3)) == 0
