"""Releases in banners and folders, and which programs and back ends they belong to."""

import pytest

from fpgacompress.errors import ToolError
from fpgacompress.firmware.vendor.banner import read_banner
from fpgacompress.firmware.vendor.versions import BACKENDS, PROGRAMS, Release, parse_release, release_in


@pytest.mark.parametrize(
    "text, release",
    [
        ("****** Vivado(TM) HLS - High-Level Synthesis from C, C++ and SystemC v2019.1.3 (64-bit)", Release(2019, 1)),
        ("****** Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v2024.1 (64-bit)", Release(2024, 1)),
        ("****** vitis-run v2024.2 (64-bit)", Release(2024, 2)),
        ("Vitis_HLS/2023.2", Release(2023, 2)),
        ("2025.1", Release(2025, 1)),
        ("SW Build 2902540 on Wed May 27 19:54:35 MDT 2020", None),
        ("12023.2 2023.22 2019.1.2.3", None),
    ],
)
def test_release_in(text, release):
    assert release_in(text) == release


def test_parse_release():
    assert parse_release(" v2023.2.1 ") == Release(2023, 2) and str(Release(2023, 2)) == "2023.2"
    for wrong in ("2023", "newest", "2023.2-rc", ""):
        with pytest.raises(ToolError, match="a release such as 2023.2"):
            parse_release(wrong)


def test_spans():
    assert Release(2020, 1) in PROGRAMS["vivado_hls"] and Release(2020, 2) not in PROGRAMS["vivado_hls"]
    assert Release(2020, 1) not in PROGRAMS["vitis_hls"] and Release(2024, 2) in PROGRAMS["vitis_hls"]
    assert Release(2023, 1) not in PROGRAMS["vitis-run"] and Release(2025, 2) in PROGRAMS["vitis-run"]
    assert str(BACKENDS["Vivado"].releases) == "2018.2 to 2020.1" and str(BACKENDS["Vitis"].releases) == "2020.2 or newer"
    assert None not in PROGRAMS["vivado"]


def test_banner():
    lines = "\n****** Vivado v2020.1 (64-bit)\n  **** SW Build 1 on 2020\nsource /x/2019.2/scripts\n"
    assert read_banner(lines).release == Release(2020, 1) and not read_banner(lines).stand_in
    assert read_banner("vivado v2024.1 (64-bit)\nTool Version Limit: 2024.05\n").release == Release(2024, 1)
    assert read_banner("***** Vitis HLS stand-in v2024.1\n").stand_in
    assert read_banner("") == read_banner("command not found\n")
