"""Quantizers that cut low bits off: exact levels, straight-through gradients, every file format, float64, and the same bits in hardware."""

import numpy as np
import pytest
from firmware.exact import assert_exact as assert_firmware_exact
from hypothesis import given, settings
from hypothesis import strategies as st
from lower.exact import assert_exact
from lower.models import L, Q, keras, qkeras, scatter, stack
from lower.test_quantizers import assert_equal_everywhere, grids

from fpgacompress.errors import ModelError
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType
from fpgacompress.integer.widths import channel_bits
from fpgacompress.keras_stack import float64, load_model
from fpgacompress.lower.quantizers import fixed_type
from fpgacompress.metrics.cost import ebops
from fpgacompress.metrics.csd import span_bits

tf = stack.tf
bits, relu = qkeras.quantizers.truncated_bits, qkeras.quantizers.truncated_relu
PIXELS = FixedType(8, 0, False)


@settings(max_examples=100)
@given(st.sampled_from([bits, relu]), st.integers(2, 10), st.integers(-4, 6), grids())
def test_integers_are_those_of_the_quantizer(kind, width, integer, grid):
    assert_equal_everywhere(kind(width, integer), grid)


@settings(max_examples=50)
@given(st.sampled_from([bits, relu]), st.integers(2, 10), st.integers(-4, 6), st.integers(0, 2**31))
def test_float32_results_are_floors_whatever_the_input(kind, width, integer, seed):
    """Also for inputs with all 24 bits of float32, of every size, where QKeras' own ``x + (-x + q)`` may round."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=500) * 2.0 ** rng.integers(-40, 20, 500)).astype(np.float32)
    type = fixed_type(kind(width, integer), "x")
    assert np.array_equal(np.asarray(kind(width, integer)(x), np.float64), type.to_float(type.quantize(x.astype(np.float64))))


each = qkeras.quantizers.truncated_each


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([(5,), (3, 2)]))
def test_elements_are_cast_to_types_of_their_own(seed, signed, shape):
    rng = np.random.default_rng(seed)
    widths, integer = rng.integers(0, 9, shape), rng.integers(-3, 5, shape)
    quantizer = each.from_config(each(widths, integer, signed).get_config())
    x = (rng.normal(size=(200, *shape)) * 2.0 ** rng.integers(-6, 7, (200, *shape))).astype(np.float32)
    got = np.asarray(quantizer(x), np.float64)
    for place in np.ndindex(*shape):
        column = got[(slice(None), *place)]
        if not widths[place]:
            assert not column.any()
            continue
        type = FixedType(int(widths[place]), int(integer[place]) + signed, signed, "TRN", "SAT")
        assert np.array_equal(column, type.to_float(type.quantize(x[(slice(None), *place)].astype(np.float64))))


def per_feature():
    """Bits per feature at the input, then one dense layer."""
    x = first = L.Input((4,))
    x = qkeras.QActivation(each([4, 0, 7, 2], [1, 0, 2, 2], True), name="front")(x)
    return keras.Model(first, qkeras.QDense(3, name="out", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x))


def test_bits_per_element_survive_files_and_lowering(tmp_path):
    model, kind = scatter(per_feature()), FixedType(10, 3)
    path = tmp_path / "m.h5"
    model.save(path)
    assert_exact(load_model(path), kind)
    network = assert_exact(model, kind)
    assert [n.op for n in network.nodes] == ["input", "quantize_each", "dense"]
    assert str(network.nodes[1].out) == "fixed<7,3,TRN,SAT>"
    assert channel_bits(network, "front").tolist() == [4, 0, 7, 2]
    spans = span_bits(network.output.kernel.values).sum(axis=1)
    assert ebops(network).value == int((spans * [4, 0, 7, 2]).sum())


def test_bits_per_channel_behind_an_average():
    x = first = L.Input((4, 4, 2))
    x = qkeras.QActivation(each([5, 2], [1, 2]), name="act")(L.AveragePooling2D(2)(x))
    x = qkeras.QDense(3, name="out", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(L.Flatten()(x))
    assert_exact(scatter(keras.Model(first, x)), FixedType(8, 3))


@pytest.mark.parametrize("arguments", [([4, 3], [1]), ([4.5], [1]), ([25], [0]), ([], [])])
def test_bits_per_element_are_whole_numbers_of_one_shape(arguments):
    with pytest.raises(ModelError, match="Expected: two arrays of one shape, of whole numbers, 0 to 24 bits"):
        each(*arguments)


def test_types_are_those_of_hardware():
    assert str(fixed_type(relu(6, 2), "x")) == "ufixed<6,2,TRN,SAT>"
    assert str(fixed_type(bits(6, 2), "x")) == "fixed<6,3,TRN,SAT>"


@pytest.mark.parametrize("cut, rounded", [(bits(4, 1), qkeras.quantized_bits(4, 1, alpha=1)), (relu(4, 1), qkeras.quantized_relu(4, 1))])
def test_gradients_are_those_of_the_rounding_quantizer(cut, rounded):
    x = tf.constant(np.linspace(-5, 5, 201), tf.float32)
    gradients = []
    for quantizer in (cut, rounded):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = quantizer(x)
        gradients.append(tape.gradient(y, x).numpy())
    inside = np.abs(np.abs(x.numpy()) - 1.9375) > 0.1  # the two saturate half a step apart
    assert np.array_equal(gradients[0][inside], gradients[1][inside]) and gradients[0].any()


def test_half_quantized_lies_between():
    x = np.linspace(-1, 5, 50).astype(np.float32)
    full, none, half = (np.asarray(relu(3, 2, qnoise_factor=f)(x)) for f in (1.0, 0.0, 0.5))
    assert np.allclose(none, np.clip(x, 0, 3.5)) and np.allclose(half, (full + none) / 2)


@pytest.mark.parametrize("form", ["m.h5", "m.keras", "m"])
@pytest.mark.parametrize("quantizer", ["truncated_relu(5,-1)", "truncated_bits(5,2)", relu(4, 1), bits(4, 1)], ids=str)
def test_every_file_format_keeps_them(quantizer, form, tmp_path):
    inside = quantizer if isinstance(quantizer, str) else type(quantizer)(**quantizer.get_config())
    model = keras.Sequential(
        [L.Input((4,)), qkeras.QDense(6, name="fc", activation=inside, **Q), qkeras.QActivation(quantizer, name="act")]
    )
    model.save(str(tmp_path / form))
    again = load_model(tmp_path / form)
    assert str(again.get_layer("act").quantizer) == str(again.get_layer("fc").activation) == str(quantizer)
    x = np.random.default_rng(0).normal(0, 3, (50, 4)).astype(np.float32)
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_they_compute_in_float64_when_asked():
    """Just below a level, nearer than float32 can tell."""
    model = keras.Sequential([L.Input((1,)), qkeras.QActivation("truncated_bits(4,1)", name="act")])
    x = np.array([[0.5 - 2.0**-40]])
    with float64(model) as wide:
        assert wide.predict(x, verbose=0).dtype == np.float64 and wide.predict(x, verbose=0)[0, 0] == 0.25
    assert model.predict(x.astype(np.float32), verbose=0)[0, 0] == 0.5


def test_wrong_settings_are_refused():
    for wrong in (lambda: relu(0, 1), lambda: bits(1, 0), lambda: bits(4.5, 0), lambda: relu(25, 3)):
        with pytest.raises(ModelError, match="truncated_.*whole numbers"):
            wrong()


def mlp():
    x = image = L.Input((49,), name="image")
    for i in (1, 2):
        x = qkeras.QActivation(f"truncated_relu({5 - i},2)", name=f"relu{i}")(qkeras.QDense(12, name=f"fc{i}", **Q)(x))
    return scatter(keras.Model(image, qkeras.QDense(10, name="logits", **Q)(x), name="mlp"))


def cnn():
    """Truncation behind a convolution, a sum, an average that does not divide exactly, and inside a layer; signed and not."""
    x = image = L.Input((8, 8, 1), name="image")
    x = qkeras.QActivation("truncated_relu(5,2)", name="r1")(qkeras.QConv2D(3, 3, padding="same", name="c1", **Q)(x))
    y = qkeras.QActivation("truncated_bits(5,2)", name="s2")(qkeras.QConv2D(3, 3, padding="same", name="c2", **Q)(x))
    x = qkeras.QActivation("truncated_relu(4,2)", name="r3")(L.Add(name="add")([x, y]))
    x = qkeras.QActivation("truncated_bits(5,2)", name="a4")(L.AveragePooling2D((3, 2), name="avg")(x))
    x = qkeras.QDense(6, name="inside", activation="truncated_relu(4,1)", **Q)(L.Flatten(name="flat")(x))
    return scatter(keras.Model(image, qkeras.QDense(10, name="logits", **Q)(x), name="cnn"))


@pytest.mark.parametrize("make", [mlp, cnn])
def test_models_lower_exactly(make):
    network = assert_exact(make(), PIXELS)
    assert {n.out.rounding for n in network.nodes if n.name.startswith(("relu", "r1", "s2", "r3", "a4"))} == {"TRN"}


@pytest.mark.slow
@pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")
@pytest.mark.parametrize("backend, io", [("Vitis", "io_parallel"), ("Vivado", "io_stream")])
@pytest.mark.parametrize("make", [mlp, cnn])
def test_hardware_cuts_off_the_same_bits(make, backend, io, tmp_path):
    assert_firmware_exact(assert_exact(make(), PIXELS), tmp_path, io, backend=backend)
