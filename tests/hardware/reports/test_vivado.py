"""Vivado's reports: utilization of a 7-series part from a real file, everything else after layouts (see ``layouts``)."""

from __future__ import annotations

import shutil

import pytest
from hls4ml.report.vivado_report import parse_vivado_report

from fpgacompress.hardware.reports import read_report

from .layouts import HIERARCHY, POWER, VERSAL, timing, ultrascale
from .places import PAIRS, SYNTH, project, values, written


def test_real_utilization_behind_synthesis():
    report = read_report(SYNTH)
    assert (report.kind, report.tool, report.version, report.part, report.top) == (
        "utilization",
        "Vivado",
        "2020.1",
        "7z020clg400-1",
        "myproject",
    )
    assert (report.stage, report.state, report.modules, report.passed) == ("post-synth", "Synthesized", (), None)
    told = {"lut": 1526, "lut_logic": 1478, "lut_memory": 48, "ff": 2428, "dsp": 66, "bram36": 0.0, "bram18": 0, "uram": None}
    told |= {"lut_available": 53200, "ff_available": 106400, "dsp_available": 220, "bram36_available": 140.0, "bram18_available": 280}
    assert told.items() <= values(report.figures).items()
    assert report.figures["lut"].provenance == "measured by Vivado 2020.1" and report.figures["bram36"].unit == "BRAM36"


def test_hls4ml_reads_the_same_utilization(tmp_path, capsys):
    project(tmp_path, PAIRS[0], "xml")
    shutil.copy(SYNTH, tmp_path / "vivado_synth.rpt")
    theirs = parse_vivado_report(str(tmp_path))["VivadoSynthReport"]
    capsys.readouterr()
    ours = read_report(SYNTH).figures
    # theirs calls the number of 36 kbit tiles BRAM_18K
    for key, name in {"LUT": "lut", "FF": "ff", "DSP48E": "dsp", "BRAM_18K": "bram36"}.items():
        assert ours[name].value == float(theirs[key])


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("Synthesized", "post-synth"),
        ("Routed", "routed"),
        ("Physopt postRoute", "routed"),
        ("Fully Placed", None),
        ("Physopt postPlace", None),
        ("Optimized", None),
        ("", None),
    ],
)
def test_the_design_state_tells_the_stage(state, stage, tmp_path):
    report = read_report(written(tmp_path, ultrascale(state)))
    assert (report.stage, report.state, report.figures["lut"].stage) == (stage, state, stage)
    assert stage or (f"'{state}'" if state else "not told") in report.figures["lut"].provenance


def test_utilization_of_an_ultrascale_part(tmp_path):
    report = read_report(written(tmp_path, ultrascale("Routed")))
    told = {"lut": 31277, "lut_logic": 31200, "lut_memory": 77, "ff": 4555, "dsp": 580, "bram36": 13.5, "bram18": 27, "uram": 4}
    assert told.items() <= values(report.figures).items()
    assert (report.figures["uram_available"].value, report.figures["bram18_available"].value) == (96, 1824)


def test_utilization_of_a_versal_part(tmp_path):
    report = read_report(written(tmp_path, VERSAL))
    assert (report.stage, report.version) == ("routed", "2025.1")
    assert {"lut": 116420, "ff": 233693, "dsp": 7, "bram36": None, "bram18": None}.items() <= values(report.figures).items()


def test_utilization_by_instances(tmp_path):
    report = read_report(written(tmp_path, HIERARCHY))
    told = {"lut": 9432, "lut_logic": 8800, "lut_memory": 632, "ff": 11999, "dsp": 73, "bram36": 5.5, "bram18": 11, "lut_available": None}
    assert told.items() <= values(report.figures).items() and not report.figures["uram"].available
    assert set(report.figures) == set(read_report(SYNTH).figures) and report.stage == "routed"
    assert [(m.name, m.module, m.depth, m.lut.value, m.dsp.value, m.bram18.value) for m in report.modules] == [
        ("design_1_i", "design_1", 1, 9432, 73, 11),
        ("axi_dma_0", "axi_dma", 2, 1500, 0, 5),
        ("myproject_axi_0", "axi_0", 2, 5000, 73, 2),
    ]
    assert "no cycles" in report.modules[0].latency.reason


@pytest.mark.parametrize("text", ["-", "1,526", "-4", "12.5", "", "?"])
def test_what_is_no_count_is_unavailable(text, tmp_path):
    report = read_report(written(tmp_path, SYNTH.read_text().replace("| Slice LUTs*                | 1526 |", f"| Slice LUTs* | {text} |")))
    assert not report.figures["lut"].available and report.figures["ff"].value == 2428


def test_timing_that_is_missed(tmp_path):
    report = read_report(written(tmp_path, timing()))
    assert (report.kind, report.stage, report.version, report.top, report.part) == (
        "timing",
        "routed",
        "2024.1",
        "myproject",
        "xcu250-figd2104-2L-e",
    )
    assert values(report.figures) == {
        "worst_slack_ns": -0.312,
        "total_negative_slack_ns": -4.125,
        "worst_hold_slack_ns": 0.057,
        "total_hold_slack_ns": 0.0,
        "worst_pulse_slack_ns": 2.225,
        "total_pulse_slack_ns": 0.0,
        "failing_endpoints": 17,
        "endpoints": 1696,
        "clock_ns": 5.0,
    }


@pytest.mark.parametrize("word", ["NA", "inf", "-", "?"])
def test_slack_without_constraints_is_unavailable(word, tmp_path):
    figures = read_report(written(tmp_path, timing(wns=word))).figures
    assert f"'{word}'" in figures["worst_slack_ns"].reason and figures["worst_hold_slack_ns"].value == 0.057


def test_a_row_with_a_missing_number_is_not_read(tmp_path):
    figures = read_report(written(tmp_path, timing(wns=""))).figures
    assert not any(f.available for n, f in figures.items() if n != "clock_ns")


def test_the_period_of_several_clocks_is_none(tmp_path):
    clocks = "clk_a  {0.000 2.500}        5.000           200.000         \n  clk_b {0.000 1.000}  2.000    500.000 \n"
    figure = read_report(written(tmp_path, timing(clocks=clocks))).figures["clock_ns"]
    assert not figure.available and "2 clocks (clk_a, clk_b)" in figure.reason


def test_stage_of_timing_without_a_design_state(tmp_path):
    named = "report_timing_summary -max_paths 10 -file design_1_wrapper_timing_summary_routed.rpt -rpx a.rpx"
    for options, stage in (
        ({"state": "", "command": named}, "routed"),
        ({"state": "", "command": named, "net": "estimated"}, None),
        ({"state": "", "net": "unplaced"}, "post-synth"),
        ({"state": ""}, None),
        ({"state": "Synthesized", "command": named}, "post-synth"),
    ):
        assert read_report(written(tmp_path, timing(**options))).stage == stage


def test_power(tmp_path):
    report = read_report(written(tmp_path, POWER))
    assert (report.kind, report.stage, report.state, report.top) == ("power", "routed", "routed", "myproject")
    assert values(report.figures) == {"power_w": 3.566, "power_dynamic_w": 0.61, "power_static_w": 2.956, "junction_c": 26.9}
    assert report.figures["power_w"].provenance == "measured by Vivado 2024.1, confidence Low" and report.figures["power_w"].unit == "W"


def test_power_that_is_too_small_too_hot_or_wrong(tmp_path):
    figures = read_report(written(tmp_path, POWER.replace("| 0.610 ", "| <0.001"))).figures
    assert "'<0.001'" in figures["power_dynamic_w"].reason and figures["power_w"].value == 3.566
    hot = POWER.replace("| 3.566        |", "| 3.566 (Junction temp exceeded!) |", 1)
    assert read_report(written(tmp_path, hot)).figures["power_w"].value == 3.566
    wrong = read_report(written(tmp_path, POWER.replace("| 2.956 ", "| 12.956"))).figures
    assert "contradicts itself" in wrong["power_w"].reason and wrong["junction_c"].value == 26.9
