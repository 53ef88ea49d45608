"""Files that are not for us are refused in one sentence that says what and where."""

from pathlib import Path

import pytest

from fpgacompress.errors import ModelError, UnsupportedError
from fpgacompress.lower.read import read

from .models import L, Q, keras, qkeras, stack

HERE = Path(__file__).parent / "strangers"
tf = stack.tf


class Subclassed(keras.Model):
    """A model whose order of layers is Python code."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.fc = qkeras.QDense(2, name="fc", **Q)

    def call(self, x):
        return self.fc(x)


class Mine(L.Layer):
    """A layer nobody else has."""

    def call(self, x):
        return x * 2


Subclassed.__module__ = Mine.__module__ = "their_code"  # which is not here


def chain(*layers):
    return keras.Sequential([L.Input((6,), name="x"), *layers], name="m")


def saved(model, path):
    model.save(str(path))
    return path


def cut(folder):
    path = folder / "cut.h5"
    path.write_bytes((HERE / "cnn.h5").read_bytes()[:9000])
    return path


def cut_zip(folder):
    path = folder / "cut.keras"
    path.write_bytes((HERE / "cnn.keras").read_bytes()[:9000])
    return path


def text(folder):
    path = folder / "notes.h5"
    path.write_text("my best model\n")
    return path


def empty(folder):
    path = folder / "empty.keras"
    path.write_bytes(b"")
    return path


def weights(folder):
    path = folder / "w.h5"
    chain(qkeras.QDense(2, **Q)).save_weights(str(path))
    return path


def plain_saved_model(folder):
    module = tf.Module()
    module.f = tf.function(lambda x: x * 2, input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    tf.saved_model.save(module, str(folder / "plain"))
    return folder / "plain"


def two_inputs():
    a, b = L.Input((3,), name="a"), L.Input((3,), name="b")
    return keras.Model([a, b], qkeras.QDense(2, **Q)(L.Add()([a, b])), name="m")


def two_outputs():
    a = L.Input((3,), name="a")
    return keras.Model(a, [qkeras.QDense(2, name="p", **Q)(a), qkeras.QDense(2, name="q", **Q)(a)], name="m")


def subclassed():
    model = Subclassed(name="mine")
    model(tf.zeros((1, 3)))
    return model


FILES = {
    "truncated .h5": (cut, "'.*cut.h5' could not be read as a Keras model.*complete"),
    "truncated .keras": (cut_zip, "'.*cut.keras' could not be read as a Keras model.*complete"),
    "text": (text, "'.*notes.h5' is neither a .h5 nor a .keras file"),
    "empty": (empty, "'.*empty.keras' is an empty file"),
    "weights only": (weights, "'.*w.h5' holds weights but no model.*model.save"),
    "Keras 3, .keras": (lambda _: HERE / "keras3.keras", r"saved by Keras 3\.15\.1, whose models.*cannot read.*Keras 2"),
    "Keras 3, .h5": (lambda _: HERE / "keras3.h5", r"saved by Keras 3\.15\.1"),
    "TFLite": (lambda _: HERE / "dense.tflite", "'.*dense.tflite' is a TFLite model"),
    "ONNX": (lambda _: HERE / "relu.onnx", "'.*relu.onnx' is an ONNX model"),
    "zip": (lambda _: HERE / "cnn.h5.npz", "is a zip file, but not a .keras file"),
    "SavedModel without Keras": (plain_saved_model, "'.*plain' was not saved by Keras 2"),
    "folder": (lambda folder: folder, "'.*' is no SavedModel"),
    "no file": (lambda folder: folder / "none.h5", "there is no model file '.*none.h5'"),
}
FORMS = ("in memory", "m.h5", "m.keras", "m")
MODELS = {
    "two inputs": (two_inputs, FORMS, r"the model 'm' has 2 inputs \(a, b\).*one input"),
    "two outputs": (two_outputs, FORMS, r"the model 'm' has 2 outputs \(p, q\).*one output"),
    "subclassed": (subclassed, ("in memory", "m"), "'mine' is a subclassed model.*keras.Sequential"),
    "subclassed file": (subclassed, ("m.keras",), "needs the class 'Subclassed', which is defined in its author's code"),
    "LSTM": (lambda: chain(L.Reshape((2, 3)), L.LSTM(2, name="memory")), FORMS, "layer 'memory' of class LSTM"),
    "Lambda": (lambda: chain(L.Lambda(lambda x: x * 2, name="twice")), FORMS, "layer 'twice'.*Lambda"),
    "own layer": (lambda: chain(Mine(name="mine")), ("in memory",), "layer 'mine' of class Mine"),
    "own layer, file": (lambda: chain(Mine(name="mine")), ("m.h5", "m.keras"), "needs the class 'Mine'"),
    "float": (lambda: chain(L.Dense(2, name="fc")), FORMS, "layer 'fc' .Dense. has float weights"),
    "float, softmax": (lambda: chain(L.Dense(2, name="fc", activation="softmax")), FORMS, "layer 'fc' .Dense. has float weights"),
    "unbuilt": (lambda: keras.Sequential([qkeras.QDense(2, **Q)], name="m"), ("in memory",), "model 'm' is not built"),
    "unknown shape": (
        lambda: keras.Sequential([L.Input((None, 2)), qkeras.QConv1D(2, 2, **Q)], name="m"),
        ("in memory", "m.h5"),
        "all axes known",
    ),
}


def refused(source, message):
    with pytest.raises(ModelError, match=message) as caught:
        read(source)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    return caught.value


@pytest.mark.parametrize("case", FILES)
def test_files(case, tmp_path):
    make, message = FILES[case]
    refused(make(tmp_path), message)


@pytest.mark.parametrize("case, form", [(case, form) for case, (_, forms, _) in MODELS.items() for form in forms])
def test_models(case, form, tmp_path):
    make, _, message = MODELS[case]
    model = make()
    error = refused(model if form == "in memory" else saved(model, tmp_path / form), message)
    assert isinstance(error, UnsupportedError)
