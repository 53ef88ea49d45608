"""Quantizers with learned bits: values, gradients, and what they cost."""

import numpy as np
import pytest

from fpgacompress.keras_stack import load

stack = load()
tf, classes = stack.tf, stack.qkeras.quantizers
rng = np.random.default_rng(4)


def test_weights_are_those_of_quantized_bits_of_the_same_grid():
    x = rng.uniform(-0.9, 0.9, (20, 7)).astype(np.float32)
    for fraction in (2, 5, 9):
        fixed = stack.qkeras.quantized_bits(fraction + 2, 1, alpha=1)
        assert np.array_equal(classes.learned_bits((20, 7), fraction)(x), fixed(x))


def test_each_weight_has_its_own_grid():
    fraction = np.array([[0.4, 2.0], [3.6, -1.0]], np.float32)
    x = np.array([[0.6, 0.6], [0.6, 0.6]], np.float32)
    assert np.asarray(classes.learned_bits((2, 2), fraction)(x)).tolist() == [[1.0, 0.5], [0.625, 0.0]]


@pytest.mark.parametrize("shape", [(6, 4), (1, 4), (1, 1)])
def test_the_gradient_of_a_fraction_is_ln2_times_the_error_and_of_a_weight_one(shape):
    x = tf.Variable(rng.normal(0, 0.5, (6, 4)).astype(np.float32))
    quantizer = classes.learned_bits(shape, 3.0)
    upstream = rng.normal(size=(6, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        q = quantizer(x)
        total = tf.reduce_sum(q * upstream)
    of_x, of_fraction = tape.gradient(total, [x, quantizer.fraction])
    single = upstream * np.log(2.0) * (x.numpy() - q.numpy())
    axes = tuple(i for i in range(2) if shape[i] == 1)
    assert np.array_equal(of_x, upstream)
    assert np.allclose(of_fraction, single.sum(axes, keepdims=True) if axes else single, rtol=1e-5, atol=1e-7)


def test_bits_used_run_from_the_leading_one_to_the_last_place_and_are_0_for_pruned_weights():
    x = np.array([[0.5, 0.75, 3.0, 0.01, -0.25]], np.float32)
    quantizer = classes.learned_bits((1, 5), 3.0)
    with tf.GradientTape() as tape:
        bits = quantizer.used_bits(x)
        total = tf.reduce_sum(bits)
    assert np.asarray(bits).tolist() == [[3.0, 3.0, 5.0, 0.0, 2.0]]
    assert np.asarray(tape.gradient(total, quantizer.fraction)).tolist() == [[1.0, 1.0, 1.0, 0.0, 1.0]]


def test_a_pruned_weight_feels_the_price_of_a_bit_until_it_is_two_bits_from_coming_back():
    x = np.array([[0.5, 0.06, 0.02, 0.015, 0.0]], np.float32)  # in steps of 1/8: 4, 0.48, 0.16, 0.12 and 0
    for shape, felt in (((1, 5), [1.0, 1.0, 1.0, 0.0, 0.0]), ((1, 1), [1.0])):  # bits shared with others cost what the others have
        quantizer = classes.learned_bits(shape, 3.0)
        with tf.GradientTape() as tape:
            bits = quantizer.used_bits(x)
            total = tf.reduce_sum(bits)
        assert np.asarray(bits).tolist() == [[3.0, 0.0, 0.0, 0.0, 0.0]]
        assert np.ravel(tape.gradient(total, quantizer.fraction)).tolist() == felt


def test_an_activation_saturates_and_stops_the_gradient_outside():
    quantizer = classes.learned_activation((1,), 2.0, 1.0)
    x = tf.Variable([-1.0, 0.12, 0.13, 1.4, 1.9, 5.0])
    with tf.GradientTape() as tape:
        y = quantizer(x)
        total = tf.reduce_sum(y)
    assert y.numpy().tolist() == [0.0, 0.0, 0.25, 1.5, 1.75, 1.75]
    assert tape.gradient(total, x).numpy().tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]


def test_an_input_is_cut_off_towards_minus_infinity():
    quantizer = classes.learned_activation((1,), 1.0, 2.0, signed=True, rounding="truncate")
    assert np.asarray(quantizer(np.array([-9.0, -0.1, 0.6, 3.99], np.float32))).tolist() == [-4.0, -0.5, 0.5, 3.5]
    assert quantizer.used_bits().numpy().tolist() == [4.0]


@pytest.mark.parametrize("signed", [False, True])
def test_a_range_is_pulled_up_by_what_saturates_and_by_nothing_else(signed):
    quantizer = classes.learned_activation((1,), 2.0, 1.0, signed=signed)
    x = np.array([0.3, -0.4, 1.2, 2.5, -7.0], np.float32)
    upstream = np.array([3.0, 5.0, 7.0, 0.5, -0.25], np.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(quantizer(x) * upstream)
    felt = 0.5 + (0.25 if signed else 0.0)  # of the value above, and, where the range has a lower end, of that below
    assert tape.gradient(total, quantizer.range).numpy().tolist() == pytest.approx([2.0 * np.log(2.0) * felt])


def test_an_activation_keeps_one_bit_and_a_weight_need_not():
    assert classes.learned_activation((1,), -8.0, 0.0).fractions.tolist() == [1]
    assert not np.any(classes.learned_bits((3, 3), -8.0)(np.full((3, 3), 9.0, np.float32)))


def test_qdense_trains_the_fractions_and_frozen_ones_stay():
    keras, qkeras = stack.keras, stack.qkeras
    layer = qkeras.QDense(3, kernel_quantizer=classes.learned_bits((5, 3), 4.0), use_bias=False, name="fc")
    model = keras.Sequential([keras.layers.Input((5,)), layer])
    assert [v.shape for v in model.trainable_variables] == [(5, 3), (5, 3)]
    layer.kernel_quantizer_internal.frozen = True
    assert [v.name for v in model.trainable_variables] == ["fc/kernel:0"] and len(model.weights) == 2
