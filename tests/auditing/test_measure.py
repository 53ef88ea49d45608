"""Saturation, underflow, unused bits and sums, counted by hand."""

import numpy as np
import pytest

from fpgacompress import keras_stack
from fpgacompress.auditing import audit

stack = keras_stack.load()
keras, qkeras = stack.keras, stack.qkeras
ONE = {"kernel_quantizer": "quantized_bits(4,2,alpha=1)", "use_bias": False}


def passing(activation, inside):
    """One value through a kernel of 1 and an activation."""
    layers = [qkeras.QDense(1, name="fc", **ONE, activation=activation)] if inside else None
    layers = layers or [qkeras.QDense(1, name="fc", **ONE), qkeras.QActivation(activation, name="fc_act")]
    net = keras.Sequential([keras.Input((1,)), *layers])
    net.get_layer("fc").set_weights([np.ones((1, 1))])
    return net


def column(*values):
    return np.array(values, np.float64)[:, None]


@pytest.mark.parametrize("inside", [True, False])
def test_a_relu_saturates_above_only_and_underflows_above_zero_only(inside):
    x = column(-5, -0.01, 0, 0.01, 0.1, 0.2, 1, 1.9, 2.2, 3)  # quantized_relu(4,1): 0 to 1.875, step 0.125
    (row,) = audit(passing("quantized_relu(4,1)", inside), x).activations
    assert row.name == "fc_act" and row.values == 10
    assert (row.saturated, row.underflow, row.negative, row.unused_bits) == (2 / 10, 1 / 7, 0, 0)


@pytest.mark.parametrize("inside", [True, False])
def test_a_signed_quantizer_saturates_on_both_sides(inside):
    x = column(-5, -2, -0.1, 0, 0.1, 1, 1.8, 5)  # quantized_bits(4,1): -2 to 1.75, step 0.25
    (row,) = audit(passing("quantized_bits(4,1,alpha=1)", inside), x).activations
    assert (row.saturated, row.underflow, row.negative) == (2 / 8, 2 / 7, 2 / 8)


def test_bits_that_no_result_needs_are_counted():
    (row,) = audit(passing("quantized_relu(8,4)", False), column(0, 1, 3.5)).activations
    assert row.unused_bits == 2
    (row,) = audit(passing("quantized_bits(8,4,alpha=1)", False), column(-4, 3.5)).activations
    assert row.unused_bits == 2


def test_results_that_never_change_are_counted():
    (row,) = audit(passing("quantized_relu(4,1)", False), column(-1, -2, -3)).activations
    assert (row.constant, row.dead, row.elements) == (1, 1, 1)


def test_measuring_leaves_the_model_as_it_was():
    net = passing("quantized_relu(4,1)", True)
    before = net.predict(column(0.5, 7), verbose=0)
    audit(net, column(0.5, 7))
    assert np.array_equal(net.predict(column(0.5, 7), verbose=0), before) and before.max() == 1.875
