"""Icarus Verilog runs the generated Verilog bit for bit; latency and throughput are measured, also of a design that breaks its promise."""

from dataclasses import replace

import pytest

from fpgacompress.errors import ToolError
from fpgacompress.firmware.verify import verify
from fpgacompress.hardware import toolchains
from fpgacompress.integer.vectors import corners, random_inputs

from .simulators import CASTS, casts, narrow, wide

pytest.importorskip("da4ml")
from fpgacompress.firmware.rtl import generate  # noqa: E402
from fpgacompress.firmware.rtl.icarus import IcarusExecutor  # noqa: E402

here = pytest.mark.skipif(toolchains.find("iverilog") is None, reason="iverilog is not there: apt-get install iverilog")


def both(network, count=200):
    return {"random": random_inputs(network, count), "corners": corners(network, limit=50)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return generate(casts("saturated"), tmp_path_factory.mktemp("rtl") / "a net", levels=2)


def changed(built, tmp_path, texts):
    """The same project with texts of its top module replaced."""
    folder = tmp_path / "changed"
    (folder / "src").mkdir(parents=True)
    for path in built.sources:
        text = path.read_text()
        if path.stem == built.name:
            for old, new in texts.items():
                assert old in text
                text = text.replace(old, new)
        (folder / "src" / path.name).write_text(text)
    return replace(built, folder=folder)


@here
@pytest.mark.tools
@pytest.mark.parametrize("levels", [2, 0])
@pytest.mark.parametrize("network", [*(casts(name) for name in CASTS), wide(), narrow()], ids=[*CASTS, "wide", "narrow"])
def test_every_bit_of_the_verilog(network, levels, tmp_path):
    executor = IcarusExecutor(generate(network, tmp_path / "net", levels=levels))
    report = verify(network, both(network), {"icarus": executor})
    assert report.differing_bits == 0 and report.samples >= 200
    assert executor.timing().kept is (True if levels else None)


@here
@pytest.mark.tools
def test_latency_and_throughput_are_measured(built, tmp_path):
    timing = IcarusExecutor(built).timing()
    assert (timing.latency.value, timing.interval.value, timing.kept) == (built.stages, 1, True)
    assert timing.latency.stage == "simulated" and timing.to_json()["latency"]["unit"] == "cycles"
    told_wrong = IcarusExecutor(replace(built, stages=built.stages - 1))
    assert told_wrong.timing().latency.value == built.stages and told_wrong.timing().kept is False
    with pytest.raises(ToolError, match="1 of 50 results have undefined bits"):
        told_wrong(random_inputs(built.network, 50))


@here
@pytest.mark.tools
def test_a_design_that_breaks_its_promise(built, tmp_path):
    takes = "stage0_inp <= model_inp;"
    later = changed(built, tmp_path / "1", {takes: "held <= model_inp; stage0_inp <= held;", "always @": "reg [999:0] held; always @"})
    timing = IcarusExecutor(later).timing()
    assert (timing.latency.value, timing.interval.value, timing.kept) == (built.stages + 1, 1, False)
    slower = changed(built, tmp_path / "2", {takes: "now <= ~now; if (now) stage0_inp <= model_inp;", "always @": "reg now = 0; always @"})
    timing = IcarusExecutor(slower).timing()
    assert timing.interval.value == 2 and timing.kept is False
    wrong = changed(built, tmp_path / "3", {takes: "stage0_inp <= ~model_inp;"})
    timing = IcarusExecutor(wrong).timing()
    assert timing.latency.value is None and "equals the network's" in timing.latency.reason and timing.kept is False
    assert verify(built.network, random_inputs(built.network, 50), {"icarus": IcarusExecutor(wrong)}).differing_bits > 0


@here
@pytest.mark.tools
def test_verilog_that_is_none(built, tmp_path):
    with pytest.raises(ToolError, match=r"iverilog failed: nn_net.v:.*rror"):
        IcarusExecutor(changed(built, tmp_path, {"always @": "always always"}))


def test_without_icarus(built, monkeypatch):
    monkeypatch.setattr(toolchains, "find", lambda name: None)
    with pytest.raises(ToolError, match="iverilog is not there .* Do: apt-get install iverilog"):
        IcarusExecutor(built)
