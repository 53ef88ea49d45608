"""Requests that cannot be had are refused before any tool starts; what hls4ml would change is an error."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from integer.networks import cnn, mlp, tensor

from fpgacompress.errors import HardwareError, ToolError, UnsupportedError
from fpgacompress.firmware.graph import cpp_names
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.verify import differing_bits
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType
from fpgacompress.lower.builder import Builder

RNG = np.random.default_rng(0)
SMALL = mlp(RNG, [12, 8, 4], FixedType(6, 2))


def big():
    net = Builder("big")
    at = net.input("x", FixedType(4, 1), (100,))
    net.weighted("wide", "dense", at, (50,), tensor(RNG, (100, 50), FixedType(4, 1)), None)
    return net.network()


@pytest.mark.parametrize(
    "network, settings, message",
    [
        (SMALL, {"backend": "Vits"}, "no back end 'Vits'.*Vitis, Vivado"),
        (SMALL, {"io": "serial"}, "no io type"),
        (SMALL, {"plan": {"fc9": ("latency", 1)}}, "names the layer 'fc9'.*fc0, fc1"),
        (SMALL, {"plan": {"fc0": ("fast", 1)}}, "strategy 'fast'"),
        (SMALL, {"plan": {"fc0": ("resource", 7)}}, "reuse factor 7 in layer 'fc0'.*set reuse: [68]"),
        (big(), {}, "layer 'wide' has 5000 weights, too many.*at most 4096.*strategy resource"),
        (cnn(RNG, 5), {"io": "io_stream"}, "layer 'p' pools.*io_parallel"),
    ],
)
def test_refused(network, settings, message, tmp_path):
    with pytest.raises(HardwareError, match=message):
        generate(network, tmp_path / "p", **settings)
    assert not list(tmp_path.iterdir()), "a refused project leaves nothing behind"


def test_three_summands_are_refused(tmp_path):
    net = Builder("sum")
    at = net.input("x", FixedType(4, 1), (4,))
    net.add("sum", [at, at, at])
    with pytest.raises(UnsupportedError, match="layer 'sum' adds 3"):
        generate(net.network(), tmp_path / "p")


def test_a_dropped_layer_is_an_error(tmp_path, monkeypatch):
    """If a future hls4ml fuses an activation away, we say so instead of computing something else."""
    from hls4ml.model.layers import Activation
    from hls4ml.model.optimizer.passes.linear import EliminateLinearActivation

    monkeypatch.setattr(EliminateLinearActivation, "match", lambda self, node: isinstance(node, Activation))
    with pytest.raises(ToolError, match="dropped layer 'act0'"):
        generate(SMALL, tmp_path / "p")


def test_an_existing_project_survives_a_failure(tmp_path):
    generate(SMALL, tmp_path / "p")
    kept = (tmp_path / "p/README.md").read_text()
    with pytest.raises(HardwareError):
        generate(SMALL, tmp_path / "p", plan={"fc0": ("resource", 7)})
    assert (tmp_path / "p/README.md").read_text() == kept and [f.name for f in tmp_path.iterdir()] == ["p"]
    generate(SMALL, tmp_path / "p", name="second")
    assert (tmp_path / "p/second_test.cpp").is_file() and [f.name for f in tmp_path.iterdir()] == ["p"]


def test_generation_is_silent_and_needs_no_tensorflow(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from firmware.test_graph import SMALL\n"
        "from fpgacompress.firmware.hls import generate\n"
        f"generate(SMALL, {str(tmp_path / 'p')!r}); assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_names_become_identifiers():
    net = Builder("names")
    at = net.input("input", FixedType(4, 1), (4,))
    for name in ("fc/1", "FC_1", "1st", "double", "a-b", "a.b"):
        at = net.quantize(name, at, FixedType(4, 1, True, "RND_CONV", "SAT"))
    names = list(cpp_names(net.network()).values())
    assert len({n.lower() for n in names}) == len(names) and all(n.isidentifier() for n in names)
    assert "input" not in names and "double" not in names


def test_no_compiler(tmp_path, monkeypatch):
    firmware = generate(SMALL, tmp_path / "p")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"g\+\+ is not there.*apt-get install g\+\+"):
        firmware.compile()


def test_compiler_errors_are_one_line(tmp_path):
    firmware = generate(SMALL, tmp_path / "p")
    source = tmp_path / "p/firmware/student.cpp"
    source.write_text("this is no C++;\n" + source.read_text())
    with pytest.raises(ToolError, match=r"g\+\+ failed: firmware/student.cpp:1:1: error:") as caught:
        firmware.compile()
    assert "\n" not in str(caught.value) and len((tmp_path / "p/compile.log").read_text()) > 0


@pytest.mark.parametrize("backend, message", [("Vitis", "vitis-run or vitis_hls is not there"), ("Vivado", "vivado_hls is not there")])
def test_no_vendor_tool(tmp_path, monkeypatch, backend, message):
    firmware = generate(SMALL, tmp_path / "p", backend=backend)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=f"{message}.*copy .* to a machine that has it and run there: "):
        firmware.build()


@pytest.mark.parametrize(
    "script, message", [("exit 0", None), ("echo 'ERROR: [HLS 200-70] no license'; echo more; exit 1", r"ERROR: \[HLS 200-70\] no license")]
)
def test_vendor_tool_is_run(tmp_path, monkeypatch, script, message):
    """A stand-in for vitis-run shows the command line, the options file and how failures are told."""
    firmware = generate(SMALL, tmp_path / "p")
    tool = tmp_path / "vitis-run"
    tool.write_text(f'#!/bin/sh\necho "$@" > called\n{script}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    if message:
        with pytest.raises(ToolError, match=message):
            firmware.build()
    else:
        firmware.build(cosim=True)
        assert (tmp_path / "p/called").read_text() == "--mode hls --tcl build_prj.tcl\n"
        assert "cosim      1" in (tmp_path / "p/build_opt.tcl").read_text()


def test_first_error():
    text = "warning: x\nfoo.cpp:3:1: error: expected ';'\nfoo.cpp:9:1: error: other\n"
    assert toolchains.first_error(text) == "foo.cpp:3:1: error: expected ';'"
    assert toolchains.first_error("all\nwell\n") == "well" and toolchains.first_error("") == "no message"


def test_bits_are_counted():
    kind = FixedType(4, 2)
    assert differing_bits(np.array([0, -1, 5, 7]), np.array([0, 0, 4, 23]), kind).tolist() == [0, 4, 1, 1]
