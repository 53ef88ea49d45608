"""Linear bottlenecks (MobileNetV2): BatchNormalization folded into depthwise and projecting layers, their sums quantized, exact in every bit."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.integer import inexact_in_float32, run
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower
from fpgacompress.quantize.build import build_student, quantized_student
from fpgacompress.quantize.sites import quantized_sums
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.loop import shaped

from .models import PIXELS, L, assert_student_exact

SUMS = ["bn_project1", "add2", "bn_project3", "add4"]


@pytest.fixture(scope="module")
def bottlenecks(images):
    """A float ``mobilenet`` after one epoch on 600 real images, and those, shaped for it."""
    x, y, x_val, y_val = images
    seed_everything(5)
    model = zoo.build("mobilenet", (28, 28), 10)
    fit(model, TrainingData(x[:600], y[:600], x_val[:200], y_val[:200]), TrainConfig(1, learning_rate=3e-3, batch_size=32, seed=5))
    return model, shaped(model, x[:600])


@pytest.mark.parametrize("preset", ["int8", "int4"])
def test_the_integer_network_has_the_logits_of_keras(preset, bottlenecks, images, tmp_path):
    model, x = bottlenecks
    student = quantized_student(model, QuantizeSection(preset=preset), x)
    network = lower(student, PIXELS)
    held = images[2][:300]
    logits = network.output.out.to_float(run(network, PIXELS.exactly(held).reshape(-1, *network.input.shape)))
    assert np.array_equal(logits, logits_of(student, held)) and len(np.unique(logits.argmax(1))) > 1
    assert not inexact_in_float32(network)
    assert_student_exact(student, held[:100], tmp_path / "m.h5")


@pytest.mark.parametrize(
    "section", [QuantizeSection(preset="w4a6", scales="channel", rounding="truncate"), QuantizeSection(preset="ternary")]
)
def test_other_forms_are_exact_in_every_layer(section, bottlenecks, images, tmp_path):
    model, x = bottlenecks
    student = quantized_student(model, section, x[:200])
    assert_student_exact(student, images[2][:50], tmp_path / "m.h5")


def test_wide_students_compute_what_the_float_model_computes(bottlenecks):
    model, x = bottlenecks
    section = QuantizeSection(default=LayerBits(kernel=16, bias=24, activation=16), activation_ranges="max")
    expected = logits_of(model, x)
    assert np.abs(logits_of(quantized_student(model, section, x), x) - expected).max() < 2e-3 * np.abs(expected).max()


def test_sums_have_the_bits_of_the_layer_above_them(bottlenecks):
    model, x = bottlenecks
    assert [layer.name for layer in quantized_sums(model.layers)] == SUMS
    section = QuantizeSection(preset="int8", layers={"project2": LayerBits(activation=5), "add4": LayerBits(activation=7)})
    built = build_student(model, section, x[:100])
    bits = {name: built.model.get_layer(f"{name}_quantizer").quantizer.bits for name in SUMS}
    assert bits == dict(zip(SUMS, (8, 5, 8, 7)))
    assert {r.layer: r.bits for r in built.ranges if r.layer in SUMS} == bits


def test_which_sums_are_quantized():
    """Those that a layer with weights reads, once; neither sums of ReLUs, nor what a ReLU or nobody reads."""
    keras = load().keras
    entry = keras.Input((8, 8, 2))
    a = L.Conv2D(3, 3, padding="same", name="a")(entry)
    b = L.Conv2D(3, 3, padding="same", name="b")(L.Dropout(0.1, name="drop")(L.MaxPooling2D(1, name="pool")(a)))
    c = L.Conv2D(3, 1, name="c")(L.ReLU(name="r")(L.Add(name="sum")([b, a])))
    d = L.Add(name="relus")([L.ReLU(name="s")(c), L.ReLU(name="t")(b)])
    model = keras.Model(entry, L.Dense(2, name="logits")(L.Dense(4, name="e")(L.Flatten(name="f")(d))))
    assert [layer.name for layer in quantized_sums(model.layers)] == ["drop", "e"]
