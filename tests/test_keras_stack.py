"""The ways round the stack's defects: quantizers as objects in .keras files, masks, flat copies, float64."""

import numpy as np
import pytest

from fpgacompress import keras_stack
from fpgacompress.keras_stack import float64, load_model, prepared

stack = keras_stack.load()
keras, qkeras, L = stack.keras, stack.qkeras, stack.keras.layers
OBJECTS = [
    qkeras.quantized_bits(6, 1, alpha=1),
    qkeras.quantized_bits(6, -3, symmetric=1, alpha=1),
    qkeras.quantized_relu(5, 2),
    qkeras.quantized_relu(5, 2, negative_slope=0.25),
    qkeras.quantized_tanh(5),
    qkeras.quantized_sigmoid(5),
    qkeras.ternary(alpha=1),
    qkeras.binary(alpha=1),
    qkeras.quantized_po2(4),
    qkeras.quantized_relu_po2(4),
]
NAMES = [str(q) for q in OBJECTS]


@pytest.mark.parametrize("form", ["m.h5", "m.keras", "m"])
@pytest.mark.parametrize("quantizer", OBJECTS, ids=NAMES)
def test_quantizers_given_as_objects_survive_every_format(quantizer, form, tmp_path):
    x = np.random.default_rng(0).normal(0, 3, (50, 4)).astype(np.float32)
    weights = {"kernel_quantizer": qkeras.quantized_bits(6, 1, alpha=1), "bias_quantizer": qkeras.quantized_bits(6, 1, alpha=1)}
    model = keras.Sequential([L.Input((4,)), qkeras.QDense(6, name="fc", **weights), qkeras.QActivation(quantizer, name="act")])
    model.save(str(tmp_path / form))
    again = load_model(tmp_path / form)
    assert str(again.get_layer("act").quantizer) == str(quantizer)
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("quantizer", OBJECTS[:8], ids=NAMES[:8])
def test_quantizers_compute_in_float64_when_asked(quantizer):
    """A value between two float32 numbers, just above a rounding border, is rounded up; and float32 is back afterwards."""
    model = keras.Sequential([L.Input((1,)), qkeras.QActivation(quantizer, name="act")])
    with float64(model) as wide:
        found = wide.predict(np.array([[0.5 + 2.0**-40], [-3.0]]), verbose=0)
        assert found.dtype == np.float64
    assert keras.backend.floatx() == "float32" and model.predict(np.zeros((1, 1)), verbose=0).dtype == np.float32
    assert np.array_equal(found, model.predict(np.array([[0.5 + 2.0**-20], [-3.0]], np.float32), verbose=0))


def test_a_sum_that_float32_rounds_is_exact_in_float64():
    model = keras.Sequential([L.Input((2,)), L.Dense(1, use_bias=False, name="fc")])
    model.set_weights([np.array([[1.0], [2.0**-30]], np.float32)])
    x = np.array([[1.0, 1.0]], np.float32)
    assert model.predict(x, verbose=0)[0, 0] == 1
    with float64(model) as wide:
        assert wide.predict(x, verbose=0)[0, 0] == 1 + 2.0**-30


def test_float64_gives_float32_back_after_an_error():
    with pytest.raises(RuntimeError), float64(keras.Sequential([L.Input((2,)), L.Dense(1)])):
        raise RuntimeError
    assert keras.backend.floatx() == "float32"


def test_prepared_copies_share_nothing_with_the_original():
    model = keras.Sequential([L.Input((2,)), L.Dense(3, activation="softmax", name="fc")])
    ready = prepared(model)
    ready.model.get_layer("fc").kernel.assign(np.zeros((2, 3)))
    assert model.get_layer("fc").kernel.numpy().any() and model.get_layer("fc").activation.__name__ == "softmax"


def test_layers_called_with_arguments_and_twice_are_copied_once():
    relu = L.ReLU(name="relu")
    i = L.Input((4,), name="x")
    a, b = relu(L.Dense(3, name="a")(i)), relu(L.BatchNormalization(name="bn")(L.Dense(3, name="b")(i), training=False))
    model = keras.Model(i, L.Concatenate(name="both", axis=-1)([a, b]), name="m")
    copy = prepared(model).model
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [layer.name for layer in copy.layers].count("relu") == 1


class Loudest(L.Layer):
    """Python branches on tensors, which only AutoGraph can turn into a graph."""

    def call(self, x):
        if stack.tf.reduce_max(x) > 1:
            x = -x
        return x


@pytest.mark.parametrize("foreign", [Loudest, lambda: L.TimeDistributed(Loudest())], ids=["layer", "wrapped"])
def test_branches_on_tensors_are_copied(foreign):
    model = keras.Sequential([L.Input((2, 3)), foreign()])
    x = np.random.default_rng(0).normal(size=(20, 2, 3)).astype(np.float32)
    with keras.utils.custom_object_scope({"Loudest": Loudest}):
        assert np.array_equal(prepared(model).model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_equal_names_in_nested_models_stay_apart():
    inner = keras.Sequential([L.Input((4,)), L.Dense(4, name="fc")], name="a")
    deeper = keras.Sequential([L.Input((4,)), keras.Sequential([L.Input((4,)), L.Dense(4, name="fc")], name="b")], name="c")
    model = keras.Sequential([L.Input((4,)), inner, deeper, L.Dense(2, name="fc")], name="m")
    ready = prepared(model)
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(ready.model.predict(x, verbose=0), model.predict(x, verbose=0))
    assert ready.notes == ("the models inside the model were opened: a, c, b",)


@pytest.mark.parametrize("trained", [False, True])
def test_masks_belong_to_the_forward(trained):
    """The wrapper's own forward and the copy without wrapper agree, where the plain weights would give something else."""
    prune = keras_stack.load_tfmot().prune_low_magnitude
    model = keras.Sequential([L.Input((4,)), prune(L.Dense(3, name="fc"))], name="m")
    layer = model.layers[0]
    layer.pruning_vars[0][1].assign(np.array([[1, 0, 1]] * 4, np.float32))
    if trained:
        layer.layer.kernel.assign(layer.layer.kernel * layer.pruning_vars[0][1])
    plain = layer.layer.get_weights()
    ready = prepared(model)
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(ready.model.predict(x, verbose=0), model.predict(x, verbose=0))
    unmasked = keras.Sequential([L.Input((4,)), L.Dense(3)])
    unmasked.set_weights(plain)
    assert np.array_equal(unmasked.predict(x, verbose=0), ready.model.predict(x, verbose=0)) == trained
    told = ready.notes[0]
    assert ("hid 4 weights" in told) == (not trained) and told.startswith("the pruning wrappers of fc were taken off")
