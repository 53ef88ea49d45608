"""Stages are run as hls4ml runs them, once for the same inputs, and leave figures that say what they are."""

import json
import os
import time

import pytest

from firmware.vendor.standin import behave, calls, install, project, stages_run
from fpgacompress.errors import ToolError
from fpgacompress.figures import Figure, figures_from_json
from fpgacompress.firmware.vendor import LocalRunner, Request, build, open_project
from fpgacompress.firmware.vendor.measured import read_figures
from fpgacompress.firmware.vendor.progress import Silent
from fpgacompress.firmware.vendor.stages import complete

ALL = ("csim", "csynth", "cosim", "vsynth", "implementation", "bitfile")


def go(folder, *stages, **request):
    return build(folder, Request(stages or ("csynth",), **request), progress=Silent(), message=lambda text: None)


@pytest.fixture
def vitis(bench, tmp_path):
    """A Vitis project, with stand-ins for vitis-run and vivado on PATH."""
    install(bench, "vitis-run", "2023.2")
    install(bench, "vivado", "2023.2")
    return project(tmp_path / "project")


def test_commands_of_vitis_run(vitis, bench):
    go(vitis, "csim", "csynth", "cosim", "vsynth", "implementation", "export")
    told = calls(bench)
    assert [one["stages"] for one in told] == [["csim"], ["synth"], ["cosim"], ["vsynth"], ["implementation"], ["export"]]
    assert told[1]["program"] == "vitis-run" and told[1]["arguments"] == ["--mode", "hls", "--tcl", "build_prj.tcl"]
    assert {one["cwd"] for one in told} == {str(vitis)}
    assert [one["options"].get("reset") for one in told] == [1, 1, 0, None, None, 0]
    assert told[1]["options"] == dict.fromkeys(("csim", "cosim", "validation", "export", "vsynth", "fifo_opt"), 0) | {
        "reset": 1,
        "synth": 1,
    }
    assert told[3]["arguments"][-2:] == ["-source", "vivado_synth.tcl"]
    assert told[4]["arguments"][-3:] == ["implementation/implementation.tcl", "-tclargs", "myproject"]
    script = (vitis / "implementation/implementation.tcl").read_text()
    assert "route_design" in script and "create_clock -name ap_clk -period $clock_period \\[get_ports ap_clk\\]" in script


def test_commands_of_other_programs(bench, tmp_path):
    install(bench, "vitis_hls", "2022.2")
    install(bench, "vivado_hls", "2020.1")
    go(project(tmp_path / "vitis"))
    go(project(tmp_path / "vivado", "Vivado"))
    first, second = calls(bench)
    assert first["program"] == "vitis_hls" and first["arguments"] == ["-f", "build_prj.tcl"] and first["options"]["synth"] == 1
    options = "reset=1 csim=0 synth=1 cosim=0 validation=0 export=0 vsynth=0 fifo_opt=0"
    assert second["program"] == "vivado_hls" and second["arguments"] == ["-f", "build_prj.tcl", options]


def test_board_design(bench, tmp_path):
    for program in ("vivado_hls", "vivado"):
        install(bench, program, "2020.1")
    folder = project(tmp_path / "board", "VivadoAccelerator")
    built = go(folder, *ALL)
    assert stages_run(bench) == ["csim", "synth", "cosim", "vsynth", "implementation", "export", "bitfile"]
    assert calls(bench)[-1]["arguments"][-2:] == ["-source", "design.tcl"]
    told = built.to_json()
    assert told["bitstream"]["bit"].endswith("impl_1/design_1_wrapper.bit") and told["clock_ns"] == 5.0
    tops = {name: told["stages"][name]["top"] for name in ("csynth", "implementation", "bitfile")}
    assert tops == {"csynth": "myproject_axi", "implementation": "myproject", "bitfile": "design_1_wrapper"}


def test_what_a_project_cannot_do(vitis, bench, tmp_path):
    with pytest.raises(ToolError, match="a bitstream of a Vitis project"):
        go(vitis, "bitfile")
    (vitis / "vivado_synth.tcl").unlink()
    with pytest.raises(ToolError, match="has no vivado_synth.tcl, which stage vsynth runs"):
        go(vitis, "vsynth")
    with pytest.raises(ToolError, match="stage 'routing'. Expected: one of csim, csynth"):
        go(vitis, "routing")
    with pytest.raises(ToolError, match="is no hls4ml project for Vivado or Vitis"):
        go(tmp_path)
    assert calls(bench) == []


def test_complete():
    assert complete(["bitfile"]) == ("csynth", "export", "bitfile") and complete(["csim"]) == ("csim",)


def test_log_state_and_figures_are_in_the_project(vitis):
    built = go(vitis, "csynth", "vsynth")
    assert "Implementing module" in (vitis / "build_logs/csynth.log").read_text()
    state = json.loads((vitis / "vendor_build.json").read_text())
    assert state["stages"]["csynth"]["status"] == "done" and state["stages"]["csynth"]["exit"] == 0
    told = figures_from_json(json.loads((vitis / "measured.json").read_text()))
    figures = told["stages"]["csynth"]["figures"]
    assert figures["lut"].stage == "csynth" and told["stages"]["vsynth"]["figures"]["lut"].stage == "post-synth"
    assert told == figures_from_json(json.loads(json.dumps(_plain(built.to_json()))))


def _plain(tree):
    from fpgacompress.figures import figures_to_json

    return figures_to_json(tree)


def test_a_stand_in_measures_nothing(vitis):
    """Every figure that a stand-in replayed says so; the same files, read as those of a real tool, are measured."""
    built = go(vitis, "csim", "csynth", "cosim", "vsynth", "implementation")
    assert built.stand_in
    figures = [f for told in built.figures.values() for f in told["figures"].values() if f.available]
    assert len(figures) > 30 and {f.provenance for f in figures} == {"replayed by a stand-in"}
    assert {f.stage for f in figures} == {"simulated", "csynth", "post-synth", "routed"}
    real = read_figures(open_project(vitis), {"csynth": False})["csynth"]["figures"]["lut"]
    assert real.provenance == "measured by Vitis HLS 2022.2"


def test_done_stages_are_not_run_again(vitis, bench):
    go(vitis, "csynth", "vsynth")
    built = go(vitis, "csynth", "vsynth")
    assert stages_run(bench) == ["synth", "vsynth"] and built.reused == ("csynth", "vsynth") and built.stand_in
    go(vitis, "csynth", "vsynth", "cosim")
    assert stages_run(bench) == ["synth", "vsynth", "cosim"]
    assert set(go(vitis).figures) == {"csynth", "cosim", "vsynth"}, "done earlier, and still of these sources"
    go(vitis, again=True)
    assert stages_run(bench)[3:] == ["synth"]
    assert set(go(vitis).figures) == {"csynth"}, "those of an older C-synthesis do not count"


@pytest.mark.parametrize(
    "file, stages",
    [
        ("firmware/weights/w2.txt", ["synth", "cosim", "vsynth"]),
        ("project.tcl", ["synth", "cosim", "vsynth"]),
        ("tb_data/tb_input_features.dat", ["cosim"]),
        ("vivado_synth.tcl", ["vsynth"]),
        ("README.md", []),
        ("firmware/myproject.so", []),
    ],
)
def test_changed_inputs(vitis, bench, file, stages):
    asked = ("csynth", "cosim", "vsynth")
    go(vitis, *asked)
    with open(vitis / file, "a") as changed:
        changed.write("\n# more\n")
    go(vitis, *asked)
    assert stages_run(bench)[3:] == stages


def test_another_release_is_another_input(vitis, bench):
    go(vitis)
    install(bench, "vitis_hls", "2022.2")
    go(vitis, tool_version="2022.2")
    assert [one["program"] for one in calls(bench)] == ["vitis-run", "vitis_hls"]
    built = go(vitis, tool_version="2022.2")
    assert built.reused == ("csynth",)


def test_c_simulation_later_keeps_the_synthesis(vitis, bench):
    go(vitis)
    go(vitis, "csim", "csynth")
    assert stages_run(bench) == ["synth", "csim"] and calls(bench)[1]["options"]["reset"] == 0


def test_lost_reports_are_made_again(vitis, bench):
    go(vitis)
    next(vitis.glob("myproject_prj/solution1/syn/report/*.xml")).unlink()
    go(vitis)
    assert stages_run(bench) == ["synth", "synth"]


@pytest.mark.parametrize(
    "text", ["", "{", '{"version": 0, "stages": {}}', '{"version": 1, "stages": {"csynth": {"status": "done"}}}', "[]"]
)
def test_a_state_that_cannot_be_used(vitis, bench, text):
    go(vitis)
    (vitis / "vendor_build.json").write_text(text)
    built = go(vitis)
    assert stages_run(bench) == ["synth", "synth"] and "every stage is run again" in built.notes[0]


def test_a_tool_left_behind_is_not_run_over(vitis, bench):
    go(vitis)
    process = LocalRunner().start(["sleep", "30"], vitis, vitis / "sleep.log", dict(os.environ))
    state = json.loads((vitis / "vendor_build.json").read_text())
    state["stages"]["csynth"] |= {"status": "running", "pid": process.pid}
    (vitis / "vendor_build.json").write_text(json.dumps(state))
    try:
        with pytest.raises(ToolError, match=rf"of an earlier call still runs .*kill -- -{process.pid}"):
            go(vitis)
    finally:
        process.stop(1)
    go(vitis)
    assert stages_run(bench) == ["synth", "synth"]


def test_two_at_once(vitis):
    from fpgacompress.firmware.vendor.state import locked

    with locked(vitis), pytest.raises(ToolError, match="another process is building"):
        go(vitis)


class Elsewhere:
    """A runner that is no process of this machine: what another machine would do."""

    pid = None

    def __init__(self):
        self.started = []

    def start(self, command, cwd, log, env):
        self.started.append((command, cwd))
        self.process = LocalRunner().start(command, cwd, log, env)
        return self

    def poll(self):
        return self.process.poll()

    def stop(self, grace=10.0):
        self.process.stop(grace)


def test_another_runner(vitis):
    runner = Elsewhere()
    built = build(vitis, runner=runner, progress=Silent(), message=lambda text: None)
    assert len(runner.started) == 1 and runner.started[0][1] == vitis and built.stages["csynth"].status == "done"


def test_estimate_of_the_wrapped_network(bench, tmp_path):
    install(bench, "vivado_hls", "2020.1")
    folder = project(tmp_path / "board", "VivadoAccelerator")
    built = build(folder, progress=Silent(), message=lambda text: None, estimate={"lut": Figure(9, "LUT", stage="csynth")})
    assert any("AXI wrapper" in note for note in built.notes)


def test_projects_of_hls4ml_are_understood(bench, tmp_path):
    """Real projects of every back end, written by hls4ml 1.3."""
    import numpy as np
    from integer.networks import mlp

    from fpgacompress.firmware.hls import generate
    from fpgacompress.integer import FixedType

    for program, release in (("vitis-run", "2023.2"), ("vivado_hls", "2020.1"), ("vivado", "2020.1")):
        install(bench, program, release)
    network = mlp(np.random.default_rng(0), [12, 8, 4], FixedType(6, 2))
    for backend, arguments, top in (("Vitis", False, "small"), ("Vivado", True, "small"), ("VivadoAccelerator", True, "small_axi")):
        firmware = generate(network, tmp_path / backend, backend=backend, name="small")
        found = open_project(tmp_path / backend)
        assert (found.name, found.backend, found.takes_arguments, found.top) == ("small", backend, arguments, top)
        assert found.part == "xc7z020clg400-1" and found.clock_ns == 10.0
        assert found.board == ("pynq-z2" if backend == "VivadoAccelerator" else None)
        reports = firmware.build(vsynth=backend != "Vitis", bitfile=backend == "VivadoAccelerator")
        assert reports["CSynthesisReport"]["LUT"] and reports["StandIn"] == "replayed by a stand-in"
        first = time.monotonic()
        assert firmware.build() == reports and time.monotonic() - first < 2
    assert firmware.build(csim=True, synth=False)["StandIn"]


def test_stand_ins_behave(bench):
    with pytest.raises(AssertionError):
        behave(bench, misbehave=True)
