"""Float copies of quantized models: the same architecture in Keras' own layers, fresh weights by seed; and models called layer by layer."""

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.keras_stack import load, load_tfmot, through
from fpgacompress.keras_stack.floats import float_copy

X = np.random.default_rng(0).normal(0, 1, (20, 8, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def quantized():
    """A pruned QKeras network of every kind of layer with weights."""
    keras, q = load().keras, load().qkeras
    bits = {name: "quantized_bits(6,1,alpha=1)" for name in ("kernel_quantizer", "bias_quantizer")}
    deep = {"depthwise_quantizer": bits["kernel_quantizer"], "bias_quantizer": bits["bias_quantizer"]}
    x = inputs = keras.Input((8, 8, 2))
    x = q.QActivation("quantized_bits(8,2,alpha=1)", name="input_quantizer")(x)
    x = q.QConv2D(4, 3, padding="same", kernel_initializer="he_uniform", name="c", **bits)(x)
    x = y = q.QActivation("quantized_relu(6,2)", name="r")(x)
    x = q.QDepthwiseConv2D(3, padding="same", activation="quantized_relu(6,2)", name="d", **deep)(x)
    x = q.QSeparableConv2D(4, 3, padding="same", pointwise_quantizer=bits["kernel_quantizer"], name="s", **deep)(x)
    x = keras.layers.Flatten(name="f")(keras.layers.Add(name="a")([x, y]))
    return load_tfmot().prune_low_magnitude(keras.Model(inputs, q.QDense(3, name="o", **bits)(x)))


def test_a_float_copy_has_the_architecture_and_weights_of_its_own(quantized):
    first, second, again = (float_copy(quantized, seed) for seed in (1, 2, 1))
    kinds = ["InputLayer", "Activation", "Conv2D", "Activation", "DepthwiseConv2D", "SeparableConv2D", "Add", "Flatten", "Dense"]
    assert [type(layer).__name__ for layer in first.layers] == kinds
    assert all(type(layer).__module__.startswith("tf_keras") for layer in first.layers)
    functions = {layer.name: layer.activation.__name__ for layer in first.layers if hasattr(layer, "activation")}
    assert functions == {"input_quantizer": "linear", "c": "linear", "r": "relu", "d": "relu", "s": "linear", "o": "linear"}
    own = [w.shape for layer in quantized.layers for w in getattr(layer, "layer", layer).get_weights()]
    assert [w.shape for w in first.get_weights()] == own
    assert np.array_equal(first(X), again(X)) and not np.allclose(first(X), second(X), atol=0.1)
    assert np.abs(first.get_layer("c").kernel).max() == pytest.approx(np.sqrt(6 / 18), rel=0.1), "drawn by the layer's own initializer"


def test_layer_by_layer_is_the_model_and_touches_no_mask(quantized):
    before = [v.numpy() for v in quantized.weights]
    assert np.array_equal(through(quantized, load().tf.constant(X), training=True), quantized(X, training=False))
    assert all(np.array_equal(v.numpy(), b) for v, b in zip(quantized.weights, before))
    seen = []

    def call(layer, args, kwargs):
        seen.append((layer.name, kwargs.get("training")))
        return layer(*args, **kwargs)

    keras = load().keras
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dropout(0.5, name="x"), keras.layers.Dense(2, name="y")])
    through(model, load().tf.ones((3, 4)), training=False, call=call)
    assert seen == [("x", False), ("y", None)]


def test_what_has_no_float_twin_is_named():
    keras, q = load().keras, load().qkeras
    model = keras.Sequential([keras.Input((8, 8, 2)), q.QConv2DBatchnorm(2, 3, name="folded")])
    with pytest.raises(UnsupportedError, match="'folded'.*no float twin"):
        float_copy(model, 1)
