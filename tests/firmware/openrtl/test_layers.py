"""Every layer that is lowered: the integer network equals Vivado's C simulation in every bit."""

import numpy as np
import pytest

from fpgacompress.firmware.openrtl import explicit_sums, network_of
from fpgacompress.hardware import toolchains

from .both import L, c_simulation, configured, convert, emulated, joined, qkeras, scattered

pytestmark = [pytest.mark.slow, pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")]


def equal(image, heads, types, x, folder):
    """The network, when it computes each head as the C simulation does."""
    model, sizes = joined(image, heads)
    config = configured(scattered(model, 5), precision="fixed<10,4>")
    for layer in config["LayerName"]:
        if layer.startswith("concatenate"):
            config["LayerName"][layer]["Precision"] = "fixed<24,10>"
    for layer, precisions in types.items():
        config["LayerName"][layer]["Precision"].update(precisions)
    network = network_of(convert(model, config, folder))
    wanted, got = c_simulation(model, config, folder, x), emulated(network, x)
    ends = np.cumsum(sizes)[:-1]
    wrong = [head.name for head, a, b in zip(heads, np.split(got, ends, 1), np.split(wanted, ends, 1)) if not np.array_equal(a, b)]
    assert not wrong
    for chain in (False, True):
        assert np.array_equal(emulated(explicit_sums(network, chain), x), wanted)
    return network


def test_images(tmp_path):
    image = L.Input((7, 6, 2), name="x")
    convolved = L.Activation("relu", name="relu")(L.Conv2D(3, (3, 2), padding="same", name="same")(image))
    strided = L.Conv2D(2, 3, strides=2, padding="same", name="strided")(image)
    depthwise, pointwise = L.DepthwiseConv2D(3, padding="same", name="depthwise")(image), L.Conv2D(4, 1, name="pointwise")(image)
    padded_pool = L.MaxPooling2D((3, 2), (2, 2), padding="same", name="padded_pool")(strided)
    heads = [
        L.BatchNormalization(name="normalized")(convolved),
        L.MaxPooling2D(2, name="pool")(convolved),
        padded_pool,
        L.AveragePooling2D(2, name="average")(convolved),
        L.AveragePooling2D((3, 2), (2, 1), padding="same", name="padded_average")(convolved),
        L.GlobalAveragePooling2D(name="global_average")(convolved),
        L.GlobalMaxPooling2D(name="global_maximum")(pointwise),
        L.UpSampling2D((2, 1), name="repeated")(padded_pool),
        L.ZeroPadding2D(((1, 2), (0, 1)), name="padded")(strided),
        L.LeakyReLU(alpha=0.25, name="leaky")(L.SeparableConv2D(3, 2, name="separable")(image)),
        qkeras.QActivation("quantized_sigmoid(6)", name="hard_sigmoid")(pointwise),
        qkeras.QActivation("quantized_tanh(6)", name="hard_tanh")(depthwise),
        L.Add(name="added")([convolved, L.Conv2D(3, 1, name="other")(image)]),
        L.Average(name="mean")([depthwise, L.Conv2D(2, (1, 3), padding="same", name="row")(image)]),
        L.Permute((2, 3, 1), name="turned")(strided),
        qkeras.QActivation("binary", name="binary")(strided),
        L.Activation("relu6", name="relu6")(pointwise),
    ]
    types = {
        "relu": {"result": "ufixed<8,3,RND,SAT>"},
        "padded_pool": {"accum": "fixed<8,4,RND,SAT>", "result": "fixed<7,3>"},
        "global_average": {"accum": "fixed<16,10>", "result": "fixed<12,5,RND,SAT>"},
    }
    x = np.random.default_rng(2).normal(0, 2, (150, 7, 6, 2))
    network = equal(image, heads, types, x, tmp_path)
    assert {
        "conv2d",
        "depthwise2d",
        "scale",
        "maxpool",
        "avgpool",
        "upsample",
        "zeropad",
        "leaky_relu",
        "clip",
        "add",
        "permute",
        "threshold",
    } <= {node.op for node in network.nodes}


def test_series(tmp_path):
    """Among them sums in accumulators that round each product, wrap and saturate, in the order of the window."""
    series = L.Input((12, 3), name="x")
    causal, dense = L.Conv1D(4, 3, padding="causal", name="causal")(series), L.Dense(5, name="dense")(series)
    strided, valid = L.Conv1D(3, 4, strides=3, padding="same", name="strided")(series), L.Conv1D(4, 3, name="valid")(series)
    depthwise, average = L.DepthwiseConv1D(3, name="depthwise")(series), L.AveragePooling1D(4, name="average")(strided)
    heads = [
        causal,
        dense,
        strided,
        valid,
        depthwise,
        average,
        L.SeparableConv1D(3, 2, name="separable")(series),
        L.MaxPooling1D(3, 2, name="pool")(causal),
        L.ZeroPadding1D((1, 2), name="padded")(depthwise),
        L.GlobalMaxPooling1D(name="maximum")(dense),
        L.UpSampling1D(2, name="repeated")(average),
        L.Concatenate(axis=-1, name="channels")([causal, dense]),
        L.Concatenate(axis=1, name="steps")([valid, causal]),
    ]
    types = {
        "causal": {"accum": "fixed<8,4,RND,SAT>"},
        "strided": {"accum": "fixed<9,3,RND_CONV,WRAP>"},
        "valid": {"accum": "fixed<24,4>", "result": "fixed<7,3,RND,SAT_SYM>"},
        "depthwise": {"accum": "fixed<8,3,TRN,SAT_SYM>"},
        "dense": {"accum": "fixed<7,4,RND_CONV,SAT>"},
    }
    network = equal(series, heads, types, np.random.default_rng(3).normal(0, 2, (200, 12, 3)), tmp_path)
    assert [str(network.node(name).out) for name in ("causal", "strided")] == ["fixed<8,4,RND,SAT>", "fixed<9,3,RND_CONV,WRAP>"]


def test_weights_with_scales(tmp_path):
    """QKeras' binary and ternary weights, and scales (alpha) that hls4ml makes a layer of."""
    vector, heads = L.Input((6,), name="x"), []
    for i, kernel in enumerate(
        ("quantized_bits(4,0,alpha='auto')", "ternary(alpha=1)", "binary(alpha=1)", "ternary(alpha='auto')", "binary(alpha='auto')")
    ):
        bias = "quantized_bits(6,1,alpha=1)"
        heads.append(qkeras.QDense(5, kernel_quantizer=kernel, bias_quantizer=bias, name=f"dense{i}")(vector))
    equal(vector, heads, {}, np.random.default_rng(4).normal(0, 2, (200, 6)), tmp_path)
