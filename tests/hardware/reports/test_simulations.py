"""Co-simulation reports and C simulation logs. No real file is kept here: texts are after layouts (see ``layouts``)."""

from __future__ import annotations

import pytest

from fpgacompress.hardware.reports import read_report

from .layouts import COSIM_FAIL, COSIM_VITIS, COSIM_VIVADO, CSIM_COMPILE, CSIM_FAILED, CSIM_VITIS, CSIM_VIVADO
from .places import values, written


def test_cosimulation_of_vivado_hls(tmp_path):
    report = read_report(written(tmp_path, COSIM_VIVADO, "myproject_cosim.rpt"))
    assert (report.kind, report.stage, report.top, report.passed, report.tool) == ("cosim", "simulated", "myproject", True, "")
    told = values(report.figures)
    assert told.pop("total_cycles") is None
    assert list(told.values()) == [777, 780.0, 790, 40, 41.0, 44]
    assert report.figures["ii"].provenance == "measured by RTL co-simulation with xsim"


def test_cosimulation_of_vitis_hls(tmp_path):
    report = read_report(written(tmp_path, COSIM_VITIS))
    assert report.passed and values(report.figures) == {
        "latency_min_cycles": 259,
        "latency_average_cycles": 260.0,
        "latency_cycles": 262,
        "ii_min": None,
        "ii_average": None,
        "ii": None,
        "total_cycles": 524,
    }
    assert report.figures["ii"].reason == "the report says 'NA' for ii"


def test_numbers_of_a_failed_cosimulation_are_not_told(tmp_path):
    report = read_report(written(tmp_path, COSIM_FAIL))
    assert report.passed is False and not any(f.available for f in report.figures.values())
    assert "did not pass (status 'Fail')" in report.figures["latency_cycles"].reason


def test_what_was_not_run_neither_passed_nor_failed(tmp_path):
    report = read_report(written(tmp_path, COSIM_VITIS.replace("      Pass|", "        NA|")))
    assert report.passed is None and not any(f.available for f in report.figures.values())
    report = read_report(written(tmp_path, COSIM_VITIS.replace("      Pass|", "   Unknown|")))
    assert report.passed is None and not report.figures["latency_cycles"].available


def test_vhdl_counts_where_verilog_was_not_run(tmp_path):
    lines = COSIM_VIVADO.replace("   Verilog|      Pass|", "      VHDL|      Pass|").replace(
        "      VHDL|        NA|", "   Verilog|        NA|", 1
    )
    assert read_report(written(tmp_path, lines)).figures["latency_cycles"].value == 790
    both = COSIM_VIVADO.splitlines(keepends=True)
    both.insert(-2, both[-2].replace("Verilog", "   VHDL").replace("790", "791"))
    assert read_report(written(tmp_path, "".join(both))).figures["latency_cycles"].value == 790


@pytest.mark.parametrize(
    ("text", "passed", "errors"),
    [
        (CSIM_VIVADO, True, 0),
        (CSIM_VITIS, True, 0),
        (CSIM_VIVADO.replace("with 0 errors", "with 3 errors"), False, 3),
        (CSIM_FAILED, False, None),
        (CSIM_COMPILE, False, None),
        (CSIM_VITIS.replace("CSim done", "@E Simulation failed: SIGSEGV. CSim done"), False, None),
        (CSIM_VIVADO[: CSIM_VIVADO.index("INFO: [SIM 1]")], None, None),
        (CSIM_VIVADO.replace("INFO: [SIM 1] CSim done with 0 errors.\n", ""), None, None),
        (CSIM_VIVADO.replace("INFO: [SIM 1]", "the test bench prints"), None, None),
    ],
)
def test_logs_of_c_simulation(text, passed, errors, tmp_path):
    report = read_report(written(tmp_path, text, "net_csim.log"))
    assert (report.kind, report.top, report.stage, report.passed) == ("csim", "net", "simulated", passed)
    assert report.figures["errors"].value == errors
    assert errors is not None or report.figures["errors"].reason
