"""TFLite files: our student's integers in the interpreter, TFLite's own forms beside them, and what cannot be held."""

import numpy as np
import pytest
from lower.test_lower import PIXELS

from fpgacompress import zoo
from fpgacompress.errors import DataError, ModelError, UnsupportedError
from fpgacompress.export.fixed_tflite import channel_steps
from fpgacompress.export.tflite import Interpreter, write_tflite
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.keras_stack import load
from fpgacompress.quantize.ptq import post_training
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped

SIGNAL = FixedType(10, 3, True, "RND_CONV", "SAT")


def scattered(model, seed):
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, np.prod(w.shape[:-1]) ** -0.5 if w.ndim > 1 else 0.1, w.shape) for w in layer.get_weights()])
    return model


def depthwise():
    keras = load().keras
    layers = keras.layers
    x = image = keras.Input((28, 28, 1), name="input")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="c1")(x)
    x = layers.ReLU(name="r1")(layers.DepthwiseConv2D(3, depth_multiplier=2, name="d1")(x))
    x = layers.ReLU(name="r2")(layers.MaxPooling2D(2, name="max")(layers.Conv2D(6, 3, dilation_rate=2, name="c2")(x)))
    return keras.Model(image, layers.Dense(10, name="logits")(layers.Flatten(name="flat")(x)))


MODELS = {
    "mlp": lambda: zoo.build("mlp", (28, 28), 10, {"hidden": [24, 16]}),
    "cnn": lambda: zoo.build("cnn", (28, 28), 10, {"filters": [3, 5], "hidden": [8]}),
    "cnn1d": lambda: zoo.build("cnn1d", (784,), 10, {"filters": [3, 5], "hidden": [8]}),
    "depthwise": depthwise,
}


def student(name, images, preset="int8", **settings):
    """(model, its quantized form, real samples as both read them)."""
    model = scattered(MODELS[name](), 1)
    kind = SIGNAL if settings.get("input") else PIXELS
    section = QuantizeSection(method="ptq", preset=preset, calibration_samples=200, **settings)
    return model, post_training(model, section, images[0], input_type=kind), shaped(model, images[2][:300])


@pytest.mark.parametrize("preset", ["int8", "int4"])
@pytest.mark.parametrize("name", MODELS)
def test_the_interpreter_computes_the_students_logits_bit_for_bit(name, preset, images, tmp_path):
    _, result, x = student(name, images, preset)
    file = write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    assert file.bytes == file.path.stat().st_size and file.input_type == PIXELS
    assert np.array_equal(Interpreter(file.path).run(x), logits_of(result.student, x))


@pytest.mark.parametrize("name", ["mlp", "depthwise"])
def test_one_scale_per_channel(name, images, tmp_path):
    _, result, x = student(name, images, scales="channel", bias_correction=True)
    assert max(node.kernel.type.width for node in result.network.weighted) > 8
    file = write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    assert np.array_equal(Interpreter(file.path).run(x), logits_of(result.student, x))


def test_an_input_quantizer_becomes_the_input_tensor(images, tmp_path):
    _, result, x = student("cnn1d", images, input=8)
    file = write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    assert file.input_type.width == 8 and result.network.input.out.width == 10
    assert np.array_equal(Interpreter(file.path, batch=7).run(x), logits_of(result.student, x))


@pytest.mark.parametrize("bits", [3, 4, 6])
def test_a_narrow_signed_input_saturates_as_the_student_does(bits, images, tmp_path):
    """An int8 tensor alone would let values through that fewer bits do not hold."""
    kind = FixedType(bits, 2, True, "RND_CONV", "SAT")
    section = QuantizeSection(method="ptq", preset="int4", calibration_samples=200, input=bits, input_integer=1)
    x = SIGNAL.to_float(SIGNAL.quantize(5 * images[0][:300] - 3))  # -3 to 2, and the input holds -2 to 2
    result = post_training(scattered(MODELS["mlp"](), 1), section, x, input_type=SIGNAL)
    file = write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    assert file.input_type == kind and np.mean(x < kind.minimum) > 0.3
    assert np.array_equal(Interpreter(file.path).run(x), logits_of(result.student, shaped(result.student, x)))


def test_a_narrow_unsigned_cast_of_a_signed_input_cuts_off_what_is_negative(tmp_path):
    kind, sums = FixedType(3, 1, False, "RND_CONV", "SAT"), FixedType(12, 4)
    nodes = (
        Node("x", "input", (), SIGNAL, (2,)),
        Node("q", "quantize", ("x",), kind, (2,)),
        Node("fc", "dense", ("q",), sums, (2,), Tensor(np.array([[3, -5], [7, 2]]), FixedType(4, 1))),
    )
    network = IntegerNetwork("cut", nodes)
    x = SIGNAL.to_float(np.random.default_rng(0).integers(SIGNAL.low, SIGNAL.high + 1, (200, 2)))
    answers = Interpreter(write_tflite(network, tmp_path / "m.tflite", "fixed").path).run(x)
    assert np.array_equal(answers, sums.to_float(Emulator(network).run(SIGNAL.exactly(x))))


def test_a_cast_at_the_end_leaves_no_float_in_the_file(images, tmp_path):
    _, result, x = student("cnn", images)
    last = result.network.output
    cast = Node("int8", "quantize", (last.name,), FixedType(8, 1, True, "RND_CONV", "SAT"), last.shape)
    network = IntegerNetwork("cast", (*result.network.nodes, cast))
    interpreter = Interpreter(write_tflite(network, tmp_path / "m.tflite", "fixed").path)
    assert interpreter.input["dtype"] is interpreter.output["dtype"] is np.int8
    expected = network.output.out.to_float(Emulator(network).run(PIXELS.quantize(x)))
    assert np.array_equal(interpreter.run(x), expected)
    assert len(np.unique(expected)) > 20


def test_reference_kernels_are_within_a_step_of_each_layer_not_equal(images, tmp_path):
    _, result, x = student("mlp", images, "int4")
    file = write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    other, ours = Interpreter(file.path, reference=True).run(x), logits_of(result.student, x)
    assert not np.array_equal(other, ours) and np.corrcoef(other.ravel(), ours.ravel())[0, 1] > 0.9


def test_wider_weights_get_one_scale_per_channel(images, tmp_path):
    kernel = Tensor(np.array([[3, 512], [-100, -1024], [27, 256]]), FixedType(12, 4))
    assert np.array_equal(channel_steps(kernel, (0,)), [1, 8])
    kind = FixedType(8, 4, True, "RND_CONV", "SAT")
    nodes = (
        Node("x", "input", (), FixedType(8, 0, False, "RND_CONV", "SAT"), (3,)),
        Node("fc", "dense", ("x",), FixedType(24, 8), (2,), kernel),
        Node("q", "quantize", ("fc",), kind, (2,)),
    )
    network = IntegerNetwork("two", nodes)
    x = np.random.default_rng(0).integers(0, 256, (200, 3))
    answers = Interpreter(write_tflite(network, tmp_path / "m.tflite", "fixed").path).run(x / 256)
    assert np.array_equal(answers, kind.to_float(Emulator(network).run(x)))
    with pytest.raises(UnsupportedError, match="do not fit 8 bits"):
        channel_steps(Tensor(np.array([[129]]), FixedType(12, 4)), (0,))


@pytest.mark.parametrize("kind", ["float", "dynamic", "int8"])
def test_tflites_own_forms_of_a_float_model(kind, trained_mlp, tmp_path):
    model, data = trained_mlp
    x, y = shaped(model, data.x_val), data.y_val
    file = write_tflite(model, tmp_path / "m.tflite", kind, shaped(model, data.x[:200]))
    found = Interpreter(file.path).run(x)
    assert abs((found.argmax(1) == y).mean() - (logits_of(model, x).argmax(1) == y).mean()) < 0.01
    assert (file.bytes < 60_000) == (kind != "float")
    if kind == "float":
        np.testing.assert_allclose(found, logits_of(model, x), atol=1e-4)


def test_a_student_as_float_tflite_computes_its_logits(images, tmp_path):
    _, result, x = student("mlp", images)
    file = write_tflite(result.student, tmp_path / "m.tflite", "float")
    assert np.array_equal(Interpreter(file.path).run(x), logits_of(result.student, x))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mlp", {"default": LayerBits(kernel=8, activation=9)}, "'relu1' .* casts to ufixed<9"),
        ("mlp", {"default": LayerBits(kernel=12)}, "do not fit 8 bits"),
        ("mlp", {"rounding": "truncate"}, "casts to ufixed<8.*TRN"),
        ("cnn1d", {"input": 10}, "'input' .* has 10 bits"),
    ],
)
def test_what_tflite_cannot_hold_is_named(name, settings, message, images, tmp_path):
    _, result, _ = student(name, images, **settings)
    with pytest.raises(UnsupportedError, match=message):
        write_tflite(result.network, tmp_path / "m.tflite", "fixed")
    assert not list(tmp_path.iterdir())


def test_requests_that_make_no_sense(trained_mlp, tmp_path):
    model, _ = trained_mlp
    for kind, error, message in (
        ("int16", ModelError, "one of float"),
        ("fixed", ModelError, "integer network"),
        ("int8", DataError, "samples"),
    ):
        with pytest.raises(error, match=message):
            write_tflite(model, tmp_path / "m.tflite", kind)
    (tmp_path / "broken.tflite").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read by the TFLite interpreter"):
        Interpreter(tmp_path / "broken.tflite")
