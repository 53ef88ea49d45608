"""Estimates of the rows of a table: through the code that a model takes, without the measured columns, and unavailable where nothing is known."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.cli.main import main
from fpgacompress.errors import HardwareError
from fpgacompress.hardware.calibrate import DATA
from fpgacompress.hardware.design import Design
from fpgacompress.hardware.score import format_scores, scores
from fpgacompress.hardware.table import TRUTH, design_rows, layer_rows, predict, predict_layer, read_rows

DESIGNS, LAYERS = DATA / "designs.csv.gz", DATA / "layers.csv.gz"


def blind(path: Path, to: Path) -> Path:
    """The table without its measured columns."""
    rows = read_rows(path)
    names = [n for n in rows[0] if n.split("_")[0] not in TRUTH]
    with to.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return to


def test_what_was_measured_is_not_read(tmp_path, capsys):
    seen = ["estimate", "--table", str(DESIGNS), "--layers", str(LAYERS), "--json"]
    unseen = ["--table", str(blind(DESIGNS, tmp_path / "d.csv")), "--layers", str(blind(LAYERS, tmp_path / "l.csv"))]
    assert main(seen) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["estimate", *unseen, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert [d["design_id"] for d in told["designs"]] == [r["design_id"] for r in read_rows(DESIGNS)]
    assert len(told["layers"]) == len(read_rows(LAYERS))
    one = told["designs"][0]
    assert {
        "lut_csynth",
        "ff_csynth",
        "dsp_csynth",
        "bram18_csynth",
        "lut_synth",
        "ff_synth",
        "latency_min",
        "latency_max",
        "ii_max",
    } <= set(one)
    assert one["lut_csynth"]["stage"] == "csynth" and one["lut_synth"]["stage"] == "post-synth" and one["lut_csynth"]["low"] > 0
    assert main(["estimate", *unseen]) == 0
    assert one["design_id"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clock_ns": "5 ns"}, "design 'a': column clock_ns is '5 ns'"),
        ({"clock_ns": "0"}, "column clock_ns is '0'"),
        ({"lut_csynth": "1,234"}, "column lut_csynth is '1,234'"),
        ({"lut_csynth": "-3"}, "column lut_csynth is '-3'"),
        ({"mult_impl": "dsp48"}, "column mult_impl is 'dsp48'.*one of auto, dsp, fabric"),
        ({"tool": "quartus"}, "column tool is 'quartus'"),
        ({"strategy": "fast"}, "strategy 'fast'"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(change, reason):
    layers = '[{"type": "dense", "n_in": 4, "n_out": 4, "x": [8, 1, 1], "w": [4, 1, 1]}]'
    row = {"design_id": "a", "io_type": "io_parallel", "strategy": "latency", "layers_json": layers} | change
    with pytest.raises(HardwareError, match=reason):
        design_rows([row])


def test_parts_and_tools_are_read_as_people_write_them():
    row = {"design_id": "a", "io_type": "io_parallel", "strategy": "resource", "layers_json": "[]"}
    for change, ultrascale, backend in (
        ({"fpga_family": "Virtex UltraScale+", "tool": "Vivado HLS"}, True, "Vivado"),
        ({"part": "xcu250-figd2104-2L-e", "tool": "vitis_hls"}, True, "Vitis"),
        ({"part": "xc7z020clg400-1"}, False, "Vitis"),
    ):
        setting = design_rows([row | change])[0].setting
        assert (setting.ultrascale, setting.backend) == (ultrascale, backend)


def test_convolutions_are_never_told_as_law():
    for sample in design_rows(read_rows(DESIGNS)):
        if sample.missing is None and not sample.dense and any(not f.is_dense for f in sample.design.layers.values()):
            told = predict(sample)
            assert told["dsp_csynth"].provenance == "extrapolated" and told["latency_max"].provenance == "extrapolated"
            assert not told["bram18_csynth"].available or told["bram18_csynth"].provenance == "extrapolated"


@pytest.mark.parametrize(
    ("column", "median", "p90"),
    [
        ("lut_csynth", 0.04, 0.2),
        ("ff_csynth", 0.12, 0.4),
        ("lut_synth", 0.04, 0.1),
        ("ff_synth", 0.1, 0.2),
        ("dsp_csynth", 0.0, 0.1),
        ("bram18_csynth", 0.0, 0.1),
        ("latency_max", 0.0, 0.5),
    ],
)
def test_whole_designs_come_out_as_measured(column, median, p90):
    errors = []
    for sample in design_rows(read_rows(DESIGNS)):
        figure = predict(sample)[column]
        if figure.available and sample.dense and column in sample.truth:
            errors.append(abs(figure.value - sample.truth[column]) / max(sample.truth[column], 10))
    assert len(errors) >= 20 and np.median(errors) <= median and np.quantile(errors, 0.9) <= p90


def test_softmax_and_activations_are_counted():
    sample = next(s for s in design_rows(read_rows(DESIGNS)) if s.id.endswith("ARRYTHMIA-DSP_reuse1"))
    told, weights = predict(sample), predict(type(sample)(**{**vars(sample), "design": Design(sample.design.layers, (), "io_parallel")}))
    assert told["bram18_csynth"].value == sample.truth["bram18_csynth"] == 16 and weights["bram18_csynth"].value == 0
    assert told["dsp_csynth"].value - weights["dsp_csynth"].value == 16
    assert told["lut_csynth"].value - weights["lut_csynth"].value > 2000


@pytest.mark.parametrize(
    ("design", "reason"), [("kebl", "does not say what layers"), ("gru", "recurrent"), ("seanlipps", "global_pooling1d_cl|convolution")]
)
def test_what_no_law_knows_is_not_available(design, reason):
    sample = next(s for s in design_rows(read_rows(DESIGNS)) if design in s.id)
    assert not (told := predict(sample)["lut_csynth"]).available and re.search(reason, told.reason)


def test_layers_without_weights_have_figures_of_their_own():
    samples = layer_rows(read_rows(LAYERS))
    found = {s.design.operations[0].op for s in samples if s.design.operations}
    assert {"cast", "softmax", "normalize", "table"} <= found
    for sample in (s for s in samples if s.design.operations and s.family != "wild"):
        told = predict_layer(sample)
        assert told["lut"].low <= sample.truth["lut_csynth"] * 1.3 and told["lut"].high >= sample.truth["lut_csynth"] / 1.6
        assert told["dsp"].low <= sample.truth["dsp_csynth"] <= told["dsp"].high


def test_scores_tell_errors_and_coverage():
    samples = design_rows(read_rows(DESIGNS))
    rows = scores(samples, [predict(s) for s in samples])
    lut = next(r for r in rows if r.column == "lut_csynth" and r.family == "wa-hls4ml-1layer" and r.strategy == "Resource")
    assert lut.rows == 728 and lut.median < 0.02 and 0.7 <= lut.covered <= 1
    none = next(r for r in rows if r.column == "lut_csynth" and r.family == "keb-l-cnn-vu9p")
    assert (none.rows, none.missing, none.median) == (0, 16, None)
    assert "keb-l-cnn-vu9p" in format_scores(rows)


def test_bad_tables_are_refused(tmp_path):
    with pytest.raises(HardwareError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(HardwareError, match="no column"):
        design_rows([{"design_id": "a"}])
    row = {"design_id": "a", "io_type": "io_parallel", "strategy": "latency"}
    for text in ("{", '{"a": 1}', '[{"type": "dense", "x": 5}]', "[3]"):
        with pytest.raises(HardwareError, match="design 'a': layers_json cannot be read"):
            design_rows([row | {"layers_json": text}])
    assert main(["estimate", "--layers", "x.csv"]) == main(["estimate", "model.npz"]) == main(["estimate", "--table", "x.csv"]) == 2
    assert main(["estimate", "m.npz", "--board", "basys3", "--table", "x.csv"]) == 2


@st.composite
def layers(draw):
    """Rows as tables of synthesis results have them, with keys missing and odd values."""
    kind = draw(
        st.sampled_from(
            ["dense", "conv1d", "conv2d", "relu", "softmax", "sigmoid", "tanh", "normalize", "linear", "lstm_stack", "pooling1d_cl"]
        )
    )
    number = st.one_of(st.none(), st.integers(0, 600), st.sampled_from(["", "16", "8.0"]))
    layer = {"type": kind} | {
        k: draw(number) for k in ("n_in", "n_out", "n_chan", "n_filt", "filt_width", "in_width", "out_width", "reuse_factor")
    }
    layer |= {k: draw(number) for k in ("nnz", "share3s", "share2", "npow2", "n_ge3csd", "wspan", "maxspan", "n_w")}
    layer |= {k: draw(st.sampled_from([[16, 6, 1], [8, 1, 0], [2, 1, 1]])) for k in ("x", "w", "y", "acc")}
    layer["strategy"] = draw(st.sampled_from(["latency", "resource", None]))
    return {k: v for k, v in layer.items() if k == "type" or draw(st.integers(0, 9))}


@given(st.lists(layers(), max_size=4), st.sampled_from(["io_parallel", "io_stream"]), st.sampled_from(["auto", "dsp", "fabric"]))
def test_any_row_gives_finite_figures_or_a_reason(found, io, mapping):
    row = {
        "design_id": "a",
        "io_type": io,
        "strategy": "latency",
        "layers_json": json.dumps(found),
        "mult_impl": mapping,
        "tool": "vitis_hls",
    }
    for figure in predict(design_rows([row])[0]).values():
        if figure.available:
            assert figure.low is None or 0 <= figure.low <= figure.value <= figure.high < 1e15
        else:
            assert figure.reason


def test_layers_of_a_stream_are_known_by_their_design(capsys):
    """Rows of convolutions do not tell their io type; with the designs beside them they are streams, which take cycles for each element."""
    assert main(["estimate", "--table", str(DESIGNS), "--layers", str(LAYERS), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["layers"]
    rows = read_rows(LAYERS)
    errors = [
        abs(t["latency_max"]["value"] - float(r["latency_max"])) / float(r["latency_max"])
        for t, r in zip(told, rows)
        if r["type"] == "conv1d" and "uplane" in r["design_id"] and "src_hdl_uplane" not in r["design_id"]
    ]
    assert len(errors) >= 9 and max(errors) < 0.15
