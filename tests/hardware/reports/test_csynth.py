"""C-synthesis: real reports of Vivado HLS 2018.3 and 2020.1 and Vitis HLS 2022.2, as text and XML; the summary table after a layout."""

from __future__ import annotations

import pytest
from hls4ml.report.vivado_report import parse_vivado_report

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.reports import read_report

from .layouts import SUMMARY
from .places import DATA, PAIRS, VIVADO_XML, project, written

VITIS = "nrp_jet_vitis2022_2_myproject"


@pytest.mark.parametrize("design", PAIRS)
def test_text_and_xml_of_a_design_have_the_same_figures(design):
    text, xml = (read_report(DATA / f"{design}_csynth.{kind}") for kind in ("rpt", "xml"))
    assert text.figures == xml.figures
    for name in ("kind", "tool", "version", "part", "top", "stage"):
        assert getattr(text, name) == getattr(xml, name)
    assert text.modules and not xml.modules


@pytest.mark.parametrize(
    ("design", "tool", "version", "part", "told"),
    [
        (PAIRS[0], "Vivado HLS", "2020.1", "xc7z020-clg400-1", (2532, 7969, 73, 0, 0, 10, 10, 8, 8, 5.0, 4.049, 53200)),
        (
            PAIRS[1],
            "Vivado HLS",
            "2018.3",
            "xc7z007sclg225-1",
            (8349, 4852, 9, 124, None, 2521531, 7004283, 949549, 2917349, 5.0, 4.35, 14400),
        ),
        (PAIRS[2], "Vitis HLS", "2022.2", "xcu250-figd2104-2L-e", (116694, 24233, 2557, 8, 0, 15, 15, 1, 1, 5.0, 3.636, 1728000)),
    ],
)
def test_figures_are_those_of_the_file(design, tool, version, part, told):
    report = read_report(DATA / f"{design}_csynth.rpt")
    names = ("lut", "ff", "dsp", "bram18", "uram", "latency_min_cycles", "latency_cycles", "ii_min", "ii")
    names += ("clock_ns", "clock_estimated_ns", "lut_available")
    assert tuple(report.figures[n].value for n in names) == told
    assert (report.kind, report.tool, report.version, report.part, report.top) == ("csynth", tool, version, part, "myproject")
    assert report.figures["lut"].provenance == f"measured by {tool} {version}" and report.figures["lut"].stage == report.stage == "csynth"
    assert report.figures["bram18"].unit == "BRAM18" and report.figures["ii"].unit == "cycles" and report.figures["clock_ns"].unit == "ns"
    if told[4] is None:
        assert "no URAM" in report.figures["uram"].reason


@pytest.mark.parametrize("design", PAIRS)
def test_instances_add_up_to_the_row_of_instances(design):
    path = DATA / f"{design}_csynth.rpt"
    row = next(line for line in path.read_text().splitlines() if line.startswith("|Instance"))
    bram, dsp, ff, lut = (int(c) for c in row.split("|")[2:6])
    modules = read_report(path).modules
    for name, total in (("lut", lut), ("ff", ff), ("dsp", dsp), ("bram18", bram)):
        assert sum(getattr(m, name).value for m in modules) == total
    assert all(m.depth == 1 and m.latency.available and m.ii.available for m in modules)


def test_an_instance_has_its_own_report():
    name = "dense_latency_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config5_s"
    own = read_report(DATA / f"nrp_jet_vitis2022_2_layer_{name}_csynth.xml")
    instance = next(m for m in read_report(DATA / f"{VITIS}_csynth.rpt").modules if m.module == name)
    assert own.top == name and instance.name == f"grp_{name}_fu_169"
    assert (instance.lut, instance.ff, instance.dsp, instance.latency, instance.ii) == tuple(
        own.figures[n] for n in ("lut", "ff", "dsp", "latency_cycles", "ii")
    )
    slow = read_report(DATA / "nas_hls4ml_z7007s_layer_dense_large_1_csynth.xml")
    beside = next(m for m in read_report(DATA / f"{PAIRS[1]}_csynth.rpt").modules if m.module == "dense_large_1")
    assert (beside.latency_min.value, beside.latency.value) == (176740, 458980)
    assert (slow.figures["latency_min_cycles"], slow.figures["latency_cycles"]) == (beside.latency_min, beside.latency)


@pytest.mark.parametrize("design", PAIRS)
def test_hls4ml_reads_the_same_numbers(design, tmp_path, capsys):
    project(tmp_path, design, "xml")
    theirs = parse_vivado_report(str(tmp_path))["CSynthesisReport"]
    capsys.readouterr()  # it prints what it does not find
    ours = read_report(DATA / f"{design}_csynth.xml")
    assert capsys.readouterr().out == ""
    same = {
        "TargetClockPeriod": "clock_ns",
        "EstimatedClockPeriod": "clock_estimated_ns",
        "BestLatency": "latency_min_cycles",
        "WorstLatency": "latency_cycles",
        "IntervalMin": "ii_min",
        "IntervalMax": "ii",
        "LUT": "lut",
        "FF": "ff",
        "DSP": "dsp",
        "BRAM_18K": "bram18",
        "URAM": "uram",
        "AvailableLUT": "lut_available",
    }
    for key, name in same.items():
        assert ours.figures[name].value == (float(theirs[key]) if key in theirs else None)


@pytest.mark.parametrize("word", ["?", "-", "undef", "", "-3", "1e9", "12.5", "9" * 40])
@pytest.mark.parametrize("design", PAIRS)
def test_what_is_no_number_is_unavailable(design, word, tmp_path):
    text = (DATA / f"{design}_csynth.xml").read_text()
    tag = "Worst-caseLatency"
    start, end = text.index(f"<{tag}>") + len(tag) + 2, text.index(f"</{tag}>")
    report = read_report(written(tmp_path, text[:start] + word + text[end:]))
    assert not report.figures["latency_cycles"].available and report.figures["lut"].available
    assert word == "" or word[:40] in report.figures["latency_cycles"].reason

    text = (DATA / f"{design}_csynth.rpt").read_text()
    old = next(line for line in text.splitlines() if line.startswith("|Total "))
    cells = old.split("|")
    cells[5] = word.rjust(len(cells[5]))
    report = read_report(written(tmp_path, text.replace(old, "|".join(cells))))
    assert not report.figures["lut"].available and report.figures["ff"].available


def test_variable_latency_of_a_text_report_is_unavailable(tmp_path):
    text = (DATA / f"{VITIS}_csynth.rpt").read_text()
    row = "|       15|       15|  75.000 ns|  75.000 ns|    1|    1|      yes|"
    figures = read_report(
        written(tmp_path, text.replace(row, "|        ?|        ?|          ?|          ?|    ?|    ?|       no|"))
    ).figures
    assert not any(figures[n].available for n in ("latency_min_cycles", "latency_cycles", "ii_min", "ii"))
    assert "'?'" in figures["ii"].reason and figures["lut"].value == 116694


def test_several_clocks_are_none(tmp_path):
    text = (DATA / f"{VITIS}_csynth.rpt").read_text()
    row = "    |ap_clk  |  5.00 ns|  3.636 ns|     1.35 ns|\n"
    figures = read_report(written(tmp_path, text.replace(row, row + row.replace("ap_clk", "other ")))).figures
    assert not figures["clock_ns"].available and not figures["clock_estimated_ns"].available and figures["ii"].value == 1


def test_missing_sections_and_damaged_rows(tmp_path):
    text = (DATA / f"{PAIRS[0]}_csynth.rpt").read_text()
    start, end = text.index("== Utilization Estimates"), text.index("== Interface")
    report = read_report(written(tmp_path, text[:start] + text[end:]))
    assert report.figures["latency_cycles"].value == 10 and "cut off" in report.figures["lut"].reason
    assert len(report.modules) == 2 and not report.modules[0].lut.available and report.modules[0].ii.value == 7
    report = read_report(written(tmp_path, text.replace("|Total            |        0|     73|", "|Total            |        0|")))
    assert not report.figures["lut"].available and not report.figures["dsp"].available and report.figures["ii"].value == 8


def test_windows_line_ends_change_nothing(tmp_path):
    for path in (VIVADO_XML, DATA / f"{VITIS}_csynth.rpt"):
        copy = tmp_path / "copy"
        copy.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        assert read_report(copy).figures == read_report(path).figures and read_report(copy).modules == read_report(path).modules


def test_the_release_tells_the_tool_of_an_xml_report(tmp_path):
    text = VIVADO_XML.read_text()
    for version, tag, tool in (
        ("2019.2", "DSP48E", "Vivado HLS"),
        ("2020.1", "DSP", "Vitis HLS"),
        ("2020.2", "DSP48E", "Vitis HLS"),
        ("2025.1", "DSP", "Vitis HLS"),
    ):
        report = read_report(written(tmp_path, text.replace(">2020.1<", f">{version}<").replace("DSP48E", tag)))
        assert (report.tool, report.version, report.figures["dsp"].value) == (tool, version, 73)


def test_the_summary_of_vitis_hls(tmp_path):
    report = read_report(written(tmp_path, SUMMARY))
    assert (report.kind, report.tool, report.version, report.part, report.top) == (
        "csynth",
        "Vitis HLS",
        "2024.1",
        "xcu250-figd2104-2L-e",
        "myproject",
    )
    figures = report.figures
    assert tuple(figures[n].value for n in ("lut", "ff", "dsp", "bram18", "latency_cycles")) == (17966, 7123, 467, 29, 395)
    assert not any(figures[n].available for n in ("uram", "ii", "ii_min", "latency_min_cycles", "clock_ns", "lut_available"))
    assert [(m.module, m.depth, m.lut.value, m.latency.value) for m in report.modules] == [
        ("conv_1d_s", 1, 11875, 393),
        ("buffer_s", 3, 11723, 3),
        ("softmax_s", 1, 572, 8),
    ]
    assert set(figures) == set(read_report(VIVADO_XML).figures)


def test_xml_that_is_no_report_is_refused(tmp_path):
    for text, told in (
        ("<a/>", "no C-synthesis report"),
        ("<profile/>", "no C-synthesis report"),
        ("<profile><UserAssignments>", "damaged or cut off"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><profile>&b;</profile>', "document type"),
    ):
        with pytest.raises(HardwareError, match=told):
            read_report(written(tmp_path, text))
    empty = read_report(written(tmp_path, "<profile><UserAssignments/></profile>"))
    assert not any(f.available for f in empty.figures.values()) and empty.top == empty.version == ""
