"""``fpgacompress rtl``: a saved integer network as Verilog, simulated cycle by cycle, synthesized, placed and routed."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .output import add_json, print_json

SAMPLES = 10_000
TARGETS = ("xc7", "xcup", "ecp5", "ice40", "gowin")
BOARDS = ("ulx3s-25f", "ulx3s-85f", "ice40-hx8k", "icebreaker", "tang-nano-9k", "tang-nano-20k")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser("rtl", help="pipelined Verilog of a saved integer network, proven in simulation")
    parser.add_argument("network", help="integer network (.npz) or the folder of a run")
    parser.add_argument("--out", default=None, help="folder of the Verilog project (default: rtl/ and the network's name)")
    parser.add_argument("--levels", type=int, default=4, help="levels of adders between registers (default 4); 0 for no registers")
    parser.add_argument("--simulate", action="store_true", help="run it in Verilator and compare every output bit with the integer network")
    parser.add_argument("--synthesize", action="store_true", help="count its cells with Yosys (minutes)")
    parser.add_argument(
        "--target", default=None, choices=TARGETS, help="device family of the synthesis (default xc7; with --place the board's)"
    )
    parser.add_argument("--place", action="store_true", help="place and route it with nextpnr, behind five serial pins (minutes)")
    parser.add_argument("--board", default=None, help=f"board of --place: {', '.join(BOARDS)} (default: the target's first one)")
    parser.add_argument("--bitstream", action="store_true", help="with --place: also the file that the board loads")
    parser.add_argument(
        "--clock-ns", type=float, default=None, help="clock period that --place asks for, ns (default: the board's oscillator)"
    )
    parser.add_argument("--timeout", type=float, default=None, help="seconds that all these tools together may take (default: no limit)")
    parser.add_argument("--samples", type=int, default=None, help=f"random inputs of the simulation (default {SAMPLES:,})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random inputs and of the router (default 1)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write; simulate, synthesize, place where asked for; 1 when a bit differs, or when it does not fit, route or keep its clock."""
    from ..firmware.rtl import choose, generate, module_name, require_tools
    from ..integer import simplify, store
    from .estimate import find_network

    _check(args)
    if args.place:
        require_tools(choose(args.board, args.target)[1], args.bitstream)
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
        "place": None,
    }
    exact = True
    if args.simulate:
        report = _simulated(project, args)
        told["simulate"], exact = report.to_json(), report.exact
    ok = exact
    if args.synthesize and exact:
        started = time.monotonic()
        told["synthesize"] = _synthesized(project, args)
        if args.place:
            placement = _placed(project, args, time.monotonic() - started)
            told["place"], ok = placement.to_json(), placement.ok
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(_text(told))
    return 0 if ok else 1


def _check(args: argparse.Namespace) -> None:
    """Refuse options that mean nothing together, before any work."""
    for name, value, switch, needed in (
        ("samples", args.samples, args.simulate, "simulate"),
        ("target", args.target, args.synthesize, "synthesize"),
        ("timeout", args.timeout, args.synthesize, "synthesize"),
        ("place", args.place or None, args.synthesize, "synthesize"),
        ("board", args.board, args.place, "place"),
        ("bitstream", args.bitstream or None, args.place, "place"),
        ("clock-ns", args.clock_ns, args.place, "place"),
    ):
        if value is not None and not switch:
            raise HardwareError(f"--{name} without --{needed}", do=f"give --{needed}, too, or leave out --{name}")
        if isinstance(value, (int, float)) and not 0 < value < math.inf:
            raise HardwareError(f"--{name} {value:g}", expected="more than 0")
    if args.seed < 0:
        raise HardwareError(f"--seed {args.seed}", expected="at least 0")


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
    from ..firmware.rtl import choose, synthesize

    target = choose(args.board, args.target)[1].family.target if args.place else args.target or TARGETS[0]
    print(f"synthesizing for {target} with Yosys", file=sys.stderr)
    return synthesize(project, target, timeout=args.timeout).to_json()


def _placed(project: Any, args: argparse.Namespace, spent: float) -> Any:
    from ..firmware.rtl import place

    return place(
        project,
        args.board,
        target=args.target,
        clock_ns=args.clock_ns,
        bitstream=args.bitstream,
        seed=args.seed,
        timeout=None if args.timeout is None else args.timeout - spent,
        say=_say,
    )


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
    if told["place"]:
        lines += _place_text(told["place"])
    return "\n".join(lines) + "\n"


def _place_text(told: dict[str, Any]) -> list[str]:
    lines = [f"on {told['board']} ({told['part']}), behind serial pins: {told['verdict']}"]
    if told["verdict"] == "routed":
        cells = [
            f"{told[name]['value']:,} {told[name]['unit']}{_share(told[f'{name}_share'])}" for name in ("lut", "ff") if told[name]["value"]
        ]
        verdict = "is kept" if told["met"] else "is MISSED"
        lines[0] += f", {', '.join(cells)}, of which the wrapper's own are {told['wrapper_ff']['value']:,} FF"
        lines.append(f"fastest clock: {told['fmax']['value']:.1f} MHz; the {1000 / told['clock_ns']:.4g} MHz asked for {verdict}")
        lines.append(f"({told['fmax']['provenance']})")
    lines += told["said"]
    if told["bitstream"]:
        file = told["bitstream"]
        lines.append(f"bitstream: {file['path']}, {file['size']:,} bytes, SHA-256 {file['sha256']}")
        lines.append(f"pins: {', '.join(f'{port} {pin}' for port, pin in file['pins'].items())} ({file['where']}; from {file['source']})")
    return lines


def _share(figure: dict[str, Any]) -> str:
    return "" if figure["value"] is None else f" ({figure['value']:.1%})"
