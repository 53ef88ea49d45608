"""FIFOs and line buffers of io_stream: the ones hls4ml writes, and what reports of HLS tools say of them."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from fpgacompress.firmware.hls import generate
from fpgacompress.hardware.calibrate import DATA, elsewhere, stream_modules, tables
from fpgacompress.hardware.setting import Setting
from fpgacompress.hardware.stream_parts import network_buffers, network_fifos, row_fifos
from fpgacompress.hardware.streams import Buffer, Fifo, buffer_counts, fifo_bram18, fifo_counts, part_figures
from fpgacompress.hardware.table import design_rows, predict
from fpgacompress.integer.network import IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import FixedType
from tests.hardware.networks import cnn, mlp

VITIS, VIVADO = Setting(True, 5.0, "Vitis"), Setting(True, 5.0, "Vivado")
ROWS = stream_modules()
ACT, SUM, WEIGHT = FixedType(6, 1, False, "RND_CONV", "SAT"), FixedType(18, 6), FixedType(4, 1)


def number(row, name):
    return int(row[name] or 0)


def residual_network() -> IntegerNetwork:
    """Padded convolutions, a sum around one of them, three tensors joined, both kinds of pooling, and two readers behind a flatten."""
    random = np.random.default_rng(0)

    def kernel(*shape):
        return Tensor(random.integers(-7, 8, shape), WEIGHT)

    same, pool = {"strides": [1, 1], "padding": "same"}, {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
    half = FixedType(6, 1, False)
    nodes = [
        Node("x", "input", (), FixedType(8, 0, False), (8, 8, 2)),
        Node("c1", "conv2d", ("x",), SUM, (8, 8, 4), kernel(3, 3, 2, 4), None, same),
        Node("r1", "quantize", ("c1",), ACT, (8, 8, 4)),
        Node("c2", "conv2d", ("r1",), SUM, (8, 8, 4), kernel(3, 3, 4, 4), None, same),
        Node("s", "add", ("c2", "r1"), FixedType(20, 8), (8, 8, 4)),
        Node("r2", "quantize", ("s",), ACT, (8, 8, 4)),
        Node("p", "maxpool", ("r2",), ACT, (4, 4, 4), None, None, pool),
        Node("cat", "concatenate", ("p", "p", "p"), half, (4, 4, 12), None, None, {"axis": 2}),
        Node("a", "avgpool", ("cat",), FixedType(8, 1, False), (2, 2, 12), None, None, pool),
        Node("f", "flatten", ("a",), FixedType(8, 1, False), (48,)),
        Node("d1", "dense", ("f",), SUM, (5,), kernel(48, 5)),
        Node("d2", "dense", ("f",), SUM, (5,), kernel(48, 5)),
        Node("o", "add", ("d1", "d2"), FixedType(19, 7), (5,)),
    ]
    return IntegerNetwork("residual", tuple(nodes))


def written(network, folder):
    """(depth, bits, channels) of every stream inside the C++ that hls4ml writes."""
    firmware = generate(network, folder / "p", io="io_stream")
    source = (folder / "p" / "firmware" / f"{firmware.name}.cpp").read_text()
    defines = (folder / "p" / "firmware" / "defines.h").read_text()
    types = {
        m[3]: (int(m[1]), math.prod(map(int, m[2].split("*"))))
        for m in re.finditer(r"typedef nnet::array<ap_u?fixed<(\d+)[^>]*>, ([0-9*]+)> (\w+);", defines)
    }
    streams = re.finditer(r"hls::stream<(\w+)> (\w+)\(\"[^\"]*\"\);\s*#pragma HLS STREAM variable=\2 depth=(\d+)", source)
    return sorted((int(m[3]), *types[m[1]]) for m in streams)


@pytest.mark.parametrize("network", [cnn(), residual_network(), mlp((16, 8, 4), (6, 6), 0.3)], ids=["cnn", "residual", "mlp"])
def test_the_fifos_are_those_that_hls4ml_writes(network, tmp_path):
    assert sorted((f.depth, f.bits, f.channels) for f in network_fifos(network)) == written(network, tmp_path)


def test_the_fifos_of_a_row_are_those_of_its_report():
    designs = {r["design_id"]: r for r in tables(DATA)[0] + elsewhere()}
    checked = 0
    for name in dict.fromkeys(r["design_id"] for r in ROWS if r["kind"] == "fifo" and r["design_id"]):
        vivado = designs[name]["tool"].startswith("vivado")
        told = sorted((f.depth, f.bits, f.channels) for f in row_fifos(json.loads(designs[name]["layers_json"])))
        own = [r for r in ROWS if r["kind"] == "fifo" and r["design_id"] == name]
        assert told == sorted((number(r, "depth"), number(r, "bits"), number(r, "count" if vivado else "channels")) for r in own), name
        checked += len(own)
    assert checked >= 35


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r["kind"] == "fifo"], ids=lambda r: f"{r['tool']} {r['depth']}x{r['bits']}x{r['channels']}"
)
def test_a_fifo_of_a_report(row):
    setting = VIVADO if row["tool"].startswith("vivado") else VITIS
    counts = fifo_counts(Fifo("", number(row, "depth"), number(row, "channels"), number(row, "bits")), setting)
    value, low, high = counts["bram18"]
    assert low <= number(row, "bram18") <= high and (value == number(row, "bram18") or "2024.1" in row["tool"])
    assert counts["ff"][1] <= number(row, "ff") <= counts["ff"][2]


def test_rows_of_a_line_buffer():
    for row in (r for r in ROWS if r["kind"] == "rows"):
        setting = VIVADO if row["tool"].startswith("vivado") else VITIS
        size = [number(row, n) for n in ("depth", "channels", "bits", "height", "width")]
        counts, window = buffer_counts(Buffer("", *size), setting), size[3] * size[4] * size[1] * size[2]
        assert counts["lut"][0] == number(row, "lut") and counts["ff"][0] == number(row, "ff") - 1 + window + 128


def test_where_a_fifo_goes():
    assert fifo_bram18(128, 8, "Vitis") == fifo_bram18(64, 16, "Vitis") == fifo_bram18(2, 5000, "Vitis") == 0, "1024 bits, or two words"
    assert fifo_bram18(129, 8, "Vitis") == 1 and fifo_bram18(64, 400, "Vitis") == 23 and fifo_bram18(2048, 18, "Vitis") == 2
    assert fifo_bram18(32, 16, "Vivado") == 0 and fifo_bram18(49, 16, "Vivado") == 1
    assert [fifo_counts(Fifo("", 64, 8, 28), s)["bram18"][0] for s in (VIVADO, VITIS)] == [16, 13], "one for each channel, or one of all"
    figures = part_figures(Fifo("", 64, 8, 28), VITIS)
    assert figures["bram18"].provenance == "law" and figures["lut"].provenance == "extrapolated" and figures["bram18"].low == 7


def test_the_buffers_of_a_network():
    found = {b.name: b for b in network_buffers(residual_network())}
    assert [found[n].words for n in ("c1", "c2", "p", "a")] == [10, 10, 8, 4]
    assert found["c2"].banks == 2 * 4 and found["p"].shifts and not found["a"].shifts, "ours keeps rows in memories"
    assert buffer_counts(found["a"], VITIS)["bram18"] == (0, 0, 12)


def test_block_ram_of_every_stream_of_the_table_is_inside_its_interval():
    told = [
        (predict(s)["bram18_csynth"], s.truth["bram18_csynth"]) for s in design_rows(tables(DATA)[0]) if s.design.stream and not s.missing
    ]
    assert len(told) >= 8
    for figure, measured in told:
        assert figure.low <= measured <= figure.high
    assert sorted(abs(f.value - m) / m for f, m in told)[len(told) // 2] < 0.15
