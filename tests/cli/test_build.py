"""``fpgacompress build`` on runs and on projects; the tools are stand-ins (``tests/firmware/vendor/standin.py``)."""

import json
import os

import pytest
from firmware.vendor.standin import behave, calls, install, project, stages_run

from fpgacompress.cli.main import main
from fpgacompress.figures import Figure
from fpgacompress.firmware.vendor import installs
from fpgacompress.run import write_json


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Stand-ins for Vitis 2023.2 on PATH; nothing of this machine's own."""
    folder = tmp_path / "bin"
    for program in ("vitis-run", "vivado"):
        install(folder, program, "2023.2")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in (*installs.VARIABLES, "MODULEPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installs, "ROOTS", ())
    return folder


@pytest.fixture
def finished(tmp_path):
    """A finished run with an estimate and a project."""
    folder = project(tmp_path / "hls" / "net")
    write_json(folder / "made_by.json", {"artifact": "firmware-1", "recipe": "net"})
    write_json(
        tmp_path / "run" / "figures.json",
        {
            "firmware": {"project_dir": str(folder), "backend": "Vitis"},
            "artifacts": {"firmware": str(tmp_path / "run/artifacts/firmware-1")},
            "estimate": {
                "total": {
                    "lut": Figure(20000, "LUT", 18000, 22000, "90 %", "csynth", "law"),
                    "lut_post_synth": Figure(900, "LUT", stage="post-synth", provenance="calibrated"),
                }
            },
        },
    )
    return tmp_path / "run"


def call(capsys, *argv):
    status = main(["build", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


def test_run_folder(capsys, bench, finished):
    status, out, err = call(capsys, finished, "--vsynth")
    assert status == 0 and stages_run(bench) == ["synth", "vsynth"]
    assert "20,000 (18,000–22,000)" in out and "NOT MEASURED: csynth, vsynth were replayed by a stand-in" in out
    assert "csynth: done in" in err and "stand-in" in err


def test_project_folder_and_json(capsys, bench, finished, tmp_path):
    status, out, err = call(capsys, tmp_path / "hls/net", "--csim", "--cosim", "--implementation", "--json")
    told = json.loads(out)
    assert status == 0 and told["stand_in"] is True and told["estimate"] == {} and "csynth: done" in err
    lut = told["stages"]["implementation"]["figures"]["lut"]
    assert lut["stage"] == "routed" and lut["provenance"] == "replayed by a stand-in"
    assert set(told["stages"]) == {"csim", "csynth", "cosim", "implementation"}
    assert json.loads((tmp_path / "hls/net/measured.json").read_text()) == told


def test_json_of_a_run_has_the_estimate(capsys, bench, finished):
    told = json.loads(call(capsys, finished, "--json")[1])
    assert told["estimate"]["lut"]["provenance"] == "law" and told["stages"]["csynth"]["reused"] is False


def test_again_and_reused(capsys, bench, finished):
    call(capsys, finished)
    assert "reused" in call(capsys, finished)[1] and stages_run(bench) == ["synth"]
    call(capsys, finished, "--again")
    assert stages_run(bench) == ["synth", "synth"]


def test_failure(capsys, bench, finished, tmp_path):
    behave(bench, fail_at=5, error="ERROR: [HLS 200-1023] Part 'xc7z020clg400-1' is not installed.")
    status, out, err = call(capsys, finished, "--json")
    told = json.loads(out)["error"]
    assert status == 2 and told["kind"] == "StageFailed" and "Part 'xc7z020clg400-1' is not installed" in told["received"]
    assert "install the device family" in told["do"] and "last lines of csynth.log" in err and "Traceback" not in err


def test_limit(capsys, bench, finished):
    behave(bench, hang_at=2)
    status, _, err = call(capsys, finished, "--limit", "0.3s")
    assert status == 2 and "stopped at the time limit" in err
    status, _, err = call(capsys, finished, "--limit", "soon")
    assert status == 2 and "a time such as 2h" in err


def test_tool_version(capsys, bench, finished):
    status, _, err = call(capsys, finished, "--tool-version", "2022.2")
    assert status == 2 and "release 2022.2 is not there" in err and calls(bench) == []
    assert call(capsys, finished, "--tool-version", "2023.2")[0] == 0


def test_no_tool(capsys, bench, finished, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    status, _, err = call(capsys, finished)
    assert status == 2 and "vitis-run or vitis_hls is not there" in err and "to a machine that has it and run there: vitis-run" in err


def test_folders_that_cannot_be_built(capsys, bench, finished, tmp_path):
    status, _, err = call(capsys, tmp_path)
    assert status == 2 and "neither figures.json nor project.tcl" in err
    write_json(tmp_path / "hls/net/made_by.json", {"artifact": "firmware-2", "recipe": "net"})
    status, _, err = call(capsys, finished)
    assert status == 2 and "was written anew by another run" in err
    (tmp_path / "hls/net").rename(tmp_path / "moved")
    status, _, err = call(capsys, finished)
    assert status == 2 and "is not there any more" in err
    write_json(finished / "figures.json", {"firmware": {"project_dir": {"value": None, "reason": "no project was written"}}})
    status, _, err = call(capsys, finished)
    assert status == 2 and "has no firmware project" in err
    status, _, err = call(capsys, tmp_path / "moved", "--bitfile")
    assert status == 2 and "a bitstream of a Vitis project" in err and "Traceback" not in err and calls(bench) == []


def test_doctor_tells_of_stand_ins(capsys, bench):
    main(["doctor", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["items"]}
    assert rows["vitis-run"]["found"] and rows["vitis-run"]["version"].startswith("2023.2 (a stand-in: nothing it writes is measured)")
    assert not rows["vivado_hls"]["found"]


def test_no_heavy_imports():
    import subprocess
    import sys

    code = (
        "import sys; from fpgacompress.cli.main import main; main(['build', '/nowhere']); "
        "print([m for m in ('tensorflow', 'keras', 'tf_keras', 'hls4ml', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
