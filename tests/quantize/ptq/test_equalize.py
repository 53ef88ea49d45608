"""Cross-layer equalisation: the same function, bit for bit, with balanced weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.keras_stack import load
from fpgacompress.quantize.ptq import equalize, folded_model
from fpgacompress.quantize.ptq.equalize import factors, pairs
from fpgacompress.train import logits_of
from quantize.models import L, mobile, scattered, signal


def uneven(model, seed=0):
    """The same layers with channels of very different sizes, as training with BatchNormalization leaves."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if len(weights := layer.get_weights()) == 2:
            gain = 2.0 ** rng.integers(-4, 5, weights[1].shape)
            layer.set_weights([weights[0] * gain, weights[1]] if weights[0].shape[-1] == len(gain) else weights)
    return model


def chain():
    keras = load().keras
    x = image = keras.Input((12, 12, 2), name="input")
    x = L.MaxPooling2D(2, name="max")(L.Conv2D(5, 3, activation="relu", padding="same", name="c1")(x))
    x = L.Dropout(0.3, name="drop")(L.ReLU(name="r1")(L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="d1")(x)))
    x = L.Flatten(name="flat")(L.Activation("relu", name="r2")(L.Conv2D(4, 1, name="c2")(x)))
    x = L.Dense(6, activation="relu", name="h1")(x)
    return uneven(scattered(keras.Model(image, L.Dense(3, name="logits")(x), name="chain"), 1))


@pytest.mark.parametrize("build", [chain, mobile, signal])
def test_outputs_stay_the_same_bit_for_bit(build):
    model = folded_model(build())
    x = np.random.default_rng(2).random((64, *model.input_shape[1:]), np.float32)
    names = [layer.name for layer in model.layers]
    before, weights = logits_of(model, x), [w for layer in model.layers for w in layer.get_weights()]
    found = equalize(model)
    assert any(np.any(pair.factors != 1) for pair in found)
    changed = [w for layer in model.layers for w in layer.get_weights()]
    assert any(not np.array_equal(a, b) for a, b in zip(weights, changed))
    assert np.array_equal(logits_of(model, x), before) and [layer.name for layer in model.layers] == names


def test_channels_are_balanced_within_the_half_step_of_a_power_of_two():
    model = folded_model(chain())
    spread = {name: ratio(model, name) for name in ("c1", "c2", "h1")}
    equalize(model)
    kernel1, kernel2 = (model.get_layer(name).get_weights()[0] for name in ("h1", "logits"))
    ratios = np.abs(kernel1).max(0) / np.abs(kernel2).max(1)
    assert np.all(ratios <= 2.0001) and np.all(
        ratios >= 0.4999
    )  # equation 11 makes both ranges equal; powers of two come within sqrt(2) of s
    assert all(ratio(model, name) < spread[name] for name in spread)


def ratio(model, name):
    """Largest over smallest range of a layer's output channels."""
    size = np.abs(model.get_layer(name).get_weights()[0])
    size = size.reshape(-1, size.shape[-1]).max(0)
    return size.max() / size.min()


def test_pairs_stop_at_branches_sums_and_bounded_activations():
    keras = load().keras
    x = image = keras.Input((8,), name="input")
    x = first = L.Dense(4, activation="relu", name="a")(x)
    x = L.Dense(4, activation="relu", name="b")(x)
    x = L.Add(name="sum")([x, first])
    x = L.ReLU(max_value=6, name="relu6")(L.Dense(4, name="c")(x))
    x = L.Dense(4, activation="tanh", name="d")(x)
    x = L.Dense(4, activation="relu", name="e")(x)
    model = keras.Model(image, L.Dense(2, name="f")(x))
    assert pairs(model) == [("e", "f")]


def test_a_shared_layer_is_left_alone():
    keras = load().keras
    image, shared = keras.Input((8,), name="input"), L.Dense(8, activation="relu", name="twice")
    model = keras.Model(image, L.Dense(2, name="out")(shared(shared(L.Dense(8, activation="relu", name="in")(image)))))
    assert pairs(model) == []


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_factors_are_powers_of_two_near_equation_11(ranges):
    first, second = (np.array(side) for side in zip(*ranges))
    s = factors(first, second)
    assert np.all(np.frexp(s)[0] == 0.5)
    live = (first > 2.0**-24 * first.max()) & (second > 2.0**-24 * second.max())
    exact = np.sqrt(first[live]) / np.sqrt(second[live])
    assert np.all(s[live] <= exact * 1.4143) and np.all(s[live] >= exact / 1.4143)
    assert np.all(s[~live] == 1)
