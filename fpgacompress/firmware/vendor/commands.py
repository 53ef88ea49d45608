"""The command line of each stage, and the files it reads its options from: as hls4ml's own ``build`` does it."""

from __future__ import annotations

from ...run import write_text
from .installs import Install
from .project import Project
from .stages import IMPLEMENTATION, Stage

OPTIONS = ("reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt")
"""Switches of hls4ml's ``build_prj.tcl``."""

VIVADO = ("-mode", "batch", "-nojournal", "-nolog", "-source")
SCRIPT = f"""# Place and route of the network alone (out of context), with the project's part and clock. Written by fpgacompress.
set here [file dirname [file normalize [info script]]]
set project [file dirname $here]
source [file join $project project.tcl]
set top [lindex $argv 0]

set constraints [open [file join $here clock.xdc] w]
puts $constraints "create_clock -name ap_clk -period $clock_period \\[get_ports ap_clk\\]"
close $constraints

add_files [file join $project ${{project_name}}_prj/solution1/syn/verilog]
read_xdc -mode out_of_context [file join $here clock.xdc]
synth_design -top $top -part $part -mode out_of_context
opt_design
place_design
phys_opt_design
route_design
report_utilization -file [file join $project {IMPLEMENTATION} routed_utilization.rpt]
report_timing_summary -file [file join $project {IMPLEMENTATION} routed_timing.rpt]
write_checkpoint -force [file join $here routed.dcp]
"""


def script_of(stage: Stage) -> str:
    """Text of ours that a stage depends on besides the project's files."""
    return SCRIPT if stage.name == "implementation" else ""


def command(project: Project, stage: Stage, tool: Install, *, reset: bool) -> list[str]:
    """The command of a stage, to be run in the project's folder; writes the options file or the script it reads.

    Args:
        project: the project.
        stage: what to run.
        tool: the C-synthesis program, or vivado for its stages.
        reset: begin with an empty HLS project.
    """
    if stage.name == "vsynth":
        return [str(tool.path), *VIVADO, "vivado_synth.tcl"]
    if stage.name == "bitfile":
        return [str(tool.path), *VIVADO, "design.tcl"]
    if stage.name == "implementation":
        script = write_text(project.folder / IMPLEMENTATION / "implementation.tcl", SCRIPT)
        return [str(tool.path), *VIVADO, str(script.relative_to(project.folder)), "-tclargs", project.top]
    options = dict.fromkeys(OPTIONS, 0) | {"reset": int(reset), str(stage.option): 1}
    if project.takes_arguments:
        return [str(tool.path), "-f", "build_prj.tcl", " ".join(f"{name}={value}" for name, value in options.items())]
    lines = "".join(f"    {name:<10} {value}\n" for name, value in options.items())
    write_text(project.folder / "build_opt.tcl", "array set opt {\n" + lines + "}\n")
    if tool.program == "vitis-run":
        return [str(tool.path), "--mode", "hls", "--tcl", "build_prj.tcl"]
    return [str(tool.path), "-f", "build_prj.tcl"]
