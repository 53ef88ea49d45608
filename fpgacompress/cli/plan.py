"""``fpgacompress plan``: legal reuse factors of every layer, the trade between resources and latency, and a plan for a budget."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .estimate import VERDICTS, read_network, simplified
from .output import add_json, print_json

SHOWN = 12
"""Ways of a layer and plans of a trade in the text; ``--json`` has all."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser("plan", help="reuse factors of every layer, and the plan that meets a budget of time or resources")
    parser.add_argument("model", help="integer network (.npz), the folder of a run, or a Keras file (.h5, .keras)")
    parser.add_argument("--board", required=True, help="board name, for example pynq-z2, or the path of a board's TOML file")
    parser.add_argument(
        "--strategy", default="auto", choices=("auto", "latency", "resource"), help="hls4ml strategy of all layers (default auto)"
    )
    parser.add_argument("--clock-ns", type=float, default=None, help="target clock period in ns (default: the board's usual one)")
    parser.add_argument("--io", default="parallel", choices=("parallel", "stream"), help="hls4ml io type (default parallel)")
    parser.add_argument(
        "--backend", default="Vitis", choices=("Vitis", "Vivado", "VivadoAccelerator"), help="hls4ml back end (default Vitis)"
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--latency-us", type=float, default=None, help="the cheapest plan whose latency stays within this many us by its upper end"
    )
    budget.add_argument("--latency-cycles", type=int, default=None, help="the same in clock cycles")
    budget.add_argument("--share", type=float, default=None, help="the quickest plan that takes this share of each resource (default 0.7)")
    parser.add_argument(
        "--as-is", action="store_true", help="keep neurons that are constant or unread whatever the input (left out by default)"
    )
    parser.add_argument("--calibration", help="calibration file of your own (fpgacompress calibrate --output FILE)")
    parser.add_argument("--plot", default=None, help="draw resources against latency into this PNG file")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print ways, trade and plan; 0 when the plan fits the board, 1 when it does not."""
    from ..hardware.calibration import load_calibration, using

    with using(load_calibration(args.calibration)):
        return _planned(args)


def _planned(args: argparse.Namespace) -> int:
    from ..hardware.board import load_board
    from ..hardware.estimate import estimate
    from ..hardware.reuse import plan
    from ..hardware.setting import Setting
    from ..hardware.trade import cheapest, trade

    for name in ("latency_us", "latency_cycles"):
        value = getattr(args, name)
        if value is not None and not 0 < value < float("inf"):
            raise HardwareError(f"--{name.replace('_', '-')} {value:g}", expected="a time above 0")
    if args.plot and (Path(args.plot).suffix.lower() != ".png" or Path(args.plot).is_dir()):
        raise HardwareError(f"--plot {args.plot}", expected="the name of a file that ends in .png")
    if args.share is not None and not 0 < args.share <= 1:
        raise HardwareError(f"--share {args.share:g}", expected="above 0 and at most 1")
    if args.clock_ns is not None and not 0.5 <= args.clock_ns <= 1000:
        raise HardwareError(f"--clock-ns {args.clock_ns:g}", expected="0.5 to 1000 ns")
    board, network = load_board(args.board), simplified(read_network(args.model), args.as_is)
    built = {"board": board, "clock_ns": args.clock_ns, "io": args.io, "backend": args.backend}
    setting = Setting.of(board, args.clock_ns, args.backend)
    points = trade(network, strategy=args.strategy, **built)
    budget = args.latency_cycles if args.latency_us is None else args.latency_us * 1000 / setting.clock_ns
    if budget is not None:
        told = cheapest(points, budget).estimate
    else:
        share = {} if args.share is None else {"share": args.share}
        told = estimate(network, plan=plan(network, strategy=args.strategy, **share, **built), **built)
    ways = _ways(network, args.strategy, args.io, setting)
    if args.plot:
        _plot(points, told, board.name, None if budget is None else budget * setting.clock_ns / 1000, Path(args.plot))
    if args.json:
        rows = [{"plan": _plan_json(p.plan), "share": p.share, "total": p.estimate.total, "fits": p.estimate.fits} for p in points]
        print_json(
            {"board": board.key or board.name, "clock_ns": setting.clock_ns, "layers": ways, "trade": rows, "chosen": told.to_json()}
        )
    else:
        sys.stdout.write(_text(ways, points, told))
    return 0 if told.fits else 1


def _plan_json(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: {"strategy": p.strategy, "reuse": p.reuse} for name, p in plan.items()}


def _ways(network: Any, strategy: str, io: str, setting: Any) -> dict[str, list[dict[str, Any]]]:
    """Every legal way to build each layer: strategy, reuse factor, multipliers, cycles, DSP and BRAM18 by law, LUT after synthesis."""
    from ..hardware.factors import legal_plans
    from ..hardware.facts import network_facts
    from ..hardware.layer import layer_area, layer_counts
    from ..hardware.reuse import io_type

    found: dict[str, list[dict[str, Any]]] = {}
    for name, facts in network_facts(network, io_type(io)).items():
        found[name] = []
        for plan in legal_plans(facts, strategy):
            counts = layer_counts(facts, plan, setting)
            row = {"strategy": plan.strategy, "reuse": plan.reuse}
            row |= {k: counts[k] for k in ("mults", "ii", "latency_cycles", "dsp", "bram18")}
            row["lut_post_synth"] = (
                layer_area(facts, plan, "lut", "post-synth", setting).figure("LUT", "post-synth") if facts.is_dense else None
            )
            found[name].append(row)
    return found


def _plot(points: list[Any], told: Any, board: str, budget_us: float | None, path: Path) -> None:
    from ..report.plots_trade import trade_plot

    rows = [{"latency_us": p.estimate.total["latency_us"], "utilisation": p.estimate.utilisation} for p in points]
    try:
        trade_plot(rows, f"{board}: resources against latency", path, budget_us, told.total["latency_us"].value)
    except OSError as error:
        raise HardwareError(
            f"--plot {path} cannot be written ({error.strerror})", do="give a file in a folder that can be written"
        ) from None


def _text(ways: dict[str, list[dict[str, Any]]], points: list[Any], told: Any) -> str:
    lines = [f"{told.board.name}, {told.clock_ns:g} ns, {told.io}, {told.backend}", ""]
    for name, rows in ways.items():
        lines.append(f"{name}: {len(rows)} legal ways{'' if len(rows) <= SHOWN else f', {SHOWN} of them'}")
        lines.append(f"  {'strategy':9} {'reuse':>7} {'mults':>7} {'II':>8} {'cycles':>8} {'DSP':>6} {'BRAM18':>7}  LUT post-synth")
        for row in _some(rows):
            lut = row["lut_post_synth"].text() if row["lut_post_synth"] else "n/a"
            lines.append(
                f"  {row['strategy']:9} {row['reuse']:7,} {row['mults']:7,} {row['ii']:8,} {row['latency_cycles']:8,} {row['dsp']:6,} "
                f"{row['bram18']:7,}  {lut}"
            )
    lines += ["", f"plans that nothing beats: {len(points)}{'' if len(points) <= SHOWN else f', {SHOWN} of them'}"]
    lines.append(f"  {'latency, cycles':24} {'us':>9} {'scarcest':>9}  {'LUT post-synth':26} {'DSP':>6} {'BRAM18':>7}  fits")
    for point in _some(points):
        total = point.estimate.total
        verdict = {True: "yes", False: "no", None: "unknown"}[point.estimate.fits]
        lines.append(
            f"  {total['latency_cycles'].text():24} {total['latency_us'].value:9.4g} {100 * point.share:7.0f} %  {total['lut_post_synth'].text():26} "
            f"{total['dsp'].value:6,} {total['bram18'].text().split(' ')[0]:>7}  {verdict}"
        )
    lines += ["", "chosen:"]
    lines += [f"  {name}: {p.strategy}, reuse {p.reuse}" for name, p in told.plan.items()]
    latency, us = told.total["latency_cycles"], told.total["latency_us"]
    lines.append(f"  latency {latency.text()} cycles, {us.text()} us")
    lines.append(f"  {VERDICTS[told.fits]}: {told.fits_reason}")
    lines += ["  in a recipe:", "    firmware:", *_recipe(told)]
    return "\n".join(lines) + "\n"


def _recipe(told: Any) -> list[str]:
    """Lines of a recipe's section ``firmware``."""
    strategies = {p.strategy for p in told.plan.values()}
    layers = ", ".join(f"{name}: {p.reuse}" for name, p in told.plan.items())
    return [f"      strategy: {strategies.pop().lower() if len(strategies) == 1 else 'auto'}", f"      layers: {{{layers}}}"]


def _some(rows: list[Any]) -> list[Any]:
    """At most :data:`SHOWN` of them, first and last among them."""
    if len(rows) <= SHOWN:
        return rows
    return [rows[round(i * (len(rows) - 1) / (SHOWN - 1))] for i in range(SHOWN)]
