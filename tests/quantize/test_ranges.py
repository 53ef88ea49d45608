"""Fitted integer bits: best among the power-of-two ranges, checked against trying them all; saturation counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.integer.types import FixedType
from fpgacompress.quantize.ranges import (
    CHANNEL_WIDTH,
    fit_bias,
    fit_channels,
    fit_levels,
    kernel_levels,
    kernel_type,
    measured,
    relu_levels,
    relu_type,
)

kernels = st.one_of(st.integers(2, 8), st.sampled_from(["ternary", "binary"]))


def fit_integer(values, bits, *, signed, ranges="max", percentile=99.9):
    return fit_levels(values, kernel_levels(bits) if signed else relu_levels(bits), ranges, percentile)


def magnitudes(scale, seed, signed):
    values = np.random.default_rng(seed).normal(0, scale, 200)
    return values if signed else np.abs(values)


@given(st.integers(2, 8), st.floats(1e-3, 100), st.integers(0, 2**31), st.booleans())
def test_max_holds_every_value_and_no_smaller_range_does(bits, scale, seed, signed):
    values = magnitudes(scale, seed, signed)
    integer = fit_integer(values, bits, signed=signed)
    assert 2.0 ** (integer - 1) < np.abs(values).max() <= 2.0**integer


@given(kernels, st.floats(1e-3, 100), st.integers(0, 2**31))
def test_mse_is_the_least_of_all_ranges(kernel, scale, seed):
    values, levels = magnitudes(scale, seed, True), kernel_levels(kernel)

    def error(integer):
        return np.mean((levels.quantize(values, integer) - values) ** 2)

    best, top = fit_levels(values, levels, "mse"), fit_levels(values, levels)
    assert error(best) <= min(error(i) for i in range(top - 7, top + 3)) * (1 + 1e-6)


@given(st.integers(2, 8), st.floats(1e-3, 100), st.floats(50.1, 100), st.integers(0, 2**31), st.booleans())
def test_percentile_leaves_no_larger_share_beyond_the_range_and_no_smaller_range_does(bits, scale, percentile, seed, signed):
    values = magnitudes(scale, seed, signed)
    integer = fit_integer(values, bits, signed=signed, ranges="percentile", percentile=percentile)
    allowed = 1 - percentile / 100 + 1 / len(values)  # numpy interpolates between two values
    assert np.mean(np.abs(values) > 2.0**integer) <= allowed
    assert 2.0 ** (integer - 1) < np.percentile(np.abs(values), percentile)
    assert integer <= fit_integer(values, bits, signed=signed)


@given(st.integers(2, 16), st.integers(-8, 8), st.booleans(), st.integers(0, 2**31))
def test_levels_are_those_of_the_fixed_point_type(bits, integer, signed, seed):
    values = magnitudes(2.0**integer, seed, signed)
    type_ = kernel_type(bits, integer) if signed else relu_type(bits, integer)
    levels = kernel_levels(bits) if signed else relu_levels(bits)
    assert np.array_equal(levels.quantize(values, integer), type_.to_float(type_.quantize(values)))
    beyond = (values > type_.maximum + type_.lsb / 2) | (values < type_.minimum - type_.lsb / 2)
    assert levels.saturated(values, integer) == beyond.mean()


def test_ternary_and_binary_levels():
    values = np.array([-3.0, -0.26, -0.24, 0.0, 0.24, 0.26, 3.0])
    assert kernel_levels("ternary").quantize(values, 0).tolist() == [-0.5, -0.5, 0, 0, 0, 0.5, 0.5]
    assert kernel_levels("binary").quantize(values, -1).tolist() == [-0.25, -0.25, -0.25, 0.25, 0.25, 0.25, 0.25]


@given(kernels, st.integers(0, 2**31), st.integers(1, 2), st.integers(1, 4))
def test_each_channel_is_fitted_alone_and_all_share_a_type_that_can_be_built(kernel, seed, axes, multiplier):
    rng = np.random.default_rng(seed)
    shape = (3, 3, 5, multiplier) if axes == 2 else (9, 5 * multiplier)
    values = rng.normal(size=shape) * 2.0 ** rng.integers(-30, 3, shape[-axes:])
    bits, levels = {"ternary": 2, "binary": 2}.get(kernel, kernel), kernel_levels(kernel)
    integer = fit_channels(values, axes, bits, lambda v: fit_levels(v, levels, "mse"))
    assert integer.shape == shape[-axes:]
    assert integer.max() - integer.min() <= CHANNEL_WIDTH - bits
    columns = values.reshape(-1, int(np.prod(shape[-axes:]))).T
    alone = np.array([fit_levels(column, levels, "mse") for column in columns]).reshape(integer.shape)
    kept = integer > integer.max() - (CHANNEL_WIDTH - bits)
    assert np.array_equal(integer[kept], alone[kept]) and (integer >= alone).all()
    stored = levels.quantize(values, integer) * 2.0 ** (CHANNEL_WIDTH - 1 - integer.max())
    assert np.array_equal(stored, np.rint(stored)) and np.abs(stored).max() <= 2 ** (CHANNEL_WIDTH - 1)


def test_a_channel_of_zeros_takes_the_range_of_the_widest():
    values = np.array([[0.0, 0.3, 3.0], [0.0, -0.1, 1.0]])
    assert fit_channels(values, 1, 4, lambda v: fit_levels(v, kernel_levels(4))).tolist() == [2, -1, 2]
    assert fit_channels(np.zeros((2, 3)), 1, 4, lambda v: fit_levels(v, kernel_levels(4))).tolist() == [0, 0, 0]


def test_zeros_and_bias_headroom():
    assert fit_integer(np.zeros(5), 6, signed=True) == 0
    assert fit_integer(np.r_[np.zeros(5000), 3.0], 6, signed=False, ranges="percentile") == 2
    weights = np.array([[0.7, -0.2]])
    assert fit_bias(np.array([0.3, -0.9]), weights) == 1
    assert fit_bias(np.zeros(3), weights) == 0
    assert fit_bias(np.array([1e-4, -2e-4]), weights) == -2  # a quarter of the largest weight's range


def test_a_record_measures_the_tensor():
    values = np.array([0.1, 0.5, 0.99, -1.0, 1.7])
    record = measured("l", "kernel", 4, 0, "given", values, kernel_levels(4))
    type_ = FixedType(4, 1, True, "RND_CONV", "SAT")
    assert (record.largest, record.saturation) == (1.7, 0.4)  # 0.99 and 1.7 lie beyond 0.875 + 0.0625
    assert record.mse == pytest.approx(np.mean((type_.to_float(type_.quantize(values)) - values) ** 2))
    assert record.to_json()["integer"] == 0
