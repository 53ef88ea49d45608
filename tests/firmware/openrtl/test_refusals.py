"""What cannot be held exactly is refused when a model is converted: the layer, what it is, and what would do."""

import numpy as np
import pytest

from fpgacompress.errors import DataError, HardwareError, ToolError, UnsupportedError
from fpgacompress.firmware.openrtl import network_of

from .both import L, configured, convert, keras, scattered


def dense(*behind, units=3):
    return scattered(keras.Sequential([L.Input((4,), name="x"), L.Dense(units, name="fc"), *behind]), 1)


def refused(model, folder, match, **types):
    config = configured(model)
    for layer, precisions in types.items():
        config["LayerName"][layer]["Precision"] = config["LayerName"][layer]["Precision"] | precisions
    with pytest.raises(UnsupportedError, match=match):
        convert(model, config, folder)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "elu", "softplus"])
def test_activations_of_tables(tmp_path, name):
    refused(dense(L.Activation(name, name="act")), tmp_path, f"layer 'act': activation '{name}'. Expected: linear, relu")


@pytest.mark.parametrize(
    "behind, match",
    [
        ([L.Softmax(name="inside"), L.Dense(2)], "layer 'inside' is a softmax inside of the model. Expected: Dense"),
        ([L.LeakyReLU(alpha=0.3, name="leaky")], "layer 'leaky': activation leaky_relu of slope"),
        ([L.Reshape((1, 3)), L.LSTM(2, name="recurrent")], "layer 'recurrent' is LSTM. Expected: Dense"),
        ([L.Reshape((3, 1)), L.DepthwiseConv1D(2, depth_multiplier=2, name="conv")], "layer 'conv': a depth multiplier of 2. Expected: 1"),
        ([L.Reshape((3, 1)), L.AveragePooling1D(3, name="pool")], "layer 'pool': averages of negative values over .3. elements"),
    ],
)
def test_layers(tmp_path, behind, match):
    refused(dense(*behind), tmp_path, match)


@pytest.mark.parametrize(
    "types, match",
    [
        (
            {"result": "fixed<6,3,TRN_ZERO,SAT>"},
            "layer 'fc': the result type is fixed<6,3,TRN_ZERO,SAT,0>, whose mode TRN_ZERO acts.*TRN or RND or RND_CONV",
        ),
        ({"result": "fixed<6,1,RND,SAT_ZERO>"}, "layer 'fc': the result type is .*mode SAT_ZERO acts"),
        ({"accum": "fixed<6,3,RND_INF,WRAP>"}, "layer 'fc': the accumulator is fixed<6,3,RND_INF,WRAP,0>, which changes some sums.*'auto'"),
        ({"weight": "fixed<4,1,RND_ZERO,SAT>"}, "layer 'fc': the weight type is fixed<4,1,RND_ZERO,SAT,0>, and value"),
        ({"result": "float"}, "layer 'fc': the result type is of hls4ml's .*PrecisionType"),
    ],
)
def test_types(tmp_path, types, match):
    refused(dense(), tmp_path, match, fc=types)


def test_modes_that_never_act_are_no_matter(tmp_path):
    model = dense()
    config = configured(model)
    for layer in ("fc", "fc_linear"):
        config["LayerName"][layer]["Precision"] |= {"weight": "fixed<8,2>", "result": "fixed<40,18,RND_INF,SAT_ZERO>"}
    assert network_of(convert(model, config, tmp_path)).output.name == "fc"


def test_the_input_type(tmp_path):
    model = dense()
    config = configured(model)
    config["LayerName"]["x"]["Precision"] = "fixed<8,3,RND_INF,SAT>"
    with pytest.raises(
        UnsupportedError, match="layer 'x': the result type is fixed<8,3,RND_INF,SAT,0>. Expected: TRN, RND, RND_CONV with WRAP"
    ):
        convert(model, config, tmp_path)


def test_compressed_weights(tmp_path):
    model = dense()
    config = configured(model)
    config["LayerName"]["fc"] |= {"Compression": True, "Strategy": "Resource"}
    with pytest.raises(UnsupportedError, match="layer 'fc': compressed weight. Expected: weights without Compression"):
        convert(model, config, tmp_path)


def test_one_input_and_one_output(tmp_path):
    a, b = L.Input((3,), name="a"), L.Input((3,), name="b")
    refused(keras.Model([a, b], L.Add()([a, b])), tmp_path, "a model of 2 inputs and 1 outputs. Expected: one of each")
    refused(keras.Model(a, [L.Dense(2)(a), L.Dense(2)(a)]), tmp_path, "a model of 1 inputs and 2 outputs")
    joined = keras.Model(a, L.Multiply(name="product")([L.Dense(3)(a), L.Dense(3)(a)]))
    refused(joined, tmp_path, "layer 'product': multiply of shapes")


@pytest.mark.parametrize(
    "settings, match",
    [
        (
            {"part": "xc7z020clg400-1"},
            "has no setting 'part'. Expected: clock_period, io_type, levels, interval. Do: leave it out; the device is named",
        ),
        ({"io_type": "io_serial"}, "has no io_type 'io_serial'. Expected: io_parallel or io_stream"),
        ({"interval": 8}, "interval=8 with io_type 'io_parallel'"),
    ],
)
def test_settings(tmp_path, settings, match):
    model = dense()
    with pytest.raises(HardwareError, match=match):
        convert(model, configured(model), tmp_path, **settings)


def test_a_reuse_factor_is_told_to_be_without_effect(tmp_path):
    model = dense()
    config = configured(model)
    config["LayerName"]["fc"]["ReuseFactor"] = 4
    with pytest.warns(UserWarning, match="layer 'fc': this back end does not use ReuseFactor"):
        convert(model, config, tmp_path)


def test_what_is_asked_of_a_model_too_early_or_wrongly(tmp_path):
    model = dense()
    graph = convert(model, configured(model), tmp_path)
    with pytest.raises(ToolError, match="the model is not compiled. Do: call compile"):
        graph.predict(np.zeros((2, 4)))
    graph.config.trace_output = True
    with pytest.raises(UnsupportedError, match="a trace of every layer"):
        graph.config.backend.compile(graph)


@pytest.mark.parametrize(
    "x, match",
    [
        (np.zeros((2, 4), int), "inputs that are int64 of shape .2, 4.. Expected: a float array of shape .n, 4."),
        (np.zeros((2, 3)), "inputs that are float64 of shape .2, 3."),
        ([[0.0] * 4], "inputs that are list"),
        (np.array([[0, 1, np.nan, 2]]), "inputs that are not finite"),
    ],
)
def test_inputs(tmp_path, x, match):
    from fpgacompress.firmware.openrtl.graph import input_values

    model = dense()
    with pytest.raises(DataError, match=match):
        input_values(network_of(convert(model, configured(model), tmp_path)).input, x)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    pytest.importorskip("da4ml")
    model = dense()
    (tmp_path / "OpenRTL").mkdir()
    (tmp_path / "OpenRTL" / "mine.txt").write_text("mine")
    with pytest.raises(HardwareError, match="holds other files"):
        convert(model, configured(model), tmp_path).write()
    assert [path.name for path in (tmp_path / "OpenRTL").iterdir()] == ["mine.txt"]


def test_a_convolution_is_for_streams(tmp_path):
    pytest.importorskip("da4ml")
    model = scattered(keras.Sequential([L.Input((4, 1), name="x"), L.Conv1D(2, 2, name="conv")]), 1)
    with pytest.raises(UnsupportedError, match="layer 'conv': conv1d with io_type 'io_parallel'.*Do: convert with io_type='io_stream'"):
        convert(model, configured(model), tmp_path).write()
    assert not (tmp_path / "OpenRTL").exists()
