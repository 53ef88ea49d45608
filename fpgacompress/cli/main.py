"""``fpgacompress``: finds the command's module and runs it. Imports nothing heavy before the command is known."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys

from .. import __version__
from ..errors import FpgaCompressError, Interrupted

COMMANDS = {
    "run": "train, convert, prove and report what a recipe describes",
    "recipe": "write, check and show recipes",
    "data": "list, show and fetch data sets",
    "audit": "what is wrong with a model, before any hardware is built",
    "sensitivity": "what each layer loses with fewer bits or more zeros",
    "allocate": "bits per layer for a budget, as a recipe section",
    "distill": "which temperature, alpha and method of distillation help the student",
    "lottery": "lottery tickets: how few weights train as well as all of them",
    "quantize": "a trained float model in fewer bits, without training",
    "estimate": "resources and latency of a model on a board",
    "calibrate": "fit the estimator again, with synthesis results of your own",
    "plan": "reuse factors of every layer, and the plan that meets a budget",
    "budget": "response time of a whole system against its limits, energy and battery life",
    "verify": "compare everything that computes a model, bit for bit",
    "rtl": "pipelined Verilog of a saved integer network, proven in simulation",
    "board": "samples through a board's serial port, self-test, and a simulated board",
    "build": "run Vitis or Vivado HLS on a generated project",
    "report": "draw the report of a finished run again",
    "publish": "copy a run's teacher and student with a card into a models folder",
    "doctor": "what is installed, what is missing, what works without it",
}


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The argument parser; only ``command``'s own module is imported (all when None is not given and help is not asked for)."""
    top = argparse.ArgumentParser(
        prog="fpgacompress",
        description="From a Keras classifier and a small FPGA board to a distilled, quantized, pruned student whose firmware is proven bit for bit.",
        epilog="Every command takes --json. Exit status: 0 what was asked for holds, 1 it does not, 2 the input is wrong.",
    )
    top.add_argument("--version", action="version", version=f"fpgacompress {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        if name == command:
            importlib.import_module(f"fpgacompress.cli.{name}").add_parser(commands)
        else:
            commands.add_parser(name, help=text)
    return top


def main(argv: list[str] | None = None) -> int:
    """Entry point of the console script; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    command = next((a for a in argv if not a.startswith("-")), None)
    top = parser(command)
    args = top.parse_args(argv)
    if args.command is None:
        top.print_help()
        return 2
    try:
        return importlib.import_module(f"fpgacompress.cli.{args.command}").run(args)
    except Interrupted as error:
        return _fail(args, error, 130)
    except FpgaCompressError as error:
        return _fail(args, error, 2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _fail(args: argparse.Namespace, error: FpgaCompressError, status: int) -> int:
    print(f"fpgacompress {args.command}: {error}", file=sys.stderr)
    if getattr(args, "json", False):
        print(json.dumps({"error": {"kind": type(error).__name__, "received": error.received, "expected": error.expected, "do": error.do}}))
    return status
