"""The QKeras student: explicit quantizers, real ReLUs, exact folds, and a clear word about what cannot be had."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import ModelError, UnsupportedError
from fpgacompress.keras_stack import load, load_model, save_model
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped


def accuracy(model, data):
    return float((logits_of(model, data.x_val).argmax(1) == data.y_val).mean())


def test_layers_get_their_own_explicit_quantizers(trained_mlp):
    model, data = trained_mlp
    section = QuantizeSection(layers={"hidden1": LayerBits(kernel=4), "logits": LayerBits(kernel=7), "relu2": LayerBits(activation=3)})
    student = quantized_student(model, section, shaped(model, data.x[:512]))
    bits = {n: student.get_layer(n).kernel_quantizer.bits for n in ("hidden1", "hidden2", "logits")}
    assert bits == {"hidden1": 4, "hidden2": 6, "logits": 7}
    for name in bits:
        layer = student.get_layer(name)
        assert layer.kernel_quantizer.alpha == 1 and layer.bias_quantizer.alpha == 1
    assert "quantized_relu(6," in student.get_layer("relu1").get_config()["activation"]
    assert "quantized_relu(3," in student.get_layer("relu2").get_config()["activation"]
    assert len(np.unique(quantized_kernel(student.get_layer("hidden1")))) <= 16


def test_fitted_ranges_keep_the_float_accuracy_before_any_training(trained_mlp):
    model, data = trained_mlp
    student = quantized_student(model, QuantizeSection(default=LayerBits(kernel=8, activation=8)), shaped(model, data.x[:512]))
    assert accuracy(student, data) > accuracy(model, data) - 0.02


def test_negative_integer_bits_survive_a_file(trained_mlp, tmp_path):
    model, data = trained_mlp
    section = QuantizeSection(layers={"hidden1": LayerBits(kernel=6, kernel_integer=-2)})
    student = quantized_student(model, section, shaped(model, data.x[:64]))
    again = load_model(save_model(student, tmp_path / "m.h5"))
    assert np.array_equal(logits_of(student, data.x_val[:200]), logits_of(again, data.x_val[:200]))
    assert np.abs(quantized_kernel(again.get_layer("hidden1"))).max() <= 0.25


def test_batchnorm_is_folded(images):
    x = images[0][:512]  # ranges are fitted to these: other samples may saturate
    model = zoo.build("mlp", (28, 28), 10, {"hidden": [16], "batchnorm": True})
    layer = model.get_layer("bn1")
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 2, 16), rng.normal(size=16), rng.normal(size=16), rng.uniform(0.5, 2, 16)])
    section = QuantizeSection(default=LayerBits(kernel=16, bias=24, activation=16))
    student = quantized_student(model, section, shaped(model, x))
    assert np.abs(logits_of(student, x) - logits_of(model, x)).max() < 5e-3
    assert not any(type(layer).__name__ == "BatchNormalization" for layer in student.layers)


def test_batchnorm_is_folded_through_max_pooling(images):
    x = images[0][:512]
    model = zoo.build("cnn", (28, 28), 10, {"filters": [3], "hidden": [8], "batchnorm": True})
    rng = np.random.default_rng(0)
    for name, n in (("bn1", 3), ("bn_hidden1", 8)):
        model.get_layer(name).set_weights([rng.uniform(0.5, 2, n), rng.normal(size=n), rng.normal(size=n), rng.uniform(0.5, 2, n)])
    section = QuantizeSection(default=LayerBits(kernel=16, bias=24, activation=16))
    student = quantized_student(model, section, shaped(model, x))
    assert np.abs(logits_of(student, x) - logits_of(model, x)).max() < 5e-3
    model.get_layer("bn1").gamma.assign([1.0, -1.0, 1.0])
    with pytest.raises(UnsupportedError, match="'bn1' behind a max pooling has a negative gain"):
        quantized_student(model, section, shaped(model, x[:16]))


def test_refusals(images):
    x = images[0]
    keras = load().keras

    def build(*layers):
        model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
        return quantized_student(model, QuantizeSection(), shaped(model, x[:16]))

    with pytest.raises(UnsupportedError, match="'up'.*no exact fixed-point twin"):
        build(keras.layers.Conv2D(2, 3), keras.layers.UpSampling2D(name="up"), keras.layers.Flatten(), keras.layers.Dense(10))
    with pytest.raises(UnsupportedError, match="'d' has the activation 'tanh' inside"):
        build(keras.layers.Flatten(), keras.layers.Dense(10, activation="tanh", name="d"))
    with pytest.raises(UnsupportedError, match="BatchNormalization 'b' follows Flatten"):
        build(keras.layers.Flatten(), keras.layers.BatchNormalization(name="b"), keras.layers.Dense(10))


def test_surviving_ranges_look_at_the_weights_that_pruning_leaves():
    model = zoo.build("mlp", (20,), 5, {"hidden": [50]})
    rng = np.random.default_rng(0)
    kernel = np.where(rng.uniform(size=(20, 50)) < 0.05, 0.12, rng.uniform(-0.08, 0.08, (20, 50)))
    model.get_layer("hidden1").set_weights([kernel, np.zeros(50)])
    section = QuantizeSection(ranges="surviving", default=LayerBits(kernel=3))
    samples = np.ones((4, 20), np.float32)
    dense = quantized_student(model, section, samples)
    sparse = quantized_student(model, section, samples, {"hidden1": 0.96})
    assert sparse.get_layer("hidden1").kernel_quantizer.integer > dense.get_layer("hidden1").kernel_quantizer.integer
    assert np.abs(quantized_kernel(sparse.get_layer("hidden1"))).max() == 0.125


def test_a_relu_inside_a_dense_layer(images, tmp_path):
    x, y, x_val, _ = images
    keras = load().keras
    inside = keras.Sequential([keras.Input((784,)), keras.layers.Dense(16, activation="relu", name="a"), keras.layers.Dense(10, name="b")])
    apart = keras.Sequential(
        [keras.Input((784,)), keras.layers.Dense(16, name="a"), keras.layers.Activation("relu"), keras.layers.Dense(10, name="b")]
    )
    apart.set_weights(inside.get_weights())
    one, two = (quantized_student(m, QuantizeSection(), shaped(m, x[:256])) for m in (inside, apart))
    assert np.array_equal(logits_of(one, x_val[:200]), logits_of(two, x_val[:200]))
    again = load_model(save_model(one, tmp_path / "m.h5"))
    assert np.array_equal(logits_of(one, x_val[:200]), logits_of(again, x_val[:200]))


def test_full_disk_while_saving_a_model(trained_mlp, tmp_path, monkeypatch):
    model, _ = trained_mlp
    old = save_model(model, tmp_path / "m.h5").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save", full)
    with pytest.raises(ModelError, match="No space left"):
        save_model(model, tmp_path / "m.h5")
    assert (tmp_path / "m.h5").read_bytes() == old and len(list(tmp_path.iterdir())) == 1
