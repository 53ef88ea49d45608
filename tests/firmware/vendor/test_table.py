"""Measured figures beside the estimate: a column for each stage, and nothing of a stand-in that looks measured."""

from pathlib import Path

import pytest

from fpgacompress.figures import Figure
from fpgacompress.firmware.vendor import Built, Project, table
from fpgacompress.firmware.vendor.state import Entry
from fpgacompress.firmware.vendor.table import columns

PROJECT = Project(Path("/p"), "net", "Vitis", "xc7z020clg400-1", 5.0, None, False)


def built(stand_in=False, estimate=True):
    def entry(program):
        return Entry("done", "k", program, "2023.2", [], "t", "build_logs/x.log", seconds=75, stand_in=stand_in)

    def measured(value, unit, stage):
        return Figure(value, unit, stage=stage, provenance="replayed by a stand-in" if stand_in else "measured by Vitis HLS 2023.2")

    stages = {"csynth": entry("vitis-run"), "vsynth": entry("vivado"), "implementation": entry("vivado"), "bitfile": entry("vivado")}
    figures = {
        "csynth": {"figures": {"lut": measured(1111, "LUT", "csynth"), "latency_cycles": measured(12, "cycles", "csynth")}},
        "vsynth": {"figures": {"lut": measured(777, "LUT", "post-synth"), "lut_available": measured(53200, "LUT", "post-synth")}},
        "implementation": {"figures": {"lut": measured(555, "LUT", "routed"), "worst_slack_ns": measured(0.412, "ns", "routed")}},
        "bitfile": {"figures": {"lut": measured(3333, "LUT", "routed")}},
    }
    guess = {
        "lut": Figure(1200, "LUT", 1000, 1400, "90 %", "csynth", "law"),
        "lut_post_synth": Figure(800, "LUT", 600, 1000, "90 %", "post-synth", "calibrated"),
        "latency_cycles": Figure(11, "cycles", stage="csynth", provenance="law"),
    }
    return Built(PROJECT, stages, ("csynth",), figures, guess if estimate else {})


def test_every_column_is_of_one_stage():
    made = columns(built())
    assert [(c.heading, c.kind) for c in made] == [
        ("csynth", "estimate"),
        ("csynth", "measured"),
        ("post-synth", "estimate"),
        ("post-synth", "measured"),
        ("routed (network)", "measured"),
        ("routed (board)", "measured"),
    ]
    for column in made:
        assert len({figure.stage for figure in column.figures.values()}) == 1
        assert len({figure.provenance.startswith("measured") for figure in column.figures.values()}) == 1


def test_text():
    text = table(built())
    lines = text.splitlines()
    assert lines[0] == "/p: Vitis, xc7z020clg400-1, 5 ns" and lines[2] == "csynth          done      0:01:15  Vitis HLS 2023.2, reused"
    row = next(line for line in lines if line.startswith("LUT"))
    assert row.split() == ["LUT", "1,200", "(1,000–1,400)", "1,111", "800", "(600–1,000)", "777", "555", "3,333"]
    assert any(line.split() == ["latency", "[cycles]", "11", "12"] for line in lines)
    assert any(line.split() == ["worst", "slack", "[ns]", "0.412"] for line in lines)
    assert "53,200" not in text and "stand-in" not in text and max(map(len, lines)) <= 140
    assert "no estimate" in table(built(estimate=False))


@pytest.mark.parametrize("estimate", [True, False])
def test_stand_in(estimate):
    text = table(built(stand_in=True, estimate=estimate))
    assert "NOT MEASURED: csynth, vsynth, implementation, bitfile were replayed by a stand-in" in text
    kinds = next(line for line in text.splitlines() if line.startswith("figure")).split()
    assert "measured" not in kinds and kinds.count("replayed") == 4 and "stand-in for Vitis HLS 2023.2" in text
