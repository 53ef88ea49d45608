"""Project folders: real C-synthesis and synthesis reports where hls4ml's scripts put them; simulations, timing and power after layouts."""

from __future__ import annotations

import shutil

import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.reports import read_project, read_report

from .layouts import COSIM_VIVADO, CSIM_VIVADO, HIERARCHY, POWER, SUMMARY, timing, ultrascale
from .places import DATA, PAIRS, SYNTH, project, written

NAS, NRP = PAIRS[1], PAIRS[2]
LAYER = "dense_latency_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config5_s"


def whole(folder):
    """A project folder with everything hls4ml and Vivado leave in it; the path of the C-synthesis reports."""
    report = project(folder, NRP, "xml", "rpt")
    shutil.copy(DATA / f"nrp_jet_vitis2022_2_layer_{LAYER}_csynth.xml", report / f"{LAYER}_csynth.xml")
    solution = report.parents[1]
    written(solution / "csim" / "report", CSIM_VIVADO, "myproject_csim.log")
    written(solution / "sim" / "report", COSIM_VIVADO, "myproject_cosim.rpt")
    written(solution / "sim" / "report" / "verilog", "  latency  interval\n", "result.transaction.rpt")
    written(solution / ".autopilot" / "db", "noise", "myproject.verbose.rpt")
    written(report, "* Design Size Report\n", "csynth_design_size.rpt")
    shutil.copy(SYNTH, folder / "vivado_synth.rpt")
    runs = folder / "myproject_vivado_accelerator" / "project_1.runs" / "impl_1"
    written(runs, timing(), "design_1_wrapper_timing_summary_routed.rpt")
    written(runs, POWER, "design_1_wrapper_power_routed.rpt")
    written(runs, ultrascale("Fully Placed"), "design_1_wrapper_utilization_placed.rpt")
    written(runs, "Design Route Status\n", "design_1_wrapper_route_status.rpt")
    written(folder, HIERARCHY, "util.rpt")
    written(folder / "firmware", SUMMARY, "a.rpt")
    return report


def test_every_report_is_read_once(tmp_path):
    whole(tmp_path)
    reports = read_project(tmp_path)
    assert [(r.kind, r.path.name) for r in reports] == [
        ("csynth", "myproject_csynth.xml"),
        ("csim", "myproject_csim.log"),
        ("cosim", "myproject_cosim.rpt"),
        ("utilization", "design_1_wrapper_utilization_placed.rpt"),
        ("utilization", "util.rpt"),
        ("utilization", "vivado_synth.rpt"),
        ("timing", "design_1_wrapper_timing_summary_routed.rpt"),
        ("power", "design_1_wrapper_power_routed.rpt"),
    ]
    csynth, csim, cosim, *_ = reports
    assert csynth.figures == read_report(DATA / f"{NRP}_csynth.rpt").figures
    for simulation in (csim, cosim):
        assert (simulation.tool, simulation.version, simulation.part) == (csynth.tool, csynth.version, csynth.part)
        assert simulation.top == "myproject" and simulation.passed
    assert cosim.figures["ii"].provenance == "measured by RTL co-simulation with xsim in Vitis HLS 2022.2"
    assert [r.kind for r in read_project(tmp_path / "myproject_prj")] == ["csynth", "csim", "cosim"]


def test_instances_come_from_the_text_report_and_others_from_their_own(tmp_path):
    report = project(tmp_path, NAS, "xml", "rpt")
    layer = DATA / "nas_hls4ml_z7007s_layer_dense_large_1_csynth.xml"
    shutil.copy(layer, report / "dense_large_1_csynth.xml")
    inner = layer.read_text().replace(">dense_large_1<", ">product<").replace("<LUT>955</LUT>", "<LUT>41</LUT>")
    written(report, inner, "product_csynth.xml")
    (top,) = read_project(tmp_path)
    assert top.path.suffix == ".xml" and len(top.modules) == 14
    assert top.modules[:13] == read_report(DATA / f"{NAS}_csynth.rpt").modules
    last = top.modules[-1]
    assert (last.name, last.module, last.lut.value, last.depth, last.latency.value) == ("product", "product", 41, None, 458980)
    (report / "myproject_csynth.rpt").unlink()
    (top,) = read_project(tmp_path)
    assert [(m.module, m.depth, m.bram18.value) for m in top.modules] == [("dense_large_1", None, 17), ("product", None, 17)]


def test_a_text_report_of_another_run_gives_no_instances(tmp_path):
    report = project(tmp_path, NAS, "xml", "rpt")
    text = (report / "myproject_csynth.rpt").read_text()
    (report / "myproject_csynth.rpt").write_text(text.replace("4852|   8349|", "4852|   8350|"))
    (top,) = read_project(tmp_path)
    assert top.modules == () and top.figures["lut"].value == 8349


def test_text_only_and_the_summary_of_vitis_hls(tmp_path):
    project(tmp_path / "a", NRP, "rpt")
    (top,) = read_project(tmp_path / "a")
    assert len(top.modules) == 8 and top.figures["lut"].value == 116694
    written(tmp_path / "b" / "other" / "hls" / "syn" / "report", SUMMARY, "csynth.rpt")
    (top,) = read_project(tmp_path / "b")
    assert top.figures["lut"].value == 17966 and len(top.modules) == 3


def test_the_top_module_is_told_by_project_summary_or_hierarchy(tmp_path):
    layer = DATA / "nas_hls4ml_z7007s_layer_dense_large_1_csynth.xml"
    named = project(tmp_path / "a", NAS, "rpt")
    shutil.copy(layer, named / "dense_large_1_csynth.xml")
    loose = tmp_path / "b" / "hls" / "syn" / "report"
    shutil.copytree(named, loose)
    for folder in (tmp_path / "a", tmp_path / "b"):
        (top,) = read_project(folder)
        assert top.top == "myproject" and len(top.modules) == 13
    (loose / "myproject_csynth.rpt").unlink()
    shutil.copy(layer, loose / "other_csynth.xml")
    assert [r.kind for r in read_project(tmp_path / "b")] == ["csynth", "csynth"]
    written(loose, SUMMARY.replace("'myproject'", "'other'").replace("+ myproject* ", "+ other*     "), "csynth.rpt")
    (top,) = read_project(tmp_path / "b")
    assert top.path.name == "other_csynth.xml" and [m.module for m in top.modules] == ["dense_large_1"]


def test_the_wrapper_is_the_top_of_an_accelerator(tmp_path):
    report = project(tmp_path, NAS, "xml")
    text = (report / "myproject_csynth.xml").read_text()
    written(report, text.replace("<TopModelName>myproject<", "<TopModelName>myproject_axi<"), "myproject_axi_csynth.xml")
    (top,) = read_project(tmp_path)
    assert top.top == "myproject_axi" and [m.module for m in top.modules] == ["myproject"]


def test_two_solutions_are_two_reports(tmp_path):
    report = project(tmp_path, NAS, "xml")
    other = report.parents[2] / "solution2" / "syn" / "report"
    other.mkdir(parents=True)
    shutil.copy(DATA / f"{NRP}_csynth.xml", other / "myproject_csynth.xml")
    written(other.parents[1] / "sim" / "report", COSIM_VIVADO, "myproject_cosim.rpt")
    reports = read_project(tmp_path)
    assert [r.tool for r in reports] == ["Vivado HLS", "Vitis HLS", "Vitis HLS"] and reports[2].kind == "cosim"


def test_files_that_lie_together(tmp_path):
    for kind in ("xml", "rpt"):
        shutil.copy(DATA / f"{NAS}_csynth.{kind}", tmp_path / f"myproject_csynth.{kind}")
    written(tmp_path, COSIM_VIVADO, "myproject_cosim.rpt")
    written(tmp_path, timing(), "timing.rpt")
    reports = read_project(tmp_path)
    assert [r.kind for r in reports] == ["csynth", "cosim", "timing"] and reports[1].tool == "Vivado HLS" and len(reports[0].modules) == 13


def test_damaged_reports_are_named_and_other_files_left_alone(tmp_path):
    report = whole(tmp_path)
    written(tmp_path, "", "drc.rpt")
    written(tmp_path, "<html></html>", "page.rpt")
    written(tmp_path, "<a/>", "other.rpt")
    assert len(read_project(tmp_path)) == 8
    for path in (
        report / "myproject_csynth.xml",
        tmp_path / "vivado_synth.rpt",
        report.parents[1] / "sim" / "report" / "myproject_cosim.rpt",
    ):
        text = path.read_text()
        path.write_text("")
        with pytest.raises(HardwareError, match=f"{path.name} is empty"):
            read_project(tmp_path)
        path.write_text(text)


def test_folders_without_reports_are_refused(tmp_path):
    with pytest.raises(HardwareError, match="no reports below"):
        read_project(tmp_path)
    with pytest.raises(HardwareError, match="is not a folder"):
        read_project(SYNTH)
