"""Strangers' files: read, made ready and lowered; the floats are those of the stack that saved them, the integers those of the floats."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.errors import DataError, ModelError, UnsupportedError
from fpgacompress.firmware.verify import KerasExecutor, verify
from fpgacompress.integer import FixedType, network_hash
from fpgacompress.keras_stack import load_model, load_tfmot
from fpgacompress.lower.inputs import parse_type, store_data
from fpgacompress.lower.read import read

from .models import MODELS, L, Q, keras, qkeras, scatter, stack

HERE = Path(__file__).parent / "strangers"
FILES = sorted(p.name.removesuffix(".npz") for p in HERE.glob("*.npz"))
FLOAT = "mlp_softmax_inside.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of files, SavedModels unpacked."""
    place = tmp_path_factory.mktemp("strangers")
    for archive in HERE.glob("*.tar.gz"):
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
    for name in FILES:
        if (HERE / name).is_file():
            (place / name).write_bytes((HERE / name).read_bytes())
    return place


@pytest.mark.parametrize("name", FILES)
def test_floats_are_those_of_the_stack_that_saved_the_file(folder, name):
    """The whole model and, where the older stack told them, the logits: every bit of float32."""
    expected = np.load(HERE / f"{name}.npz")
    model = load_model(folder / name)
    if name != "mlp_binary.keras":  # TensorFlow 2.21's sigmoid has another last bit than 2.15's
        assert np.array_equal(model.predict(expected["x"], verbose=0), expected["y"])
    if "logits" in expected:
        assert np.array_equal(read(model, data=expected["x"]).model.predict(expected["x"], verbose=0), expected["logits"])


@pytest.mark.parametrize("name", [n for n in FILES if n != FLOAT])
def test_integers_are_the_floats(folder, name):
    expected = np.load(HERE / f"{name}.npz")
    reading = read(folder / name, data=expected["x"])
    report = verify(reading.network, reading.stored, {"keras": KerasExecutor(reading.model, reading.network)})
    assert report.exact and report.samples == 64 and report.float32_inexact is None
    if "logits" in expected:
        out = reading.network.output.out
        assert np.array_equal(KerasExecutor(reading.model, reading.network)(reading.stored), out.exactly(expected["logits"]))


NOTES = {
    "mlp_objects.keras": ["the final softmax 'probabilities' was removed", "drop", "ufixed<8,0,RND_CONV,SAT>: the smallest"],
    "mlp_qdense_softmax.h5": ["the softmax inside 'fc2' was removed"],
    "mlp_binary.keras": ["the final sigmoid 'probability' was removed"],
    "mlp_pruned.h5": ["the pruning wrappers of fc1, fc2 were taken off; the masks hid 64 weights", "48 in fc1, 16 in fc2"],
    "cnn_savedmodel": ["fixed<9,1,RND_CONV,SAT>: the model's first layer 'input_q'"],
}


@pytest.mark.parametrize("name", NOTES)
def test_what_was_removed_or_assumed_is_told(folder, name):
    notes = read(folder / name, data=np.load(HERE / f"{name}.npz")["x"]).notes
    for wanted in NOTES[name]:
        assert any(wanted in note for note in notes), notes


def test_masks_are_applied_because_the_forward_applies_them(folder):
    """Without the masks the outputs are others, so equality with the older stack's outputs proves that the masks belong to the model."""
    path = folder / "mlp_pruned.h5"
    expected = np.load(HERE / "mlp_pruned.h5.npz")
    unmasked = load_tfmot().strip_pruning(load_model(path))
    assert not np.array_equal(unmasked.predict(expected["x"], verbose=0), expected["y"])
    original = load_model(path)
    before = original.layers[0].layer.kernel.numpy()
    reading = read(original, data=expected["x"])
    assert np.array_equal(original.layers[0].layer.kernel.numpy(), before), "the given model is not changed"
    kernel = reading.network.node("fc1").kernel.values
    mask = original.layers[0].pruning_vars[0][1].numpy()
    assert (mask == 0).sum() == 48 and not kernel[mask == 0].any() and kernel[mask == 1].any()


def endings():
    q = Q | {"name": "out"}
    inside = lambda f: lambda x: qkeras.QDense(3, activation=f, **q)(x)  # noqa: E731
    behind = lambda layer: lambda x: layer(qkeras.QDense(3, **q)(x))  # noqa: E731
    inner = keras.Sequential([L.Input((5,)), qkeras.QDense(3, **q), L.Softmax()], name="head")
    return {
        "softmax layer": behind(L.Softmax()),
        "activation": behind(L.Activation("softmax")),
        "sigmoid": behind(L.Activation("sigmoid")),
        "QActivation": behind(qkeras.QActivation(keras.activations.softmax)),
        "log softmax": behind(L.Activation(stack.tf.nn.log_softmax)),
        "inside": inside(keras.activations.softmax),
        "inside, sigmoid": inside(keras.activations.sigmoid),
        "dropout behind": lambda x: L.Dropout(0.5)(L.Softmax()(qkeras.QDense(3, **q)(x))),
        "linear behind": lambda x: L.Activation("linear")(L.Softmax()(qkeras.QDense(3, **q)(x))),
        "nested": inner,
    }


@pytest.mark.parametrize("case", endings())
def test_every_ending_becomes_logits(case):
    """Functional models with a residual sum, so that nothing depends on being a chain."""
    x = i = L.Input((4,), name="x")
    x = qkeras.QActivation("quantized_relu(5,2)", name="r1")(qkeras.QDense(5, name="fc", **Q)(x))
    y = qkeras.QActivation("quantized_relu(5,2)", name="r2")(qkeras.QDense(5, name="fc_b", **Q)(x))
    model = scatter(keras.Model(i, endings()[case](L.Add(name="sum")([x, y])), name="m"), 3)
    reading = read(model, input_type="fixed<6,1>")
    assert any("was removed" in note for note in reading.notes)
    assert reading.network.output.name == "out" and reading.network.output.shape == (3,)
    stored = np.random.default_rng(0).integers(-32, 32, (100, 4))
    assert verify(reading.network, stored, {"keras": KerasExecutor(reading.model, reading.network)}).exact
    logits = reading.model.predict(stored / 32.0, verbose=0)
    assert np.array_equal(logits.argmax(1), model.predict(stored / 32.0, verbose=0).argmax(1))


def test_quantized_sigmoid_is_no_softmax():
    model = keras.Sequential([L.Input((4,)), qkeras.QDense(2, name="fc", **Q), qkeras.QActivation("quantized_relu(4,1)", name="end")])
    assert read(model, input_type="fixed<6,1>").network.output.name == "end"


def test_nested_models_are_opened():
    inner = keras.Sequential(
        [L.Input((6,)), qkeras.QDense(5, name="fc", **Q), qkeras.QActivation("quantized_relu(5,2)", name="r")], name="body"
    )
    i = L.Input((6,), name="x")
    x = qkeras.QDense(3, name="fc", **Q)(inner(i))
    model = scatter(keras.Model(i, x, name="outer"), 1)
    reading = read(model, input_type="fixed<6,1>")
    assert "the models inside the model were opened: body" in reading.notes
    stored = np.random.default_rng(0).integers(-32, 32, (50, 6))
    report = verify(reading.network, stored, {"keras": KerasExecutor(reading.model, reading.network)})
    assert report.exact and len(report.layers_compared["keras"]) == len(reading.network.nodes)
    assert np.array_equal(reading.model.predict(stored / 32.0, verbose=0), model.predict(stored / 32.0, verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_making_ready_changes_no_bit(name):
    from fpgacompress.lower import lower

    model = MODELS[name](seed=5)
    kind = FixedType(8, 0, False)
    assert network_hash(read(model, input_type=kind).network) == network_hash(lower(model, kind))


# The input's type


def dense():
    return scatter(keras.Sequential([L.Input((3,), name="x"), qkeras.QDense(2, name="fc", **Q)], name="m"), 0)


TYPES = {
    "bytes over 256": (np.arange(256).repeat(3) / 256, "ufixed<8,0,RND_CONV,SAT>"),
    "whole numbers": (np.array([0, 200, 3]), "ufixed<8,8,RND_CONV,SAT>"),
    "signed eighths": (np.array([-1.0, 0.875, 0.125]), "fixed<4,1,RND_CONV,SAT>"),
    "multiples of four": (np.array([4.0, 8.0, -16.0]), "fixed<3,5,RND_CONV,SAT>"),
    "only negative": (np.array([-1.0, -2.0, -4.0]), "fixed<3,3,RND_CONV,SAT>"),
    "zeros": (np.zeros(3), "ufixed<1,1>"),
    "16 bits": (np.array([0, 1, 65535]), "ufixed<16,16,RND_CONV,SAT>"),
    "17 bits": (np.array([1, 65536, 0]), "ufixed<16,17,RND_CONV,SAT>"),
    "bytes over 255": (np.arange(255).repeat(3) / 255, "ufixed<16,0,RND_CONV,SAT>"),
    "normal": (np.random.default_rng(0).normal(0, 2, 300), "fixed<16,4,RND_CONV,SAT>"),
}


@pytest.mark.parametrize("case", TYPES)
def test_the_type_comes_from_the_data(case):
    data, expected = TYPES[case]
    reading = read(dense(), data=data.reshape(-1, 3))
    kind = reading.network.input.out
    assert str(kind) == expected
    exact = np.array_equal(kind.to_float(reading.stored).ravel(), data)
    assert exact == ("exactly" in " ".join(reading.notes)) != any("were changed by the input type" in n for n in reading.notes)


def test_without_data_the_default_is_told():
    reading = read(dense())
    assert str(reading.network.input.out) == "fixed<16,6,RND_CONV,SAT>" and "was assumed (hls4ml's default)" in reading.notes[-1]


def test_changed_values_are_counted_and_bounded():
    stored, note = store_data(np.array([0.5, 0.3, 9.0, -1.0]), parse_type("ufixed<4,1>"))
    assert stored.tolist() == [4, 2, 15, 0]
    assert (
        note == "3 of 4 values of the data were changed by the input type ufixed<4,1,RND_CONV,SAT>, by at most 7.12, "
        "2 of them because they are outside its range"
    )


def test_the_type_asked_for_is_taken():
    assert str(read(dense(), input_type="fixed<9,2>").network.input.out) == "fixed<9,2,RND_CONV,SAT>"
    assert str(read(dense(), input_type="fixed<9,2,TRN,WRAP>").network.input.out) == "fixed<9,2>"


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"input_type": "float"}, "'float' is not a fixed-point type"),
        ({"input_type": "fixed<25,3>"}, "fixed<25,3,RND_CONV,SAT> does not fit the float32.*24 bits"),
        ({"data": np.zeros((2, 4))}, r"data of shape \(2, 4\).*\(samples, 3\)"),
        ({"data": np.full((1, 3), np.nan)}, "NaN or infinite"),
        ({"data": np.array([["a", "b", "c"]])}, "dtype <U1"),
        ({"data": np.zeros((0, 3))}, "data of shape"),
    ],
)
def test_wrong_types_and_data(wrong, message):
    with pytest.raises((ModelError, DataError), match=message) as caught:
        read(dense(), **wrong)
    assert "\n" not in str(caught.value)


def test_float_layers_are_refused_by_name(folder):
    with pytest.raises(UnsupportedError, match="layer 'fc2' .Dense. has float weights"):
        read(folder / FLOAT)
