"""Files that are no reports, and reports that are cut off anywhere: a clear error, an unavailable figure, or the same number."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.reports import read_report
from fpgacompress.hardware.reports import source as sources

from . import layouts
from .places import DATA, REAL, SYNTH, VIVADO_XML, same_or_less, written

TEXTS = {
    "cosim_vivado": layouts.COSIM_VIVADO,
    "cosim_vitis": layouts.COSIM_VITIS,
    "csim": layouts.CSIM_VIVADO,
    "csim_failed": layouts.CSIM_FAILED,
    "timing": layouts.timing(clocks="clk  {0.000 2.500}  5.000  200.000 \nclk2 {0.000 2.500}  4.000  250.000 \n"),
    "timing_2021": layouts.timing(state="", command="report_timing_summary -file a_timing_summary_routed.rpt"),
    "power": layouts.POWER,
    "ultrascale": layouts.ultrascale("Routed"),
    "versal": layouts.VERSAL,
    "hierarchy": layouts.HIERARCHY,
    "summary": layouts.SUMMARY,
}


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """A function that reads the first bytes of a report; None when that is refused."""
    path = tmp_path_factory.mktemp("cut") / "report"

    def read(data: bytes):
        path.write_bytes(data)
        try:
            return read_report(path)
        except HardwareError as error:
            assert str(path) in str(error)
            return None

    return read


whole = cache(read_report)


def _beginning(data: bytes, share: float) -> bytes:
    """A beginning of a report; small shares are drawn from the part that is read, which stands at the front."""
    return data[: round(len(data) * share**2)]


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.name)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_real_report_cut_anywhere(path, share, cut):
    part = cut(_beginning(path.read_bytes(), share))
    if part:
        same_or_less(whole(path), part)


@pytest.mark.parametrize("name", TEXTS)
def test_a_report_after_a_layout_cut_anywhere(name, cut):
    data = TEXTS[name].encode()
    whole = cut(data)
    assert whole is not None
    for end in range(0, len(data), 7 if len(data) > 2500 else 3):
        part = cut(data[:end])
        if part:
            same_or_less(whole, part)


@pytest.mark.parametrize("path", [SYNTH, DATA / "nas_hls4ml_z7007s_myproject_csynth.rpt"], ids=lambda p: p.name)
@given(data=st.data())
def test_missing_lines_give_no_other_numbers(path, data, cut):
    lines = path.read_bytes().splitlines(keepends=True)[:120]
    whole = cut(b"".join(lines))
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    part = cut(b"".join(lines[:start] + lines[end:]))
    assert part is None or all(f.value in (None, whole.figures[n].value) for n, f in part.figures.items() if "available" not in n)


@given(noise=st.binary(min_size=1, max_size=400), front=st.sampled_from(["", "<profile>", *TEXTS]))
def test_noise_is_refused_or_tells_nothing(noise, front, cut):
    text = TEXTS.get(front, front)
    cut(text[: len(text) // 3].encode() + noise)
    if not front:
        assert cut(noise) is None or b"CSIM" in noise


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x7fELF\x00\x01", "binary"),
        ("report".encode("utf-16"), "binary"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"<html>Sign in</html>", "web page"),
        (b"nothing of interest\n", "no report we can read"),
        (b"a,b\n1,2\n", "no report we can read"),
    ],
)
def test_what_is_no_report_is_refused(data, told, tmp_path):
    path = tmp_path / "myproject_csynth.rpt"
    path.write_bytes(data)
    with pytest.raises(HardwareError, match=told) as error:
        read_report(path)
    assert str(path) in str(error.value) and "Expected: " in str(error.value)


def test_missing_files_folders_and_large_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(HardwareError, match="cannot be read"):
        read_report(tmp_path / "none.rpt")
    with pytest.raises(HardwareError, match="is a folder"):
        read_report(tmp_path)
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    with pytest.raises(HardwareError, match="at most 1000"):
        read_report(VIVADO_XML)


def test_the_kind_is_told_by_content(tmp_path):
    for path in REAL:
        report = read_report(written(tmp_path, path.read_text(), "power.log"))
        assert report.figures == read_report(path).figures
    quoted = "INFO: [SIM 2] *************** CSIM start ***************\n" + layouts.COSIM_VITIS
    assert read_report(written(tmp_path, quoted)).kind == "csim"
