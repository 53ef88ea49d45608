"""``fpgacompress build RUN_DIR``: vendor synthesis of a run's firmware project."""

from __future__ import annotations

import argparse

from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("build", help="run Vitis or Vivado HLS on a generated project")
    parser.add_argument("run_dir", help="folder of a finished run")
    parser.add_argument("--csim", action="store_true", help="the tool's own C simulation first")
    parser.add_argument("--cosim", action="store_true", help="C/RTL co-simulation")
    parser.add_argument("--vsynth", action="store_true", help="logic synthesis behind C synthesis")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from ..pipeline import open_run

    told = open_run(args.run_dir).firmware.build(csim=args.csim, synth=True, cosim=args.cosim, vsynth=args.vsynth)
    if args.json:
        print_json(told)
    else:
        for name, value in told.items():
            print(f"{name}: {value}")
    return 0
