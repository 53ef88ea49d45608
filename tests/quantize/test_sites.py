"""Students of every kind of layer: built, saved, read, lowered and exact on real images."""

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.keras_stack import load
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.fold import fold_batchnorm
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped

from .models import L, all_convolutional, assert_student_exact, mobile, signal

CHANNELS = QuantizeSection(preset="int4", scales="channel", input=5)
CASES = [
    (mobile, CHANNELS),
    (mobile, QuantizeSection(preset="ternary")),
    (all_convolutional, QuantizeSection(preset="int8")),
    (all_convolutional, QuantizeSection(preset="binary", scales="channel", rounding="truncate")),
    (signal, QuantizeSection(preset="w4a6", scales="channel")),
    (signal, QuantizeSection(preset="binary")),
]


@pytest.mark.parametrize(("make", "section"), CASES, ids=[f"{make.__name__}-{section.preset}" for make, section in CASES])
def test_students_are_exact_in_every_layer(make, section, images, tmp_path):
    model = make()
    built = build_student(model, section, shaped(model, images[0][:128]))
    assert_student_exact(built.model, shaped(model, images[0][:100]), tmp_path / "m.h5")


@pytest.mark.parametrize("make", [mobile, all_convolutional, signal])
def test_wide_students_compute_what_the_float_model_computes(make, images):
    model = make()
    x = shaped(model, images[0][:128])
    wide = QuantizeSection(default=LayerBits(kernel=16, bias=24, activation=16))
    student = build_student(model, wide, x).model
    expected = logits_of(model, x)
    assert np.abs(logits_of(student, x) - expected).max() < 2e-3 * np.abs(expected).max()


def test_an_average_is_rounded_once_with_the_bits_of_the_layer_above(images):
    model = mobile()
    section = QuantizeSection(layers={"p1": LayerBits(activation=5), "avg": LayerBits(activation=7)})
    student = build_student(model, section, shaped(model, images[0][:64])).model
    assert "quantized_relu(5," in student.get_layer("gap_quantizer").get_config()["activation"]
    assert "quantized_relu(7," in student.get_layer("avg_quantizer").get_config()["activation"]


def test_sums_are_quantized_before_they_are_averaged_and_logits_keep_enough_bits(images):
    model = all_convolutional()
    student = build_student(model, QuantizeSection(preset="int4"), shaped(model, images[0][:64])).model
    assert student.get_layer("gap_input").quantizer.bits == 4
    assert student.get_layer("gap_quantizer").quantizer.bits == 12
    assert student.layers[-1].name == "gap_quantizer"


def test_batchnorm_behind_depthwise_and_separable_is_folded_channel_by_channel():
    folded = fold_batchnorm(mobile())
    assert [w.shape for w in folded["d1"]] == [(3, 3, 4, 2), (8,)]
    assert [w.shape for w in folded["s1"]] == [(2, 2, 8, 2), (1, 1, 16, 6), (6,)]
    layer, norm = mobile().get_layer("d1"), mobile().get_layer("b2")
    gain = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    assert np.allclose(folded["d1"][0][..., 1, 0], layer.depthwise_kernel.numpy()[..., 1, 0] * gain[2])


def test_the_input_gets_the_bits_asked_for(trained_mlp, tmp_path):
    model, data = trained_mlp
    built = build_student(model, QuantizeSection(input=3), shaped(model, data.x[:256]))
    assert (built.ranges[0].tensor, built.ranges[0].bits) == ("input", 3)
    network = assert_student_exact(built.model, data.x_val[:100], tmp_path / "m.h5")
    assert network.nodes[1].name == "input_quantizer" and network.nodes[1].out.width == 3 and not network.nodes[1].out.signed
    fixed = build_student(model, QuantizeSection(input=3, input_integer=1), shaped(model, data.x[:16])).model
    assert "quantized_relu(3,1)" in fixed.get_layer("input_quantizer").get_config()["activation"]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: L.ReLU(6.0, name="r"), "a ReLU with max_value=6"),
        (lambda: L.ReLU(negative_slope=0.25, name="r"), "a ReLU with negative_slope=0.25"),
        (lambda: L.LeakyReLU(name="r"), r"'r' \(LeakyReLU\) has no exact"),
        (lambda: L.Activation("tanh", name="r"), r"'r' \(Activation\) has no exact"),
    ],
)
def test_activations_without_a_twin_are_refused(layer, said):
    model = load().keras.Sequential([load().keras.Input((8,)), L.Dense(4), layer(), L.Dense(2)])
    with pytest.raises(UnsupportedError, match=said):
        build_student(model, QuantizeSection(), np.ones((4, 8), np.float32))
