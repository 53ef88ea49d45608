"""Every way a tool may fail is told with its exit status, its first error and the end of its log; and the flow can be taken up again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware.vendor.standin import behave, install, project, stages_run
from fpgacompress.errors import ToolError
from fpgacompress.firmware.vendor import Request, StageFailed, build
from fpgacompress.firmware.vendor.hints import hint
from fpgacompress.firmware.vendor.logs import Log
from fpgacompress.firmware.vendor.progress import Silent
from fpgacompress.firmware.vendor.watch import seconds_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def vitis(bench, tmp_path):
    """A Vitis project, with a stand-in for vitis_hls on PATH."""
    install(bench, "vitis_hls", "2022.2")
    return project(tmp_path / "project")


def fails(folder, *stages, **request):
    with pytest.raises(StageFailed) as caught:
        build(folder, Request(stages or ("csynth",), **request), progress=Silent(), message=lambda text: None)
    state = json.loads((folder / "vendor_build.json").read_text())["stages"][caught.value.stage]
    assert state["status"] == "failed" and state["error"] and not (folder / "measured.json").exists()
    return caught.value


def gone(pid):
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def waits_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_error_and_exit_status(vitis, bench):
    behave(bench, fail_at=5)
    error = fails(vitis)
    text = str(error)
    assert error.exit == 1 and error.first_error == "ERROR: [HLS 200-70] Pre-synthesis failed."
    assert "csynth failed: vitis_hls ended with exit status 1 after 0:00:00. first error: ERROR: [HLS 200-70] Pre-synthesis failed." in text
    assert "last lines of csynth.log:" in text and "Implementing module 'dense_latency'" in text and "ap_source" in text
    assert "larger reuse factor" in error.do and str(vitis / "build_logs/csynth.log") in error.do and "report not found" not in text.lower()


def test_exit_status_0_with_an_error(vitis, bench):
    behave(bench, say="ERROR: [HLS 200-101] something is wrong")
    assert "ended with exit status 0, although its log reports an error" in str(fails(vitis))


def test_exit_status_0_without_a_report(vitis, bench):
    behave(bench, reports=False)
    error = fails(vitis)
    assert f"ended with exit status 0, but did not write {vitis}/myproject_prj/solution1/syn/report/myproject_csynth.xml" in str(error)


def test_an_old_report_is_not_taken_for_a_new_one(vitis, bench):
    build(vitis, progress=Silent(), message=lambda text: None)
    (vitis / "measured.json").unlink()
    behave(bench, reports=False)
    assert "but did not write" in str(fails(vitis, again=True))


def test_damaged_report(vitis, bench):
    behave(bench, damaged=True)
    assert "left a report that cannot be read: report" in str(fails(vitis))


def test_a_simulation_that_does_not_pass(vitis, bench):
    behave(bench, cosim="Fail")
    assert "the simulation did not pass" in str(fails(vitis, "cosim"))


def test_exit_without_a_message(vitis, bench):
    behave(bench, silent=True, exit=3)
    error = fails(vitis)
    assert "ended with exit status 3 after 0:00:00. it wrote no error message" in str(error) and error.tail == []


def test_killed(vitis, bench):
    behave(bench, kill_at=3)
    assert "vitis_hls was killed by SIGKILL after 0:00:00" in str(fails(vitis)) and "memory" in fails(vitis).do
    behave(bench, silent=True, exit=137)
    assert "ended with exit status 137 (SIGKILL)" in str(fails(vitis))


def test_time_limit_ends_the_whole_group(vitis, bench, tmp_path):
    behave(bench, hang_at=3, child=str(tmp_path / "child"))
    started = time.monotonic()
    error = fails(vitis, limit_s=0.5)
    assert time.monotonic() - started < 5 and "was stopped at the time limit of 0:00:00" in str(error)
    waits_until(lambda: gone(int((tmp_path / "child").read_text())))


def test_finished_stages_stay(vitis, bench):
    behave(bench, fail_at=1, only="cosim")
    error = fails(vitis, "cosim")
    assert error.stage == "cosim" and stages_run(bench) == ["synth", "cosim"]
    behave(bench)
    built = build(vitis, Request(("csynth", "cosim")), progress=Silent(), message=lambda text: None)
    assert stages_run(bench) == ["synth", "cosim", "cosim"] and built.reused == ("csynth",)


def test_a_tool_that_cannot_be_started(vitis, bench):
    (bench / "vitis_hls").write_text("#!/nowhere/interpreter\n")
    with pytest.raises(ToolError, match="vitis_hls could not be started"):
        build(vitis, progress=Silent(), message=lambda text: None)
    assert json.loads((vitis / "vendor_build.json").read_text())["stages"]["csynth"]["status"] == "failed"


def running(vitis, *options):
    """The command in a process of its own, waiting for a tool that hangs."""
    command = [sys.executable, "-m", "fpgacompress", "build", str(vitis), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(vitis, bench, tmp_path, number):
    """Ctrl-C ends the tool and what it started, even when that does not listen; the next call goes on at that stage."""
    behave(bench, hang_at=3, child=str(tmp_path / "child"), only="csim" if number == signal.SIGTERM else "synth")
    process = running(vitis, "--csim")
    waits_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    waits_until(lambda: "pid" in (vitis / "vendor_build.json").read_text())
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    stage = "csim" if number == signal.SIGTERM else "csynth"
    assert process.returncode == 130 and f"stopped in {stage}; vitis_hls and everything it started has ended" in err
    waits_until(lambda: gone(int((tmp_path / "child").read_text())))
    assert json.loads((vitis / "vendor_build.json").read_text())["stages"][stage]["status"] == "stopped"
    behave(bench)
    built = build(vitis, Request(("csim", "csynth")), progress=Silent(), message=lambda text: None)
    assert built.reused == (() if stage == "csim" else ("csim",))


def test_a_stubborn_tool_is_killed(vitis, bench, tmp_path):
    from fpgacompress.firmware.vendor import LocalRunner

    behave(bench, hang_at=1, stubborn=True, child=str(tmp_path / "child"))
    (vitis / "build_opt.tcl").write_text("array set opt {\n    synth 1\n}\n")
    process = LocalRunner().start([str(bench / "vitis_hls"), "-f", "build_prj.tcl"], vitis, tmp_path / "log", dict(os.environ))
    waits_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    waits_until(lambda: "*****" in (tmp_path / "log").read_text().split("SYNTHESIS")[0])
    process.stop(0.2)
    assert process.poll() == -signal.SIGKILL
    waits_until(lambda: gone(int((tmp_path / "child").read_text())))


def test_errors_of_the_runs_of_a_board_design(bench, tmp_path):
    """Vivado starts synthesis and implementation as runs of their own; its log only says that one failed."""
    for program in ("vivado_hls", "vivado"):
        install(bench, program, "2020.1")
    folder = project(tmp_path / "board", "VivadoAccelerator")
    run_error = "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'"
    behave(bench, fail_at=2, error="ERROR: [Common 17-69] Command failed: Run 'impl_1' failed.", run_error=run_error, only="bitfile")
    error = fails(folder, "bitfile")
    assert "first error: ERROR: [Common 17-69] Command failed: Run 'impl_1' failed." in str(error) and "XILINXD_LICENSE_FILE" in error.do
    assert "synth_1/runme.log says ERROR: [Common 17-345] A valid license was not found" in str(error)
    behave(bench, silent=True, only="bitfile")
    assert "runme.log" not in str(fails(folder, "bitfile")), "that log is of an earlier run"


def test_programs_that_do_not_say_their_version(tmp_path, monkeypatch):
    """A wrapper whose child holds the output open must not hang us."""
    from fpgacompress.firmware.vendor.runner import output_of

    script = tmp_path / "slow"
    script.write_text(f"#!/bin/sh\nsleep 30 &\necho $! > {tmp_path}/child\nwait\n")
    script.chmod(0o755)
    started = time.monotonic()
    assert output_of([str(script)], tmp_path, dict(os.environ), 0.3) is None and time.monotonic() - started < 3
    waits_until(lambda: gone(int((tmp_path / "child").read_text())))
    assert output_of([str(tmp_path / "nothing")], tmp_path, {}, 1) is None


@pytest.mark.parametrize("text, seconds", [("2h", 7200), ("1h30m", 5400), ("90s", 90), ("90", 90), ("0.5d", 43200)])
def test_limit(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "2 hours", "0", "-3", "1h30"])
def test_wrong_limit(text):
    with pytest.raises(ToolError, match="--limit"):
        seconds_of(text)


def test_log_is_read_while_it_grows(tmp_path):
    path = tmp_path / "log"
    log = Log(path)
    log.read()
    path.write_bytes(b"\n****** Vitis HLS - High-Level Synthesis v2022.2 (64-bit)\nINFO: [HLS 200-10] Analyzing design file\nINFO: half")
    log.read()
    assert log.last == "INFO: [HLS 200-10] Analyzing design file" and str(log.banner.release) == "2022.2" and not log.banner.stand_in
    with open(path, "ab") as file:
        file.write(
            b" a line\r\n../a.cpp:3:1: error: expected ';'\nCRITICAL WARNING: x\n"
            b"with 0 errors\n\xff\xfe\nERROR: [SIM 211-100] 'csim_design' failed"
        )
    log.read()
    assert log.first_error is None and log.compiler_error == "../a.cpp:3:1: error: expected ';'" and log.last == "CRITICAL WARNING: x"
    log.read(end=True)
    assert log.first_error == "ERROR: [SIM 211-100] 'csim_design' failed" and log.tail[2] == "INFO: half a line"
    assert len(log.tail) <= 12


@pytest.mark.parametrize(
    "line, advice",
    [
        ("ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'", "XILINXD_LICENSE_FILE"),
        ("ERROR: [HLS 200-1023] Part 'xc7a35ticsg324-1L-i' is not installed.", "install the device family"),
        ("ERROR: '2203301234' is an invalid argument. Please specify an integer value.", "y2k22"),
        ('bin/loader: line 280:  2553 Killed                  "$RDI_PROG"', "memory"),
        ("ERROR: [XFORM 203-123] of another kind", ""),
    ],
)
def test_hints(line, advice):
    assert advice in hint(line) and bool(hint(line)) == bool(advice)
