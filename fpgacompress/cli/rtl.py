"""``fpgacompress rtl``: a saved integer network as Verilog, simulated cycle by cycle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .output import add_json, print_json

SAMPLES = 10_000
TARGETS = ("xc7", "xcup", "ecp5", "ice40", "gowin")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser("rtl", help="pipelined Verilog of a saved integer network, proven in simulation")
    parser.add_argument("network", help="integer network (.npz) or the folder of a run")
    parser.add_argument("--out", default=None, help="folder of the Verilog project (default: rtl/ and the network's name)")
    parser.add_argument("--levels", type=int, default=4, help="levels of adders between registers (default 4); 0 for no registers")
    parser.add_argument("--simulate", action="store_true", help="run it in Verilator and compare every output bit with the integer network")
    parser.add_argument("--synthesize", action="store_true", help="count its cells with Yosys (minutes)")
    parser.add_argument("--target", default=None, choices=TARGETS, help="device family of the synthesis (default xc7)")
    parser.add_argument("--timeout", type=float, default=None, help="seconds that the synthesis may take (default: no limit)")
    parser.add_argument("--samples", type=int, default=None, help=f"random inputs of the simulation (default {SAMPLES:,})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random inputs (default 1)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write, and simulate where asked for; 1 when a bit differs."""
    from ..firmware.rtl import generate, module_name
    from ..integer import simplify, store
    from .estimate import find_network

    for name, value, switch in (
        ("samples", args.samples, args.simulate),
        ("target", args.target, args.synthesize),
        ("timeout", args.timeout, args.synthesize),
    ):
        if value is not None and not switch:
            raise HardwareError(f"--{name} without --{'simulate' if name == 'samples' else 'synthesize'}")
        if value is not None and name != "target" and value <= 0:
            raise HardwareError(f"--{name} {value:g}", expected="more than 0")
    if args.seed < 0:
        raise HardwareError(f"--seed {args.seed}", expected="at least 0")
    network = simplify(store.load(find_network(args.network))).network
    folder = Path(args.out) if args.out else Path("rtl") / module_name(network.name)
    project = generate(network, folder, levels=args.levels, say=_say)
    told: dict[str, Any] = {
        "verilog": str(folder / "src" / f"{project.name}.v"),
        "sources": [str(path) for path in project.sources],
        "top": project.name,
        "stages": project.stages,
        "adders": project.adders,
        "cells": project.cells,
        "register_bits": project.register_bits,
        "simulate": None,
        "synthesize": None,
    }
    exact = True
    if args.simulate:
        report = _simulated(project, args)
        told["simulate"], exact = report.to_json(), report.exact
    if args.synthesize and exact:
        told["synthesize"] = _synthesized(project, args)
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(_text(told))
    return 0 if exact else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _simulated(project: Any, args: argparse.Namespace) -> Any:
    from ..firmware.rtl import RtlExecutor
    from ..firmware.verify import verify
    from ..integer.vectors import corners, random_inputs

    print("compiling the Verilog with Verilator", file=sys.stderr)
    inputs = {
        "random": random_inputs(project.network, args.samples or SAMPLES, args.seed),
        "corners": corners(project.network, seed=args.seed),
    }
    return verify(project.network, inputs, {"rtl": RtlExecutor(project)})


def _synthesized(project: Any, args: argparse.Namespace) -> Any:
    from ..firmware.rtl import synthesize

    print(f"synthesizing for {args.target or TARGETS[0]} with Yosys", file=sys.stderr)
    return synthesize(project, args.target or TARGETS[0], timeout=args.timeout).to_json()


def _text(told: dict[str, Any]) -> str:
    lines = [
        f"Verilog: {told['verilog']}, module {told['top']}",
        f"{told['stages']} cycles from the edge that takes an input to the one that puts out its result, a new input in each cycle"
        if told["stages"]
        else "no registers",
        f"{told['adders']:,} adders, {told['cells']:,.0f} full-adder bits (not LUT), {told['register_bits']:,} flip-flops",
    ]
    if told["simulate"]:
        report = told["simulate"]
        verdict = "every output bit is equal" if not report["differing_bits"] else f"{report['differing_bits']:,} bits DIFFER"
        lines.append(f"simulated by Verilator, cycle by cycle: {verdict}, {report['samples']:,} inputs, {report['outputs']} outputs")
        if report["first_difference"]:
            lines.append(f"first difference: {report['first_difference']}")
    if told["synthesize"]:
        cells = told["synthesize"]
        counts = ", ".join(f"{cells[name]['value']:,} {cells[name]['unit']}" for name in ("lut", "ff", "carry"))
        lines.append(f"synthesized, not placed: {counts} ({cells['lut']['provenance']})")
    return "\n".join(lines) + "\n"
