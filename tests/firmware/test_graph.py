"""Requests that cannot be had are refused before any tool starts; what hls4ml would change is an error."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from integer.networks import mlp, tensor

from firmware.networks import Net
from fpgacompress.errors import HardwareError, ToolError, UnsupportedError
from fpgacompress.firmware import extension
from fpgacompress.firmware.extension import HEADERS
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.layers import cpp_names, parts
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


def channels():
    net = Net(FixedType(4, 1), (5, 5, 2))
    net.conv("depthwise2d", (3, 3), 1, name="dw")
    net.add("scale", kernel=tensor(RNG, (2,), FixedType(4, 1)), name="bn")
    return net.network()


def image():
    net = Net(FixedType(4, 1), (4, 4, 2))
    net.conv("conv2d", (2, 2), 3, name="c")
    return net.network()


def narrow(text):
    net = Net(FixedType(4, 1), (6,))
    net.weighted("dense", (6, 3), name="fc", out=FixedType.parse(text))
    return net.network()


def fan(readers):
    net = Net(FixedType(4, 1), (6,))
    net.add("add", *["x"] * readers)
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
        (channels(), {"plan": {"dw": ("resource", 2)}}, "depthwise layer 'dw' with strategy resource.*strategy latency"),
        (image(), {"plan": {"c": ("resource", 12)}}, "'c'.*wrongly at reuse factor 12.*at most 8"),
        (channels(), {"io": "io_stream", "plan": {"dw": ("resource", 4)}}, "'dw'.*reuse factor that divides 18"),
        (channels(), {"plan": {"bn": ("resource", 2)}}, "layer 'bn' scales channels.*leave the layer out of the plan"),
        (narrow("fixed<9,4,TRN,SAT>"), {"plan": {"fc": ("resource", 3)}}, "layer 'fc' saturates its sums in fixed<9,4,TRN,SAT>.*order"),
        (narrow("fixed<9,6>"), {"plan": {"fc": ("distributed_arithmetic", 1)}}, "layer 'fc' rounds its products"),
        (fan(8), {"io": "io_stream"}, "result of layer 'x' is read 8 times.*at most 7 times in io_stream.*io_parallel"),
        (narrow("fixed<54,9>"), {}, "layer 'fc' has the type fixed<54,9>.*doubles.*at most 53 bits"),
    ],
)
def test_refused(network, settings, message, tmp_path):
    with pytest.raises(HardwareError, match=message):
        generate(network, tmp_path / "p", **settings)
    assert not list(tmp_path.iterdir()), "a refused project leaves nothing behind"


def test_a_dropped_layer_is_an_error(tmp_path, monkeypatch):
    """If a future hls4ml fuses an activation away, we say so instead of computing something else."""
    from hls4ml.model.layers import Activation
    from hls4ml.model.optimizer.passes.linear import EliminateLinearActivation

    monkeypatch.setattr(EliminateLinearActivation, "match", lambda self, node: isinstance(node, Activation))
    with pytest.raises(ToolError, match="dropped layer 'act0'"):
        generate(SMALL, tmp_path / "p")


def test_a_changed_constant_is_an_error(tmp_path, monkeypatch):
    real = extension.precision
    monkeypatch.setattr(extension, "precision", lambda type: real(FixedType(type.width + 1, type.integer, type.signed)))
    with pytest.raises(ToolError, match="hls4ml changed the kernel of layer 'bn'"):
        generate(channels(), tmp_path / "p")


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


def test_unsupported_shapes_are_refused_by_name(tmp_path):
    net = Net(FixedType(4, 1), (2, 2, 2, 3))
    net.weighted("dense", (3, 2), name="fc")
    with pytest.raises(UnsupportedError, match="dense layer 'fc' reads a tensor of 4 axes"):
        generate(net.network(), tmp_path / "p")
    net = Net(FixedType(4, 1), (2, 2, 2, 3))
    net.add("concatenate", "x", "x", axis=3, name="cat")
    with pytest.raises(UnsupportedError, match="layer 'cat' joins tensors of 4 axes"):
        generate(net.network(), tmp_path / "p")
    net = Net(FixedType(4, 1), (2, 1, 1, 2, 3))
    net.add("permute", axes=[4, 1, 2, 3, 0], name="turn")
    with pytest.raises(UnsupportedError, match="layer 'turn' permutes 5 axes"):
        generate(net.network(), tmp_path / "p")


def test_names_of_parts_are_free():
    net = Net(FixedType(4, 1), (4,))
    net.quantize("fixed<3,1>")
    net.add("add", "x", "x", "x", "x", name="s")
    net.quantize("fixed<3,1>")
    net.add("clip", low=0, high=1, name="S_part1")
    assert list(parts(net.network(), stream=False)["s"]) == ["s_part2", "s_part3"]


def test_our_headers_come_with_the_project(tmp_path):
    """The project is synthesized where this package is not installed."""
    generate(SMALL, tmp_path / "p")
    ours = {p.name: p.read_bytes() for p in (tmp_path / "p/firmware/nnet_utils").glob("nnet_fc_*.h")}
    assert set(ours) == {"nnet_fc_map.h", "nnet_fc_pool.h", "nnet_fc_shape.h"} == {p.name for p in HEADERS}
    assert all(ours[p.name] == p.read_bytes() for p in HEADERS)


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
    "script, message",
    [
        ("exit 0", "ended with exit status 0, but did not write .*student_csynth.xml"),
        ("echo 'ERROR: [HLS 200-70] no license'; echo more; exit 1", r"ERROR: \[HLS 200-70\] no license"),
    ],
)
def test_vendor_tool_is_run(tmp_path, monkeypatch, script, message):
    """A stand-in for vitis-run shows the command line, the options file and how failures are told (more: tests/firmware/vendor)."""
    firmware = generate(SMALL, tmp_path / "p")
    tool = tmp_path / "vitis-run"
    tool.write_text(f'#!/bin/sh\necho "$@" > called\n{script}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ToolError, match=message):
        firmware.build(cosim=True)
    assert (tmp_path / "p/called").read_text() == "--mode hls --tcl build_prj.tcl\n"
    assert "synth      1" in (tmp_path / "p/build_opt.tcl").read_text()


def test_first_error():
    text = "warning: x\nfoo.cpp:3:1: error: expected ';'\nfoo.cpp:9:1: error: other\n"
    assert toolchains.first_error(text) == "foo.cpp:3:1: error: expected ';'"
    assert toolchains.first_error("all\nwell\n") == "well" and toolchains.first_error("") == "no message"


def test_bits_are_counted():
    kind = FixedType(4, 2)
    assert differing_bits(np.array([0, -1, 5, 7]), np.array([0, 0, 4, 23]), kind).tolist() == [0, 4, 1, 1]
