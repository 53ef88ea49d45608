"""Whole models: branches, joins, models inside models, layers used twice, and what the nodes are called."""

import time

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType
from fpgacompress.lower import lower

from .exact import assert_exact, differences, inputs
from .models import L, Q, keras, qkeras, scatter

BYTE = FixedType(6, 2)
NARROW = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(4,1,alpha=1)"}


def conv(filters, name, size=3, **settings):
    return qkeras.QConv2D(filters, size, padding="same", name=name, **(NARROW | settings))


def unet(seed=0):
    """Down, up again by repetition, joined with the way down along the channels."""
    x = i = L.Input((8, 8, 2), name="image")
    x = left = conv(3, "down", activation="quantized_relu(4,2)")(x)
    x = L.MaxPooling2D(2, name="pool")(x)
    x = conv(4, "bottom", activation="quantized_bits(5,2,alpha=1)")(x)
    x = L.UpSampling2D(2, name="up")(x)
    x = L.Concatenate(name="join")([left, x])
    x = conv(2, "head", size=1)(x)
    return scatter(keras.Model(i, x, name="unet"), seed)


def mobile(seed=0):
    """Depthwise and separable convolutions, a residual sum, a rounded global average."""
    x = i = L.Input((7, 7, 3), name="image")
    x = L.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(x)
    x = qkeras.QDepthwiseConv2D(3, padding="same", name="dw", depthwise_quantizer="ternary(alpha=1)", use_bias=False)(x)
    x = short = qkeras.QActivation("quantized_relu(4,2,0,0.25)", name="leaky")(x)
    x = qkeras.QSeparableConv2D(
        3,
        3,
        padding="same",
        name="sep",
        depthwise_quantizer="binary(alpha=1)",
        pointwise_quantizer="quantized_bits(3,0,alpha=1)",
        use_bias=False,
    )(x)
    x = L.Add(name="sum")([x, short, short])
    x = qkeras.QActivation("quantized_tanh(5)", name="tanh")(x)
    x = L.AveragePooling2D(3, strides=2, padding="same", name="mean")(x)
    x = qkeras.QActivation("quantized_bits(6,0,alpha=1)", name="rounded")(x)
    x = L.GlobalAveragePooling2D(name="all")(x)
    x = qkeras.QDense(4, name="logits", **NARROW)(x)
    return scatter(keras.Model(i, x, name="mobile"), seed)


def folded(seed=0):
    """Convolutions with batch normalization inside, moving statistics far from their start."""
    x = i = L.Input((6, 6, 2), name="image")
    x = qkeras.QConv2DBatchnorm(3, 3, name="c", **NARROW)(x)
    x = qkeras.QActivation("quantized_relu(4,2)", name="r")(x)
    x = qkeras.QDepthwiseConv2DBatchnorm(
        3, name="d", depthwise_quantizer="quantized_bits(4,1,alpha=1)", bias_quantizer="quantized_bits(5,2,alpha=1)"
    )(x)
    x = qkeras.QActivation("quantized_sigmoid(4)", name="s")(x)
    model = scatter(keras.Model(i, L.Flatten(name="flat")(x), name="folded"), seed)
    rng = np.random.default_rng(seed)
    for layer in (model.get_layer("c"), model.get_layer("d")):
        layer.batchnorm.moving_mean.assign(rng.normal(0, 1, 3))
        layer.batchnorm.moving_variance.assign(rng.uniform(0.1, 3, 3))
    return model


@pytest.mark.parametrize("make", [unet, mobile, folded])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_models(make, seed):
    assert_exact(make(seed), BYTE, 200, seed)


def test_names():
    names = [n.name for n in lower(mobile(), BYTE).nodes]
    assert names == [
        *("image", "pad", "dw", "leaky_leaky", "leaky_clip", "leaky", "sep_depthwise", "sep", "sum", "tanh"),
        *("rounded", "all_pool", "all", "logits"),
    ]


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2])
def test_concatenation_along_every_axis(axis):
    x = L.Input((3, 4, 2), name="x")
    y = qkeras.QActivation("quantized_bits(3,0,alpha=1)", name="a")(x)
    network = assert_exact(keras.Model(x, L.Concatenate(axis=axis, name="c")([x, y, x])), BYTE)
    assert network.output.out.fraction == 4


def test_models_inside_models():
    """The inner model is used twice, with its own nodes each time; it holds a Sequential of its own."""
    tail = keras.Sequential([keras.Input((3,)), qkeras.QDense(3, activation="quantized_relu(4,1)", name="fc", **Q)], name="tail")
    j = L.Input((4,), name="inner_input")
    inner = keras.Model(j, tail(qkeras.QDense(3, name="fc", **Q)(j)), name="inner")
    x = L.Input((4,), name="x")
    model = keras.Model(x, L.Add(name="sum")([inner(x), inner(qkeras.QActivation("quantized_bits(3,1,alpha=1)", name="a")(x))]))
    scatter(model, 3)
    network = assert_exact(model, BYTE)
    first = ["inner_fc", "inner_tail_fc", "inner_tail_fc_act"]
    assert [n.name for n in network.nodes] == ["x", *first, "a", *(f"{n}_2" for n in first), "sum"]


def test_layers_used_twice():
    x = L.Input((4,), name="x")
    fc = qkeras.QDense(4, name="fc", **Q)
    y = qkeras.QActivation("quantized_relu(3,1)", name="r")(fc(x))
    model = scatter(keras.Model(x, fc(y)), 5)
    network = assert_exact(model, BYTE)
    assert [n.name for n in network.nodes] == ["x", "fc", "r", "fc_2"]


def test_adaptive_activation_once_trained():
    layer = qkeras.QAdaptiveActivation("quantized_relu", 5, name="q", quantization_delay=1)
    model = keras.Sequential([keras.Input((3,), name="x"), layer])
    layer.ema_max.assign([3.0])
    with pytest.raises(UnsupportedError, match="layer 'q' still changes its integer bits at each call .0 now."):
        lower(model, BYTE)
    model.predict(np.zeros((1, 3)), verbose=0)
    assert str(assert_exact(model, FixedType(10, 4)).output.out) == "ufixed<5,2,RND_CONV,SAT>"


def test_weights_without_bias_or_with_zeros():
    """A float bias of zeros is none."""
    model = keras.Sequential([keras.Input((3,), name="x"), qkeras.QDense(2, name="fc", kernel_quantizer="ternary(alpha='auto_po2')")])
    assert assert_exact(model, BYTE).node("fc").bias is None


def test_scales_that_depend_on_the_weights_are_frozen():
    """alpha=None of a kernel is auto_po2: one power of two per channel, exact in a wider type."""
    model = keras.Sequential(
        [keras.Input((6,), name="x"), qkeras.QDense(5, name="fc", kernel_quantizer="quantized_bits(4,0)", use_bias=False)]
    )
    scatter(model, 2)
    kernel = model.get_layer("fc").kernel
    kernel.assign(kernel * [1, 4, 0.25, 16, 0.01])
    node = assert_exact(model, BYTE).node("fc")
    assert node.kernel.type.width > 8 and model.get_layer("fc").kernel_quantizer_internal.alpha == "auto_po2"


def test_alpha_none_of_an_activation_is_one():
    model = keras.Sequential([keras.Input((6,), name="x"), qkeras.QDense(5, name="fc", activation="quantized_bits(4,1)", **Q)])
    assert str(assert_exact(scatter(model), BYTE).output.out) == "fixed<4,2,RND_CONV,SAT>"


def test_lowering_is_quick():
    """100,000 weights in under two seconds; by far, so that a busy machine does not fail it."""
    x = i = L.Input((784,), name="x")
    for n, units in enumerate((110, 100, 10)):
        x = qkeras.QDense(units, name=f"fc{n}", activation="quantized_relu(6,2)" if n < 2 else None, **Q)(x)
    model = keras.Model(i, x)
    assert model.count_params() > 90_000
    lower(model, BYTE)
    start = time.process_time()
    lower(model, BYTE)
    assert time.process_time() - start < 2


def test_differences_are_counted():
    """The comparison used above sees a changed weight."""
    model = unet()
    network = lower(model, BYTE)
    kernel = model.get_layer("bottom").kernel
    kernel.assign(-kernel)
    found = differences(model, network, inputs(BYTE, (8, 8, 2), 20))
    assert found["down_act"] == found["pool"] == 0
    assert found["bottom_act"] > 0 and found["head"] > 0
