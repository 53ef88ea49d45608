"""Every layer kind: QKeras' forward pass and the emulation of what it was lowered to agree in every value."""

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType
from fpgacompress.lower import lower

from .exact import assert_exact
from .models import L, Q, keras, qkeras, scatter

BYTE = FixedType(6, 2)
D = {"depthwise_quantizer": "quantized_bits(5,0,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
S = D | {"pointwise_quantizer": "quantized_bits(4,0,alpha=1)"}
IMAGE, ROW = (7, 6, 3), (9, 3)
AFTER = "quantized_relu(5,2)"

LAYERS = {
    "dense on rows": (ROW, lambda: qkeras.QDense(4, name="l", **Q)),
    "dense on images": (IMAGE, lambda: qkeras.QDense(4, name="l", activation="quantized_relu(4,1)", **Q)),
    "conv1d causal": (ROW, lambda: qkeras.QConv1D(4, 3, padding="causal", name="l", **Q)),
    "conv1d dilated": (ROW, lambda: qkeras.QConv1D(4, 3, dilation_rate=2, padding="causal", name="l", **Q)),
    "conv1d same dilated": (ROW, lambda: qkeras.QConv1D(4, 3, dilation_rate=3, padding="same", name="l", **Q)),
    "conv2d dilated": (IMAGE, lambda: qkeras.QConv2D(4, (3, 2), dilation_rate=(2, 3), padding="same", name="l", **Q)),
    "conv2d strided": (IMAGE, lambda: qkeras.QConv2D(4, (3, 2), strides=(2, 3), padding="same", name="l", **Q)),
    "depthwise": (IMAGE, lambda: qkeras.QDepthwiseConv2D(3, name="l", **D)),
    "depthwise multiplied": (IMAGE, lambda: qkeras.QDepthwiseConv2D((2, 3), padding="same", depth_multiplier=2, name="l", **D)),
    "depthwise strided": (IMAGE, lambda: qkeras.QDepthwiseConv2D(3, strides=2, padding="SAME", activation=AFTER, name="l", **D)),
    "depthwise dilated": (IMAGE, lambda: qkeras.QDepthwiseConv2D(2, dilation_rate=(2, 2), name="l", **D)),
    "separable1d": (ROW, lambda: qkeras.QSeparableConv1D(4, 3, strides=2, padding="same", depth_multiplier=2, name="l", **S)),
    "separable1d dilated": (ROW, lambda: qkeras.QSeparableConv1D(4, 3, padding="same", dilation_rate=2, name="l", **S)),
    "separable2d": (IMAGE, lambda: qkeras.QSeparableConv2D(4, 3, padding="same", activation=AFTER, name="l", **S)),
    "separable2d strided": (IMAGE, lambda: qkeras.QSeparableConv2D(4, 3, strides=2, depth_multiplier=2, name="l", use_bias=False, **S)),
    "separable2d scaled": (IMAGE, lambda: qkeras.QSeparableConv2D(4, 3, name="l", **(S | {"depthwise_quantizer": "quantized_bits(4,0)"}))),
    "separable1d scaled": (ROW, lambda: qkeras.QSeparableConv1D(4, 3, name="l", **(S | {"pointwise_quantizer": "quantized_bits(4,0)"}))),
    "max": (IMAGE, lambda: L.MaxPooling2D(3, strides=2, padding="same", name="l")),
    "max1d": (ROW, lambda: L.MaxPooling1D(2, name="l")),
    "global max": (IMAGE, lambda: L.GlobalMaxPooling2D(name="l")),
    "global max kept": (ROW, lambda: L.GlobalMaxPooling1D(keepdims=True, name="l")),
    "average of 4": (IMAGE, lambda: L.AveragePooling2D(2, padding="same", name="l")),
    "average of 2": (ROW, lambda: L.AveragePooling1D(2, name="l")),
    "global average of 8": ((4, 2, 3), lambda: L.GlobalAveragePooling2D(name="l")),
    "global average kept": ((8, 3), lambda: L.GlobalAveragePooling1D(keepdims=True, name="l")),
    "quantized average": (IMAGE, lambda: qkeras.QAveragePooling2D((2, 4), average_quantizer="quantized_bits(8,0,alpha=1)", name="l")),
    "quantized average act": (
        IMAGE,
        lambda: qkeras.QAveragePooling2D(2, strides=1, average_quantizer="quantized_bits(4,0,alpha=1)", activation=AFTER, name="l"),
    ),
    "rounded average act": (IMAGE, lambda: qkeras.QAveragePooling2D(3, padding="same", activation="quantized_bits(5,1,alpha=1)", name="l")),
    "quantized global average": (
        (3, 3, 2),
        lambda: qkeras.QGlobalAveragePooling2D(average_quantizer="quantized_bits(6,0,alpha=1)", activation="quantized_relu(6,1)", name="l"),
    ),
    "global average act": (IMAGE, lambda: qkeras.QGlobalAveragePooling2D(activation="quantized_bits(6,1,alpha=1)", name="l")),
    "permute": (IMAGE, lambda: L.Permute((3, 1, 2), name="l")),
    "reshape": (IMAGE, lambda: L.Reshape((21, -1), name="l")),
    "zeros": (IMAGE, lambda: L.ZeroPadding2D(((1, 0), (2, 3)), name="l")),
    "zeros1d": (ROW, lambda: L.ZeroPadding1D((1, 2), name="l")),
    "upsampling": (IMAGE, lambda: L.UpSampling2D((2, 3), name="l")),
    "upsampling1d": (ROW, lambda: L.UpSampling1D(3, name="l")),
    "relu": (ROW, lambda: L.ReLU(name="l")),
    "relu limited": (ROW, lambda: L.ReLU(max_value=1.5, name="l")),
    "relu limited off the grid": (ROW, lambda: L.ReLU(max_value=1 + 2**-7, negative_slope=0.25, name="l")),
    "leaky relu": (ROW, lambda: L.LeakyReLU(0.125, name="l")),
    "activation relu": (ROW, lambda: L.Activation("relu", name="l")),
    "activation quantizer": (ROW, lambda: L.Activation(qkeras.quantized_relu(4, 1), name="l")),
    "QActivation relu": (ROW, lambda: qkeras.QActivation("relu", name="l")),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_layer(kind):
    shape, make = LAYERS[kind]
    model = scatter(keras.Sequential([keras.Input(shape, name="x"), make()]), 1)
    network = assert_exact(model, BYTE)
    assert network.output.name in ("l", "l_act")
    assert network.output.shape == tuple(model.output_shape[1:])


@pytest.mark.parametrize("kind", LAYERS)
def test_layer_before_a_quantizer(kind):
    """The same with a QActivation behind it and another type of input: nodes carry the layers' names."""
    shape, make = LAYERS[kind]
    model = scatter(
        keras.Sequential([keras.Input(shape, name="x"), make(), qkeras.QActivation("quantized_bits(5,2,alpha=1)", name="q")]), 2
    )
    assert assert_exact(model, FixedType(7, 1, False), seed=3).output.name == "q"


def test_quantized_averages_that_float32_changes_are_refused():
    """Sums of 9 come back from / 9 * 9, but not where TensorFlow joins * 9 * factor into one product."""
    make = qkeras.QAveragePooling2D(3, average_quantizer="quantized_bits(8,0,alpha=1)", name="l")
    with pytest.raises(UnsupportedError, match="layer 'l' divides by 9 and multiplies by 9 again"):
        lower(keras.Sequential([keras.Input(IMAGE, name="x"), make]), BYTE)


AVERAGES = {
    "9": ((6, 6, 2), lambda: L.AveragePooling2D(3)),
    "borders": ((7, 5, 2), lambda: L.AveragePooling2D(3, strides=2, padding="same")),
    "7": ((21, 2), lambda: L.AveragePooling1D(7, strides=3)),
    "49": ((7, 7, 2), lambda: L.GlobalAveragePooling2D()),
    "49 kept": ((7, 7, 2), lambda: L.GlobalAveragePooling2D(keepdims=True)),
    "11": ((11, 3), lambda: L.GlobalAveragePooling1D()),
}


@pytest.mark.parametrize("kind", AVERAGES)
@pytest.mark.parametrize(
    "quantizer", ["quantized_bits(6,2,alpha=1)", "quantized_relu(4,1)", "quantized_bits(8,1,alpha=4)", "quantized_bits(12,3,1,alpha=1)"]
)
def test_average_is_rounded_by_the_quantizer_behind_it(kind, quantizer):
    shape, make = AVERAGES[kind]
    model = keras.Sequential([keras.Input(shape, name="x"), make(), L.Dropout(0.5), qkeras.QActivation(quantizer, name="q")])
    network = assert_exact(model, FixedType(7, 3), 1000)
    assert network.output.name == "q" and [n.op for n in network.nodes].count("avgpool") == 1


BATCHNORMS = {
    "QConv2DBatchnorm": (qkeras.QConv2DBatchnorm, {"filters": 5, "kernel_size": 3} | Q),
    "QConv2DBatchnorm scaled": (
        qkeras.QConv2DBatchnorm,
        {"filters": 5, "kernel_size": 3} | Q | {"kernel_quantizer": "quantized_bits(5,0)"},
    ),
    "QDepthwiseConv2DBatchnorm": (qkeras.QDepthwiseConv2DBatchnorm, {"kernel_size": 3, "depth_multiplier": 2} | D),
}


@pytest.mark.parametrize("kind", BATCHNORMS)
@pytest.mark.parametrize("mode", ["ema_stats_folding", "batch_stats_folding"])
@pytest.mark.parametrize("use_bias", [False, True])
def test_folded_batch_normalization(kind, mode, use_bias):
    """Moving statistics, gamma and beta far from their initial values; the quantized folded weights are what runs."""
    make, config = BATCHNORMS[kind]
    rng = np.random.default_rng(4)
    layer = make(padding="same", use_bias=use_bias, folding_mode=mode, activation=AFTER, name="l", **config)
    model = scatter(keras.Sequential([keras.Input((6, 6, 3), name="x"), layer]), 5)
    norm = layer.batchnorm
    for variable, values in (
        (norm.moving_mean, rng.normal(0, 1, norm.moving_mean.shape)),
        (norm.moving_variance, rng.uniform(0.2, 5, norm.moving_mean.shape)),
        (norm.gamma, rng.normal(1, 0.5, norm.moving_mean.shape)),
        (norm.beta, rng.normal(0, 1, norm.moving_mean.shape)),
    ):
        variable.assign(values)
    network = assert_exact(model, BYTE)
    assert network.node("l").kernel.nonzeros and network.node("l").bias.nonzeros
    assert network.output.name == "l_act"


def normalized(layer, shape, variance):
    model = keras.Sequential([keras.Input(shape, name="x"), layer])
    layer.moving_variance.assign(np.full(shape[-1], variance) - np.float32(layer.epsilon))
    return model


def test_batch_normalization_by_powers_of_two():
    """gamma, beta and mean of few bits, variance + epsilon a power of four."""
    layer = L.BatchNormalization(name="bn")
    model = normalized(layer, (4, 4, 5), 4.0)
    layer.gamma.assign([1, 0.5, -2, 3, 0.75])
    layer.beta.assign([0, 1, -0.25, 2, 0])
    layer.moving_mean.assign([0.5, -1, 0, 3, 0.25])
    network = assert_exact(model, BYTE)
    assert [n.op for n in network.nodes] == ["input", "scale"] and network.output.out.fraction <= 12


def test_quantized_batch_normalization_by_powers_of_two():
    layer = qkeras.QBatchNormalization(name="bn", epsilon=1e-12)
    model = normalized(layer, (3,), 4.0)
    layer.gamma.assign([0.3, 1.1, 2.5])
    layer.beta.assign([-0.3, 0.0, 1.2])
    layer.moving_mean.assign([0.3, -0.7, 0.1])
    layer.moving_variance.assign([0.9, 4.2, 15.0])
    network = assert_exact(model, BYTE)
    assert network.output.op == "scale" and network.output.kernel.values.shape == (3,)


NORM_REFUSALS = {
    "variance": (lambda: normalized(L.BatchNormalization(name="bn"), (3,), 2.0), "no power of two: variance . epsilon is 2 in channel 0"),
    "axis": (lambda: normalized(L.BatchNormalization(axis=1, name="bn"), (3, 3), 4.0), "axes .1."),
    "default epsilon": (lambda: normalized(qkeras.QBatchNormalization(name="bn"), (3,), 1.0), "no power of two.*QConv2DBatchnorm"),
}


@pytest.mark.parametrize("case", NORM_REFUSALS)
def test_batch_normalization_refused(case):
    make, message = NORM_REFUSALS[case]
    with pytest.raises(UnsupportedError, match=f"layer 'bn'.*{message}") as caught:
        lower(make(), BYTE)
    assert "fpgacompress.quantize" in str(caught.value)


def test_an_inexact_root_of_tensorflow_is_refused():
    """Whether the vectorized ``rsqrt`` is off by the last place depends on the processor; an exact one is lowered."""
    model = normalized(L.BatchNormalization(name="bn"), (64,), 4.0)
    if np.all(model(np.eye(64, dtype=np.float32)).numpy() == 0.5 * np.eye(64)):
        assert_exact(model, BYTE)
        return
    with pytest.raises(UnsupportedError, match="layer 'bn'.*'rsqrt' is off by the last place"):
        lower(model, BYTE)


def test_long_offsets_are_refused():
    layer = L.BatchNormalization(name="bn")
    model = normalized(layer, (2, 2, 3), 4.0)
    layer.moving_mean.assign([0.1, 0, 0])
    with pytest.raises(UnsupportedError, match="needs [0-9]+ bits"):
        lower(model, BYTE)
