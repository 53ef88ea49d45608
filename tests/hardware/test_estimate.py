"""Estimates: every figure has a stage and a provenance, unknown ones have a reason, and the verdict follows its rule."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from fpgacompress.cli.main import main
from fpgacompress.errors import HardwareError
from fpgacompress.figures import Figure, figures_from_json
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.reuse import LayerPlan, plan
from fpgacompress.hardware.verdict import RULE, judge
from fpgacompress.integer import store

from .networks import cnn, mlp

PYNQ = load_board("pynq-z2")
STUDENT = mlp((784, 128, 64, 10), (4, 5, 6), 0.8)


def figures_in(tree):
    if isinstance(tree, Figure):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from figures_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from figures_in(value)


@pytest.mark.parametrize(
    ("network", "io"),
    [(STUDENT, "io_parallel"), (STUDENT, "io_stream"), (cnn(), "io_stream"), (cnn(), "io_parallel"), (mlp((16, 8), (6,), 0.5), "parallel")],
)
def test_no_figure_without_stage_and_provenance(network, io):
    told = estimate(network, board=PYNQ, clock_ns=5.0, io=io)
    found = list(figures_in([told.total, told.layers, told.activations, told.utilisation]))
    assert len(found) > 15
    for figure in found:
        if figure.available:
            assert figure.stage in ("csynth", "post-synth") and figure.provenance in ("law", "calibrated", "extrapolated")
            assert figure.low is None or figure.low <= figure.value <= figure.high
        else:
            assert figure.reason


def test_stages_are_kept_apart():
    total = estimate(STUDENT, board=PYNQ).total
    assert total["lut"].stage == total["ff"].stage == "csynth"
    assert total["lut_post_synth"].stage == total["ff_post_synth"].stage == "post-synth"


def test_the_demo_student_fits_and_says_that_it_is_extrapolated():
    told = estimate(STUDENT, board=PYNQ, clock_ns=5.0)
    assert told.fits and told.total["lut_post_synth"].provenance == "extrapolated" and told.total["dsp"].value == 0
    assert told.total["latency_cycles"].value == sum(
        p.reuse if p.strategy == "Resource" else 0 for p in told.plan.values()
    ) + 3 * 3 - 1 + sum(row["latency_cycles"].value for row in told.layers if row["strategy"] == "Latency")
    assert any("zeros are not exploited" in note for note in told.notes) and any("784 x 128" in note for note in told.notes)
    assert told.total["latency_us"].value == pytest.approx(told.total["latency_cycles"].value * 0.005)


def test_convolutions_have_no_lut_figure():
    for io in ("io_stream", "io_parallel"):
        told = estimate(cnn(), board=PYNQ, io=io)
        assert not told.total["lut"].available and "convolution" in told.total["lut"].reason
        assert not told.fits and "cannot be judged" in told.fits_reason and told.total["bram18"].available


def test_a_stream_of_dense_layers_is_estimated_with_its_fifos():
    plan = {n: LayerPlan("Latency", 1) for n in ("fc1", "fc2")}
    network = mlp((16, 8, 4), (6, 6), 0.3)
    parallel, stream = (estimate(network, board=PYNQ, plan=plan, io=io) for io in ("io_parallel", "io_stream"))
    assert parallel.streams == [] and [r["name"] for r in stream.streams] == ["fc1", "relu1"]
    for kind in ("lut", "ff", "lut_post_synth", "ff_post_synth"):
        assert stream.total[kind].provenance == "extrapolated" and stream.total[kind].value > parallel.total[kind].value
        assert stream.total[kind].high / stream.total[kind].value > parallel.total[kind].high / parallel.total[kind].value
    assert stream.fits is True and stream.at_least == {} and any("2 FIFOs and 0 line buffers" in n for n in stream.notes)
    assert {"streams", "at_least"} <= set(stream.to_json())


def test_a_stream_with_convolutions_tells_what_it_takes_at_least():
    told = estimate(cnn(), board=PYNQ, io="io_stream")
    assert [(r["name"], r["kind"], r["words"], r["word_bits"]) for r in told.streams] == [
        ("conv", "fifo", 36, 64),
        ("relu", "fifo", 36, 16),
        ("conv", "line buffer", 16, 8),
    ]
    parts = sum(r["lut"].low for r in told.streams)
    assert told.at_least["lut"].value >= parts > 0 and told.at_least["lut"].high is None
    assert "lower bound" in told.at_least["lut"].interval and any(n.startswith("at least ") for n in told.notes)
    # 36 words of 4 x 16 bits take four blocks (three of 36 bits would do); 36 x 16 bits are made of LUT, and so are the tables of nothing
    roms = sum(row["bram18"].value for row in told.layers)
    assert told.total["bram18"].value == roms + 4 and told.streams[0]["bram18"].value == 4 and told.streams[1]["bram18"].value == 0


def test_a_stream_takes_its_cycles_for_each_element_that_comes_in():
    told = estimate(cnn(), board=PYNQ, io="io_stream", plan={"conv": LayerPlan("Resource", 9), "out": LayerPlan("Latency", 1)})
    # 8 x 8 elements come in, each takes 9 + 10 cycles
    assert told.layers[0]["ii"].value == 64 * (9 + 10) == told.total["ii"].value and told.total["ii"].provenance == "extrapolated"


def test_the_verdict_uses_the_upper_end():
    board = replace(PYNQ, lut=1000, ff=2000, dsp=10, bram18=10)

    def total(high: int, dsp: int = 0) -> dict[str, Figure]:
        post = Figure(500, "LUT", 400, high, "90 %", "post-synth", "calibrated")
        law = Figure(dsp, "DSP", dsp, dsp, "law", "csynth", "law")
        return {
            "lut_post_synth": post,
            "lut": Figure(5000, "LUT", stage="csynth", provenance="calibrated"),
            "ff_post_synth": post,
            "ff": post,
            "dsp": law,
            "bram18": replace(law, value=0, low=0, high=0),
        }

    assert judge(total(1000), board)[0] and not judge(total(1001), board)[0]
    assert "LUT 1,001 of 1,000" in judge(total(1001), board)[1]
    fits, reason = judge(total(600, dsp=11), board)
    assert not fits and "DSP" in reason


def test_a_figure_larger_than_the_partition_limit_does_not_fit_parallel():
    network = mlp((5000, 4), (4,), 0.9)
    told = estimate(network, board=load_board("vu13p"))
    assert not told.fits and "take io_stream" in told.fits_reason


def test_more_zeros_cost_less_in_latency_strategy_only():
    dense, sparse = (mlp((64, 32), (6,), zeros) for zeros in (0.0, 0.8))
    for layer, cheaper in ((LayerPlan("Latency", 1), True), (LayerPlan("Resource", 128), False)):
        luts = [estimate(n, board=PYNQ, plan={"fc1": layer}).layers[0]["lut"].value for n in (dense, sparse)]
        assert (luts[1] < 0.6 * luts[0]) if cheaper else abs(luts[1] - luts[0]) < 0.1 * luts[0]


def test_wide_products_take_dsp_slices():
    network = mlp((64, 32), (12,), 0.0, x_bits=16)
    shared = estimate(network, board=PYNQ, plan={"fc1": LayerPlan("Resource", 128)})
    assert shared.total["dsp"].value == 64 * 32 // 128
    assert estimate(mlp((64, 32), (4,), 0.0, x_bits=16), board=PYNQ, plan={"fc1": LayerPlan("Resource", 128)}).total["dsp"].value == 0


def test_an_illegal_plan_is_refused():
    with pytest.raises(HardwareError, match="nearest"):
        estimate(STUDENT, board=PYNQ, plan=plan(STUDENT, board=PYNQ) | {"fc1": LayerPlan("Resource", 100)})


def test_json_has_the_stable_keys_and_comes_back():
    data = json.loads(json.dumps(estimate(STUDENT, board=PYNQ).to_json()))
    assert {"board", "part", "strategy", "clock_ns", "total", "utilisation", "layers", "fits", "fits_reason"} <= set(data)
    assert {"lut", "ff", "dsp", "bram18", "latency_cycles", "latency_us", "ii", "lut_post_synth", "ff_post_synth"} <= set(data["total"])
    assert isinstance(figures_from_json(data)["total"]["lut"], Figure) and data["fits_rule"] == RULE and data["board"] == "pynq-z2"


def test_command_line(tmp_path, capsys):
    path = store.save(STUDENT, tmp_path / "run" / "artifacts" / "student.npz")
    assert main(["estimate", str(tmp_path / "run"), "--board", "pynq-z2", "--clock-ns", "5"]) == 0
    out = capsys.readouterr().out
    assert "fits: scarcest" in out and "post-synth" in out and "rule:" in out
    assert main(["estimate", str(path), "--board", "pynq-z2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] is True
    assert main(["estimate", str(path), "--board", "basys3", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fits"] is False


@pytest.mark.parametrize(
    "extra",
    [
        ["--board", "pynq"],
        ["--board", "pynq-z2", "--reuse", "13"],
        ["--board", "pynq-z2", "--clock-ns", "0"],
        ["--board", "pynq-z2", "--strategy", "latency"],
    ],
)
def test_command_line_with_wrong_input(tmp_path, capsys, extra):
    path = store.save(STUDENT, tmp_path / "student.npz")
    assert main(["estimate", str(path), *extra]) == 2
    assert "Expected" in capsys.readouterr().err


def test_command_line_without_a_network(tmp_path):
    assert main(["estimate", str(tmp_path), "--board", "pynq-z2"]) == 2
    assert main(["estimate", str(tmp_path / "no.npz"), "--board", "pynq-z2"]) == 2


def test_estimating_imports_no_tensorflow():
    code = (
        "import sys; import fpgacompress.hardware.estimate, fpgacompress.hardware.calibrate; "
        "import fpgacompress.metrics.cost, fpgacompress.cli.estimate; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'tf_keras', 'scipy', 'hls4ml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
