"""``fpgacompress build PROJECT``: the vendor's tools on a run's firmware project, or on any hls4ml project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..figures import Figure
from .output import add_json, print_json

STAGES = {
    "csim": "the tool's own C simulation first",
    "cosim": "C/RTL co-simulation",
    "vsynth": "logic synthesis behind C synthesis",
    "implementation": "place and route of the network alone, out of context",
    "export": "export the IP core",
    "bitfile": "bitstream with the board's design (back end VivadoAccelerator); exports the IP core, too",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "build",
        help="run Vitis or Vivado HLS on a generated project",
        description="Runs C-synthesis and the stages asked for with the vendor's tools, and prints what they measured beside the estimate. "
        "Stages that were done on the same inputs are not run again.",
        epilog="The tools are looked for on PATH, in XILINX_VIVADO, XILINX_HLS and XILINX_VITIS, and under the usual folders. "
        "State, logs and figures are in the project: vendor_build.json, build_logs, measured.json.",
    )
    parser.add_argument("project", metavar="PROJECT", help="folder of a finished run, or an hls4ml project folder")
    for name, text in STAGES.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument("--tool-version", metavar="RELEASE", help="release of the tools, such as 2023.2 (default: the newest that fits)")
    parser.add_argument("--limit", metavar="TIME", help="time that each stage may take, such as 2h, 1h30m or 45m (default: no limit)")
    parser.add_argument("--again", action="store_true", help="run the stages even where nothing has changed")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Build and print; 0 when every stage has ended well."""
    from ..firmware import vendor
    from ..firmware.project import BUILD_COMMANDS

    limit = vendor.seconds_of(args.limit) if args.limit else None
    folder, estimate = find_project(args.project)
    project = vendor.open_project(folder)
    stages = ("csynth", *(name for name in STAGES if getattr(args, name)))
    by_hand = BUILD_COMMANDS.get(project.backend)
    instead = f"Or copy {folder} to a machine that has it and run there: {by_hand}" if by_hand else ""
    request = vendor.Request(stages, args.tool_version, limit, args.again, instead)
    built = vendor.build(folder, request, estimate=estimate)
    if args.json:
        print_json(built.to_json())
    else:
        sys.stdout.write(vendor.table(built))
    return 0


def find_project(path: str | Path) -> tuple[Path, dict[str, Figure]]:
    """The project that a folder is, or that the run in it has written, and the run's estimate (empty without a run).

    Raises:
        RunError: neither a project nor a run; the run has no project, or another run has replaced it.
    """
    from ..firmware.vendor import is_project
    from ..firmware.vendor.measured import estimate_of
    from ..run import load_figures, read_json

    folder = Path(path)
    if is_project(folder):
        return folder, {}
    if not (folder / "figures.json").is_file():
        raise RunError(
            f"'{folder}' has neither figures.json nor project.tcl",
            expected="the folder of a finished run, or an hls4ml project",
            do="fpgacompress run RECIPE first",
        )
    figures = load_figures(folder)
    told: Any = (figures.get("firmware") or {}).get("project_dir")
    if not isinstance(told, str):
        raise RunError(f"the run '{folder}' has no firmware project", do="run its recipe again, with g++ installed")
    project = Path(told)
    if not is_project(project):
        raise RunError(f"the run's project '{project}' is not there any more", do="run the recipe again, or give the project's new folder")
    owner, mine = project / "made_by.json", (figures.get("artifacts") or {}).get("firmware")
    if mine and owner.is_file() and read_json(owner).get("artifact") != Path(mine).name:
        raise RunError(
            f"'{project}' was written anew by another run",
            do=f"run the recipe of '{folder}' again, or give the project to build it as it is",
        )
    return project, estimate_of(figures)
