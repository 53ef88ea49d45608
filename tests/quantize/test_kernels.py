"""Weight quantizers: numpy's levels are Keras' levels, they train, survive files, lower exactly, and a dead start is noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress import zoo
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import float64, load, load_model, save_model
from fpgacompress.quantize.build import build_student, quantized_kernel
from fpgacompress.quantize.kernels import kernel_quantizer
from fpgacompress.quantize.ranges import kernel_levels
from fpgacompress.quantize.start import start_of
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import TrainConfig, fit, logits_of
from fpgacompress.train.loop import shaped

from .models import assert_student_exact

kernels = st.one_of(st.integers(2, 10), st.sampled_from(["ternary", "binary"]))


@settings(max_examples=60)
@given(kernels, st.booleans(), st.integers(0, 2**31))
def test_keras_delivers_exactly_the_levels_that_were_fitted(kernel, per_channel, seed):
    rng = np.random.default_rng(seed)
    integer = rng.integers(-9, 6, 5) if per_channel else int(rng.integers(-9, 6))
    values = (rng.normal(size=(40, 5)) * 2.0 ** rng.integers(-3, 3, 5) * 2.0**integer).astype(np.float32)
    values[0] = 0
    quantizer = kernel_quantizer(kernel, integer)
    assert np.array_equal(np.asarray(quantizer(values), np.float64), kernel_levels(kernel).quantize(values.astype(np.float64), integer))


@pytest.mark.parametrize("kernel", [4, "ternary", "binary"])
@pytest.mark.parametrize("integer", [-2, np.array([-3, 0, 1])], ids=["tensor", "channel"])
def test_the_gradient_passes_straight_through(kernel, integer):
    tf, quantizer = load().tf, kernel_quantizer(kernel, integer)
    values = tf.constant(np.random.default_rng(0).normal(0, 2, (6, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = tf.reduce_sum(quantizer(values) * 3.0)
    assert np.array_equal(tape.gradient(result, values), np.full((6, 3), 3.0))


def test_part_of_the_noise_mixes_real_weights_in():
    quantizer = kernel_quantizer(3, np.array([0, 1]))
    values = np.array([[0.3, 0.3]], np.float32)
    quantizer.update_qnoise_factor(0.5)
    assert np.allclose(quantizer(values), [[(0.3 + 0.25) / 2, (0.3 + 0.5) / 2]])


def test_wrong_settings_of_the_channel_quantizer_are_refused():
    for bits, integer in ((0, [1]), (4, [0.5]), (30, [0])):
        with pytest.raises(ModelError, match="channel_bits"):
            load().qkeras.quantizers.channel_bits(bits, integer)


CASES = [("ternary", "tensor"), ("ternary", "channel"), ("binary", "tensor"), ("binary", "channel"), ("int4", "channel")]


@pytest.mark.parametrize(("preset", "scales"), CASES)
def test_students_train_and_stay_exact(preset, scales, trained_mlp, tmp_path):
    model, data = trained_mlp
    section = QuantizeSection(preset=preset, scales=scales)
    student = build_student(model, section, shaped(model, data.x[:256])).model
    before = quantized_kernel(student.get_layer("hidden2"))
    fit(student, data, TrainConfig(2, learning_rate=2e-3, batch_size=64, seed=5))
    accuracy = float((logits_of(student, data.x_val).argmax(1) == data.y_val).mean())
    assert accuracy > 0.68  # ten classes; before training about 0.35 to 0.55
    after = quantized_kernel(student.get_layer("hidden2"))
    assert not np.array_equal(before, after)
    sizes = {"ternary": 3, "binary": 2}.get(preset, 16)
    assert max(len(np.unique(column)) for column in after.T) <= sizes
    network = assert_student_exact(student, data.x_val, tmp_path / "m.h5")
    assert len(network.weighted) == 3


def test_channel_ranges_survive_both_kinds_of_file(tmp_path):
    model = zoo.build("mlp", (20,), 5, {"hidden": [9]})
    student = build_student(model, QuantizeSection(scales="channel"), np.ones((4, 20), np.float32)).model
    again = load_model(save_model(student, tmp_path / "m.h5"))
    student.save(tmp_path / "m.keras")
    third = load_model(tmp_path / "m.keras")
    wanted = student.get_layer("hidden1").kernel_quantizer_internal.integer
    assert len(wanted) == 9
    for other in (again, third):
        assert other.get_layer("hidden1").kernel_quantizer_internal.integer == wanted
        assert np.array_equal(quantized_kernel(student.get_layer("hidden1")), quantized_kernel(other.get_layer("hidden1")))


def test_channel_ranges_are_the_same_in_float64():
    model, x = tiny()
    student = build_student(model, QuantizeSection(preset="int4", scales="channel", input=5), x).model
    narrow = student.predict(x, verbose=0)
    with float64(student) as wide:
        assert np.array_equal(wide.predict(x.astype(np.float64), verbose=0), narrow.astype(np.float64))


def tiny(hidden=50, seed=0):
    """A float MLP 20-50-5 with weights of 0.05, and samples."""
    model = zoo.build("mlp", (20,), 5, {"hidden": [hidden]})
    rng = np.random.default_rng(seed)
    model.get_layer("hidden1").set_weights([rng.normal(0, 0.05, (20, hidden)), np.zeros(hidden)])
    return model, rng.normal(size=(16, 20)).astype(np.float32)


def test_dead_start_is_refused_with_its_numbers():
    """The published demos quantize every first-layer weight to zero before training starts; ours refuses to begin."""
    model, x = tiny()
    section = QuantizeSection(layers={"hidden1": LayerBits(kernel=4, kernel_integer=4)})
    largest = np.abs(model.get_layer("hidden1").kernel).max()
    with pytest.raises(
        ModelError, match=rf"100 % of the weights of 'hidden1'.* is 1, the largest weight {largest:.3g}.*dead_start: rescale"
    ):
        build_student(model, section, x)


def test_dead_start_is_rescaled_and_noted():
    model, x = tiny()
    section = QuantizeSection(dead_start="rescale", layers={"hidden1": LayerBits(kernel=4, kernel_integer=4)})
    built = build_student(model, section, x)
    kernel = quantized_kernel(built.model.get_layer("hidden1"))
    assert np.mean(kernel == 0) < 0.5
    assert built.notes and "'hidden1'" in built.notes[0] and "given" in built.notes[0]
    (record,) = [r for r in built.ranges if (r.layer, r.tensor) == ("hidden1", "kernel")]
    assert record.rule == "alive" and record.integer == built.model.get_layer("hidden1").kernel_quantizer.integer
    lively = QuantizeSection(dead_start="rescale", layers={"hidden1": LayerBits(kernel=4, kernel_integer=-1)})
    assert build_student(model, lively, x).model.get_layer("hidden1").kernel_quantizer.integer == -1


def test_a_fitted_range_that_would_kill_the_layer_is_made_smaller():
    """One weight of 3 among weights of 0.05: ranges that hold it, also that of least squared error, leave 2-bit weights nothing but zeros."""
    model, x = tiny()
    kernel, bias = model.get_layer("hidden1").get_weights()
    kernel[0, 0] = 3.0
    model.get_layer("hidden1").set_weights([kernel, bias])
    built = build_student(model, QuantizeSection(default=LayerBits(kernel=2)), x)
    assert "'hidden1'" in built.notes[0] and "max" in built.notes[0]
    assert np.mean(quantized_kernel(built.model.get_layer("hidden1")) == 0) < 0.99


def test_start_counts_only_weights_that_were_alive():
    start = start_of(np.array([0.0, 0.1, -0.2, 0.9]), np.array([0.0, 0.0, 0.0, 1.0]), 1.0)
    assert (start.zeroed, start.half_step, start.largest, start.median) == (2 / 3, 0.5, 0.9, 0.2)
    assert not start.dead and not start_of(np.zeros(3), np.zeros(3), 1.0).dead


def test_records_tell_of_every_tensor_in_order():
    model, x = tiny()
    built = build_student(model, QuantizeSection(input=6, ranges="percentile", percentile=90.0), x)
    assert [(r.layer, r.tensor) for r in built.ranges] == [
        ("input_quantizer", "input"),
        ("hidden1", "kernel"),
        ("hidden1", "bias"),
        ("relu1", "activation"),
        ("logits", "kernel"),
        ("logits", "bias"),
    ]
    kernel = built.ranges[1]
    beyond = np.abs(model.get_layer("hidden1").kernel.numpy()) > 2.0**kernel.integer
    assert kernel.rule == "percentile" and beyond.mean() <= kernel.saturation < 0.15
