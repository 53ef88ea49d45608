"""A stand-in for vivado_hls, vitis_hls, vitis-run and vivado: no vendor tool is on the machines that run these tests.

As a module it puts such programs into a folder (:func:`install`) and writes small projects (:func:`project`). As a program it is what
those call: it prints a log like the real one's, slowly, and copies real reports of other designs (``tests/data/reports``; licences in the
README there) to where the real tool writes its own. Its banner says "stand-in", and nothing it writes may be called measured.

What it does wrong is set by ``standin.json`` beside it: see :data:`MANNERS`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPORTS = Path(__file__).resolve().parents[2] / "data" / "reports"
MANNERS = {
    "delay": 0.0,  # seconds between two lines of the log
    "fail_at": None,  # line of the log at which it prints "error" and ends with "exit"
    "error": "ERROR: [HLS 200-70] Pre-synthesis failed.",
    "exit": 1,
    "silent": False,  # ends with "exit" at once, without a word
    "hang_at": None,  # line at which it stops saying anything
    "stubborn": False,  # does not listen to SIGTERM
    "child": None,  # file that gets the process id of a child that sleeps
    "kill_at": None,  # line at which it kills itself, as the kernel does when memory runs out
    "run_error": None,  # line in the log of a run that it started (board designs)
    "say": None,  # an additional line
    "reports": True,  # whether it writes reports
    "damaged": False,  # reports are cut off
    "cosim": "Pass",
    "unversioned": False,  # no release in the banner
    "only": None,  # misbehaves in this stage only
}

TITLES = {
    "vivado_hls": "Vivado(TM) HLS {}- High-Level Synthesis from C, C++ and SystemC v{} (64-bit)",
    "vitis_hls": "Vitis HLS {}- High-Level Synthesis from C, C++ and OpenCL v{} (64-bit)",
    "vitis-run": "vitis-run {}v{} (64-bit)",
    "vivado": "Vivado {}v{} (64-bit)",
}
LOGS = {
    "csim": ["***** C SIMULATION *****", "INFO: [SIM 211-2] *************** CSIM start ***************", "INFO: [SIM 211-1] CSim done."],
    "synth": [
        "***** C/RTL SYNTHESIS *****",
        "INFO: [HLS 200-1510] Running: csynth_design ",
        "INFO: [HLS 200-10] Analyzing design file 'firmware/myproject.cpp' ... ",
        "INFO: [HLS 200-10] Starting hardware synthesis ...",
        "INFO: [HLS 200-42] -- Implementing module 'dense_latency' ",
        "INFO: [SCHED 204-11] Finished scheduling.",
        "INFO: [VLOG 209-307] Generating Verilog RTL for myproject.",
        "***** C/RTL SYNTHESIS COMPLETED IN 0h0m22s *****",
    ],
    "cosim": ["***** C/RTL SIMULATION *****", "INFO: [COSIM 212-316] Starting C post checking ..."],
    "export": ["***** EXPORT IP *****", "INFO: [IMPL 213-8] Exporting RTL as a Vivado IP."],
    "vsynth": ["Command: synth_design -top myproject", "Starting Synthesize : Time (s): cpu = 00:00:04", "Finished Synthesize"],
    "implementation": ["Command: place_design", "Phase 1 Placer Initialization", "Command: route_design", "Phase 2 Router Initialization"],
    "bitfile": ["Launched impl_1...", "Waiting for impl_1 to finish...", "write_bitstream completed successfully"],
}
COSIM = """
Report time       : Sat Mar 18 22:59:37 2023.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |                    Latency                    |                    Interval                   |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|
|   Verilog|      {}|             12|             12|             12|              8|              8|              8|
+----------+----------+-----------------------------------------------+-----------------------------------------------+
"""
CSIM = "INFO: [SIM 211-2] *************** CSIM start ***************\nINFO: [SIM 211-1] CSim done with 0 errors.\nCSIM finish\n"
TIMING = """Copyright 1986-2020 Xilinx, Inc. All Rights Reserved.
------------------------------------------------------------------------------------
| Tool Version      : Vivado v.2020.1 (lin64) Build 2902540 Wed May 27 19:54:35 MDT 2020
| Command           : report_timing_summary -file routed_timing.rpt
| Design            : {}
| Device            : 7z020-clg400
| Design State      : Routed
------------------------------------------------------------------------------------

Timing Summary Report

------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  \
THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints  
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  \
-------------------     --------     --------  ----------------------  --------------------  
      0.412        0.000                      0                 3125        0.051        0.000                      0  \
               3125        2.000        0.000                       0                  1480  


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------
"""


def install(folder: Path, program: str, release: str, **manners) -> Path:
    """Put a stand-in for a program into ``folder``; ``manners`` may be changed later with :func:`behave`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / program
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{Path(__file__).resolve()}" {program} {release} "{folder}" "$@"\n')
    path.chmod(0o755)
    behave(folder, **manners)
    return path


def product(root: Path, folder: str, *programs: str) -> Path:
    """Stand-ins in a product's folder, as the vendor's installer lays it out; their releases are those of the folder."""
    for program in programs:
        install(root / folder / "bin", program, next(one for one in folder.split("/") if one.startswith("20")))
    (root / folder / "settings64.sh").write_text(
        f'export STANDIN_HOME="{root / folder}"\nexport PATH="{root / folder}/bin:$PATH"\necho hello\n'
    )
    return root / folder


def behave(folder: Path, **manners) -> None:
    """What all stand-ins of a folder do from now on; without arguments they do everything right."""
    assert set(manners) <= set(MANNERS)
    (folder / "standin.json").write_text(json.dumps(manners))


def calls(folder: Path) -> list[dict]:
    """What the stand-ins of a folder were called with, questions for the version left out."""
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def stages_run(folder: Path) -> list[str]:
    """The stages that were run, in order."""
    return [stage for call in calls(folder) for stage in call["stages"]]


def project(folder: Path, backend: str = "Vitis", name: str = "myproject") -> Path:
    """A small project laid out as hls4ml 1.3 does it (the scripts are stubs: stand-ins read their options only)."""
    for inner in ("firmware/weights", "tb_data"):
        (folder / inner).mkdir(parents=True)
    arguments = backend != "Vitis"
    files = {
        "project.tcl": f'variable project_name\nset project_name "{name}"\nvariable backend\nset backend "{backend.lower()}"\n'
        'variable part\nset part "xc7z020clg400-1"\nvariable clock_period\nset clock_period 5\nset clock_uncertainty 12.5%\n',
        "build_prj.tcl": "foreach arg $::argv {}\n" if arguments else "source [file join $tcldir build_opt.tcl]\n",
        "vivado_synth.tcl": "synth_design\n",
        "hls4ml_config.yml": f"Backend: {backend}\nKerasModel: !keras_model\n",
        f"firmware/{name}.cpp": "void myproject() {}\n",
        "firmware/weights/w2.txt": "1, 2, 3\n",
        f"{name}_test.cpp": "int main() {}\n",
        "tb_data/tb_input_features.dat": "0 1\n",
    }
    if backend == "VivadoAccelerator":
        files["design.tcl"] = "create_bd_design design_1\n"
        files["hls4ml_config.yml"] = f"AcceleratorConfig:\n  Board: pynq-z2\n  Driver: python\nBackend: {backend}\n"
    for path, text in files.items():
        (folder / path).write_text(text)
    return folder


def _options(arguments: list[str]) -> dict[str, int]:
    text = Path("build_opt.tcl").read_text() if Path("build_opt.tcl").is_file() else ""
    pairs = [line.split() for line in text.splitlines()[1:-1]]
    pairs += [one.split("=") for one in " ".join(arguments).split() if "=" in one]
    return {name: int(value) for name, value in pairs}


def _tops() -> tuple[str, str]:
    words = dict(line.split()[1:3] for line in Path("project.tcl").read_text().splitlines() if line.startswith("set "))
    name = words["project_name"].strip('"')
    return name, f"{name}_axi" if "accelerator" in words["backend"] else name


def _write(path: Path, text: str, damaged: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text[: len(text) // 3] if damaged else text)


def _report(stage: str, program: str, manners: dict) -> None:
    name, top = _tops()
    solution = Path(f"{name}_prj/solution1")
    damaged = manners["damaged"]
    family = "hls4ml_vivado" if program == "vivado_hls" else "nrp_jet_vitis2022_2"
    synthesized = (REPORTS / "hls4ml_vivado_synth.rpt").read_text()
    routed = synthesized.replace(": Synthesized", ": Routed")
    board = Path(f"{name}_vivado_accelerator/project_1.runs/impl_1")
    if stage == "synth":
        for kind in ("xml", "rpt"):
            text = (REPORTS / f"{family}_myproject_csynth.{kind}").read_text()
            text = text.replace("<TopModelName>myproject<", f"<TopModelName>{top}<").replace(
                "Report for 'myproject'", f"Report for '{top}'"
            )
            _write(solution / f"syn/report/{top}_csynth.{kind}", text, damaged)
        _write(solution / f"syn/verilog/{top}.v", "module stand_in; endmodule\n", False)
        _write(solution.parent / "hls.app", '<project xmlns="x"><solutions><solution name="solution1"/></solutions></project>\n', False)
    elif stage == "csim":
        _write(solution / f"csim/report/{top}_csim.log", CSIM, damaged)
    elif stage == "cosim":
        _write(solution / f"sim/report/{top}_cosim.rpt", COSIM.format(manners["cosim"].rjust(4)), damaged)
    elif stage == "export":
        _write(solution / "impl/ip/component.xml", "<component/>\n", False)
    elif stage == "vsynth":
        _write(Path("vivado_synth.rpt"), synthesized, damaged)
    elif stage == "implementation":
        _write(Path("implementation/routed_utilization.rpt"), routed, damaged)
        _write(Path("implementation/routed_timing.rpt"), TIMING.format(top), damaged)
    elif stage == "bitfile":
        _write(Path("util.rpt"), routed.replace("| Design       : myproject", "| Design       : design_1_wrapper"), damaged)
        _write(board / "design_1_wrapper.bit", "stand-in, no bitstream\n", False)


def _say(text: str) -> None:
    print(text, flush=True)


def _act(stage: str, program: str, manners: dict, lines: list[str]) -> None:
    if manners["run_error"]:
        _write(
            Path(f"{_tops()[0]}_vivado_accelerator/project_1.runs/synth_1/runme.log"),
            f"INFO: x\n{manners['run_error']}\nERROR: more\n",
            False,
        )
    for number, line in enumerate(lines, 1):
        _say(line)
        if number == manners["hang_at"]:
            time.sleep(60)
        if number == manners["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == manners["fail_at"]:
            _say(manners["error"])
            _say("command 'ap_source' returned error code")
            _say('    while executing\n"source build_prj.tcl"')
            sys.exit(manners["exit"])
        time.sleep(manners["delay"])
    if manners["say"]:
        _say(manners["say"])
    if manners["reports"]:
        _report(stage, program, manners)


def main(program: str, release: str, folder: str, *arguments: str) -> None:
    """What a stand-in does."""
    manners = MANNERS | json.loads((Path(folder) / "standin.json").read_text())
    title = TITLES[program].format("stand-in ", release)
    if manners["unversioned"]:
        title = title.split(" v20")[0]
    banner = f"\n****** {title}\n  **** SW Build 2902540 on Wed May 27 19:54:35 MDT 2020\n"
    if arguments[:1] in (("-version",), ("--version",)):
        _say(banner)
        return
    if program == "vivado":
        script = next(one for one in arguments if one.endswith(".tcl"))
        stages = [{"vivado_synth.tcl": "vsynth", "design.tcl": "bitfile"}.get(script, "implementation")]
        options = {}
    else:
        options = _options(list(arguments))
        stages = [stage for stage in ("csim", "synth", "cosim", "export") if options.get(stage)]
    with open(Path(folder) / "calls", "a") as file:
        told = {"program": program, "arguments": arguments, "cwd": os.getcwd(), "options": options, "stages": stages, "pid": os.getpid()}
        file.write(json.dumps(told | {"home": os.environ.get("STANDIN_HOME", "")}) + "\n")
    if manners["only"] and manners["only"] not in stages:
        manners = MANNERS
    if manners["silent"]:
        sys.exit(manners["exit"])
    if manners["stubborn"]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _say(banner)
    if manners["child"]:
        child = subprocess.Popen(["sleep", "60"])
        Path(manners["child"]).write_text(str(child.pid))
    for stage in stages:
        _act(stage, program, manners, LOGS[stage])


if __name__ == "__main__":
    main(*sys.argv[1:])
