"""``fpgacompress rtl``: a saved integer network as Verilog, simulated cycle by cycle, synthesized, placed and routed, for the bench."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .options import add_data_dir
from .output import add_json, print_json
from .rtl_text import text

SAMPLES, FEW, CORNERS = 10_000, 500, 100
TARGETS = ("xc7", "xcup", "ecp5", "ice40", "gowin")
BOARDS = ("ulx3s-25f", "ulx3s-85f", "ice40-hx8k", "icebreaker", "tang-nano-9k", "tang-nano-20k")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser("rtl", help="pipelined Verilog of a saved integer network, proven in simulation")
    parser.add_argument("network", help="integer network (.npz) or the folder of a run")
    parser.add_argument("--out", default=None, help="folder of the Verilog project (default: rtl/ and the network's name)")
    parser.add_argument(
        "--io",
        choices=("parallel", "stream"),
        default=None,
        help="parallel: one block of adders, a sample in each cycle; stream: beats through line buffers and layers computed in turn "
        "(default: parallel for up to some thousand weights without convolutions)",
    )
    parser.add_argument(
        "--interval",
        type=int,
        default=None,
        help="stream: cycles of a sample that layers computed in turn may take (default: those of its beats)",
    )
    parser.add_argument(
        "--graph-weights",
        type=int,
        default=None,
        help="stream: layers of more weights that are not zero are computed in turn (default 1000)",
    )
    parser.add_argument(
        "--levels", type=int, default=4, help="levels of adders between registers (default 4); parallel: 0 for no registers"
    )
    parser.add_argument("--simulate", action="store_true", help="run it in Verilator and compare every output bit with the integer network")
    parser.add_argument(
        "--simulator",
        choices=("verilator", "icarus"),
        default=None,
        help="of --simulate (default verilator; icarus for few inputs, parallel)",
    )
    parser.add_argument("--vhdl", action="store_true", help="parallel: the same in VHDL; with --simulate proven in GHDL, too")
    parser.add_argument("--synthesize", action="store_true", help="count its cells with Yosys (minutes)")
    parser.add_argument(
        "--netlist", action="store_true", help="with --synthesize, parallel: simulate the synthesized cells and compare every output bit"
    )
    parser.add_argument(
        "--switching", action="store_true", help="with --netlist: toggles of all nets per inference, an index of switching and not watts"
    )
    parser.add_argument(
        "--target", default=None, choices=TARGETS, help="device family of the synthesis (default xc7; with --place the board's)"
    )
    parser.add_argument("--place", action="store_true", help="place and route it with nextpnr, behind five serial pins (minutes)")
    parser.add_argument("--board", default=None, help=f"board of --place: {', '.join(BOARDS)} (default: the target's first one)")
    parser.add_argument(
        "--uart",
        action="store_true",
        help="with --place: behind the board's USB-serial bridge, for 'fpgacompress board' (streams always are)",
    )
    parser.add_argument("--baud", type=int, default=None, help="with --uart: bits per second (default 115200)")
    parser.add_argument("--bitstream", action="store_true", help="with --place: also the file that the board loads")
    parser.add_argument(
        "--clock-ns", type=float, default=None, help="clock period that --place asks for, ns (default: the board's oscillator)"
    )
    parser.add_argument("--timeout", type=float, default=None, help="seconds that all these tools together may take (default: no limit)")
    parser.add_argument("--samples", type=int, default=None, help=f"random inputs of the simulation (default {SAMPLES:,})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random inputs and of the router (default 1)")
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write; simulate, synthesize, place where asked for; 1 when a bit differs, or when it does not fit, route or keep its clock."""
    from ..firmware.rtl import choose, module_name, require_tools, suited_io
    from ..integer import simplify, store
    from .estimate import find_network

    _check(args)
    if args.place:
        require_tools(choose(args.board, args.target)[1], args.bitstream)
    network = simplify(store.load(find_network(args.network))).network
    needs = next(
        (f"--{name}" for name in ("vhdl", "netlist") if getattr(args, name)), "--simulator icarus" if args.simulator == "icarus" else None
    )
    io = args.io or ("stream" if args.interval or args.graph_weights is not None else suited_io(network))
    if needs and io == "stream":
        raise HardwareError(f"{needs} of a stream", expected="a network in one block (--io parallel)")
    project = _generated(network, Path(args.out) if args.out else Path("rtl") / module_name(network.name), io, args)
    told: dict[str, Any] = {"io": io, **_described(project, _target(args))} | dict.fromkeys(
        ("vhdl", "simulate", "synthesize", "netlist", "switching", "place")
    )
    exact = True
    if args.vhdl:
        told["vhdl"], exact = _as_vhdl(project, args)
    if args.simulate and exact:
        told["simulate"], exact = _simulated(project, args)
    ok = exact
    if args.synthesize and exact:
        started = time.monotonic()
        if args.netlist:
            told["synthesize"], told["netlist"], told["switching"], ok = _cells(project, args)
        else:
            told["synthesize"] = _synthesized(project, args)
        if args.place and ok:
            placement = _placed(project, args, time.monotonic() - started)
            told["place"], ok = placement.to_json(), placement.ok
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(text(told))
    return 0 if ok else 1


def _generated(network: Any, folder: Path, io: str, args: argparse.Namespace) -> Any:
    from ..firmware.rtl import generate, generate_stream
    from ..firmware.rtl.stream import GRAPH_WEIGHTS

    if io == "parallel":
        return generate(network, folder, levels=args.levels, say=_say)
    weights = GRAPH_WEIGHTS if args.graph_weights is None else args.graph_weights
    return generate_stream(network, folder, interval=args.interval, graph_weights=weights, levels=args.levels, say=_say)


def _described(project: Any, target: str) -> dict[str, Any]:
    """What was written."""
    from ..firmware.rtl import StreamProject
    from ..firmware.rtl.expected import expected

    told = {
        "verilog": str(project.folder / "src" / f"{project.name}.v"),
        "sources": [str(path) for path in project.sources],
        "top": project.name,
    }
    if isinstance(project, StreamProject):
        stages = [
            {"name": s.name, "what": s.what, "takes": s.source.what, "gives": s.result.what, "cycles": s.cycles} for s in project.stages
        ]
        sizes = {"interval": project.interval, "multipliers": project.multipliers, "memory_bits": project.memory_bits}
        return told | {"stages": stages, **sizes}
    counts = {"stages": project.stages, "adders": project.adders, "cells": project.cells, "register_bits": project.register_bits}
    return told | counts | {"expected": {name: figure.to_json() for name, figure in expected(project, target).items()}}


def _check(args: argparse.Namespace) -> None:
    """Refuse options that mean nothing together, before any work."""
    for name, value, switch, needed in (
        ("samples", args.samples, args.simulate, "simulate"),
        ("simulator", args.simulator, args.simulate, "simulate"),
        ("netlist", args.netlist or None, args.synthesize, "synthesize"),
        ("switching", args.switching or None, args.netlist, "netlist"),
        ("target", args.target, args.synthesize, "synthesize"),
        ("timeout", args.timeout, args.synthesize, "synthesize"),
        ("place", args.place or None, args.synthesize, "synthesize"),
        ("board", args.board, args.place, "place"),
        ("bitstream", args.bitstream or None, args.place, "place"),
        ("uart", args.uart or None, args.place, "place"),
        ("baud", args.baud, args.place, "place"),
        ("interval", args.interval, args.io != "parallel", "io stream"),
        ("graph-weights", args.graph_weights, args.io != "parallel", "io stream"),
        ("clock-ns", args.clock_ns, args.place, "place"),
    ):
        if value is not None and not switch:
            raise HardwareError(f"--{name} without --{needed}", do=f"give --{needed}, too, or leave out --{name}")
        if isinstance(value, (int, float)) and name != "graph-weights" and not 0 < value < math.inf:
            raise HardwareError(f"--{name} {value:g}", expected="more than 0")
    if args.seed < 0:
        raise HardwareError(f"--seed {args.seed}", expected="at least 0")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _compared(executor: Any, args: argparse.Namespace, samples: int, most_corners: int) -> tuple[dict[str, Any], bool]:
    """The comparison with the network, and what was measured on the way."""
    from ..firmware.verify import verify
    from ..integer.vectors import corners, random_inputs

    network = executor.project.network
    inputs = {"random": random_inputs(network, samples, args.seed), "corners": corners(network, limit=most_corners, seed=args.seed)}
    report = verify(network, inputs, {"rtl": executor})
    return report.to_json() | {"timing": executor.timing().to_json()}, report.exact


def _simulated(project: Any, args: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    from ..firmware.rtl import IcarusExecutor, executor_of

    icarus = args.simulator == "icarus"
    _say(f"compiling the Verilog with {'Icarus Verilog' if icarus else 'Verilator'}")
    executor = IcarusExecutor(project) if icarus else executor_of(project)
    told, exact = _compared(executor, args, args.samples or (FEW if icarus else SAMPLES), FEW if icarus else 1000)
    return told | {"simulator": "Icarus Verilog" if icarus else "Verilator"}, exact


def _as_vhdl(project: Any, args: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    from ..firmware.rtl import VhdlExecutor, write_vhdl

    made = write_vhdl(project)
    told: dict[str, Any] = {"folder": str(project.folder / "vhdl"), "simulate": None}
    if not args.simulate:
        return told, True
    _say("analysing the VHDL with GHDL")
    found, exact = _compared(VhdlExecutor(made), args, FEW, FEW)
    return told | {"simulate": found | {"simulator": "GHDL"}}, exact


def _cells(project: Any, args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None, bool]:
    """Synthesis, the comparison of its cells, and their toggles."""
    from ..firmware.rtl import NetlistExecutor, netlist, switching

    target = _target(args)
    _say(f"synthesizing for {target} with Yosys")
    made = netlist(project, target, timeout=args.timeout)
    _say("simulating the synthesized cells")
    compared, exact = _compared(NetlistExecutor(made), args, FEW, CORNERS)
    toggles = switching(made, _some_inputs(project.network, args)).to_json() if args.switching and exact else None
    return made.synthesis.to_json(), compared, toggles, exact


def _some_inputs(network: Any, args: argparse.Namespace) -> Any:
    """Real inputs of a run, random ones of a network alone."""
    from ..integer.vectors import random_inputs
    from .board import belongings

    known = belongings(args.network, args.data_dir)
    if "samples" not in known:
        return random_inputs(network, CORNERS, args.seed)
    return known["preprocessing"].apply_integer(known["samples"]).reshape(-1, *network.input.shape)


def _synthesized(project: Any, args: argparse.Namespace) -> Any:
    from ..firmware.rtl import synthesize

    target = _target(args)
    _say(f"synthesizing for {target} with Yosys")
    return synthesize(project, target, timeout=args.timeout).to_json()


def _target(args: argparse.Namespace) -> str:
    from ..firmware.rtl import choose

    return choose(args.board, args.target)[1].family.target if args.place else args.target or TARGETS[0]


def _placed(project: Any, args: argparse.Namespace, spent: float) -> Any:
    from ..firmware.rtl import StreamProject, place

    top = None
    if args.uart or args.baud or isinstance(project, StreamProject):
        from ..firmware.bench.design import graph_design, stream_design
        from ..firmware.bench.make import prepare
        from ..firmware.rtl.protocol import BAUD
        from .board import belongings

        design = stream_design(project) if isinstance(project, StreamProject) else graph_design(project)
        top = prepare(design, args.board, target=args.target, baud=args.baud or BAUD, **belongings(args.network, args.data_dir))
    return place(
        project,
        args.board,
        target=args.target,
        uart=top,
        clock_ns=args.clock_ns,
        bitstream=args.bitstream,
        seed=args.seed,
        timeout=None if args.timeout is None else args.timeout - spent,
        say=_say,
    )
