"""``fpgacompress estimate``: resources and latency of a model on a board, or of the rows of a table of real results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .output import add_json, print_json

KERAS = (".h5", ".hdf5", ".keras")
STRATEGIES = ("auto", "latency", "resource", "resource_unrolled")
VERDICTS = {True: "fits", False: "does not fit", None: "fit unknown"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser("estimate", help="resources and latency of a model on a board, or of the designs in a table")
    parser.add_argument("model", nargs="?", help="integer network (.npz), the folder of a run, or a Keras file (.h5, .keras)")
    parser.add_argument("--board", help="board name, for example pynq-z2, or the path of a board's TOML file")
    parser.add_argument("--table", help="estimate every design of a table of synthesis results (.csv, .csv.gz) instead of a model")
    parser.add_argument("--layers", help="with --table: a table of layers, estimated too")
    parser.add_argument("--strategy", default="auto", choices=STRATEGIES, help="hls4ml strategy of all layers (default auto)")
    parser.add_argument("--reuse", default="auto", help="reuse factor of all layers in Resource strategy, or auto (default)")
    parser.add_argument("--clock-ns", type=float, default=None, help="target clock period in ns (default: the board's usual one)")
    parser.add_argument("--io", default="parallel", choices=("parallel", "stream"), help="hls4ml io type (default parallel)")
    parser.add_argument(
        "--backend", default="Vitis", choices=("Vitis", "Vivado", "VivadoAccelerator"), help="hls4ml back end (default Vitis)"
    )
    parser.add_argument(
        "--as-is", action="store_true", help="keep neurons that are constant or unread whatever the input (left out by default)"
    )
    parser.add_argument("--calibration", help="calibration file of your own (fpgacompress calibrate --output FILE)")
    add_json(parser)


def find_network(path: str | Path) -> Path:
    """The integer network that ``path`` names: the file itself, what a run's results name, or the newest in or below a model folder.

    A run's ``network.npz`` (what its firmware computes) goes before ``student.npz``.

    Raises:
        HardwareError: there is none.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if (path / "figures.json").is_file():
        from ..run import read_json

        artifact = (read_json(path / "figures.json").get("artifacts") or {}).get("hardware")
        if artifact and (named := path / "artifacts" / Path(artifact).name / "network.npz").is_file():
            return named
    found = sorted(path.rglob("network.npz"), key=_age) or sorted(path.rglob("student.npz"), key=_age)
    if not found:
        raise HardwareError(
            f"the folder '{path}' holds no integer network",
            expected="a run folder with network.npz, or a model folder with student.npz",
            do="finish the run with `fpgacompress run`, or give the .npz file",
        )
    return found[-1]


def _age(path: Path) -> float:
    return path.stat().st_mtime


def run(args: argparse.Namespace) -> int:
    """Estimate and print; 0 when the network fits, 1 when it does not."""
    from ..hardware.calibration import load_calibration, using

    with using(load_calibration(args.calibration)):
        return _tables(args) if args.table else _model(args)


def _model(args: argparse.Namespace) -> int:
    """Estimate a model on a board."""
    from ..hardware.board import load_board
    from ..hardware.estimate import estimate
    from ..hardware.reuse import plan

    if args.layers:
        raise HardwareError("--layers without --table", expected="a table of designs, too")
    if not args.model or not args.board:
        raise HardwareError("a model or a board is missing", expected="MODEL --board NAME, or --table DESIGNS.csv.gz")
    if args.clock_ns is not None and not 0.5 <= args.clock_ns <= 1000:
        raise HardwareError(f"--clock-ns {args.clock_ns:g}", expected="0.5 to 1000 ns")
    board = load_board(args.board)
    network = simplified(read_network(args.model), args.as_is)
    layers = plan(network, board=board, clock_ns=args.clock_ns, io=args.io, strategy=args.strategy, reuse=args.reuse, backend=args.backend)
    told = estimate(network, board=board, plan=layers, clock_ns=args.clock_ns, io=args.io, backend=args.backend)
    if args.json:
        print_json(told.to_json())
    else:
        sys.stdout.write(table(told))
    return 0 if told.fits else 1


def read_network(path: str) -> Any:
    """The integer network of a file or folder; a Keras file is lowered, which needs TensorFlow."""
    from ..integer import store

    if Path(path).suffix in KERAS or (Path(path) / "saved_model.pb").is_file():
        from ..lower.read import read

        return read(path).network
    return store.load(find_network(path))


def simplified(network: Any, as_is: bool = False) -> Any:
    """The network as the board computes it: without neurons that no input can make matter, which is told on standard error."""
    from ..integer import simplify

    smaller = simplify(network)
    if not smaller.changed or as_is:
        return network
    rows = [f"{r.neurons} of {r.of} in {r.layer}" for r in smaller.removed if r.neurons]
    print(f"left out, since no input can make them matter: {', '.join(rows)} (--as-is keeps them)", file=sys.stderr)
    return smaller.network


def _tables(args: argparse.Namespace) -> int:
    """Estimate the rows of tables; 0."""
    from ..hardware.score import format_scores, scores
    from ..hardware.table import design_rows, layer_rows, predict, predict_layer, read_rows

    given = [f"--{n.replace('_', '-')}" for n in ("board", "clock_ns", "as_is") if getattr(args, n)]
    given += [
        f"--{n}"
        for n, usual in (("strategy", "auto"), ("reuse", "auto"), ("io", "parallel"), ("backend", "Vitis"))
        if getattr(args, n) != usual
    ]
    if args.model or given:
        raise HardwareError(
            f"--table and {args.model or given[0]}", expected="one of them; a table's rows name their own parts, strategies and clocks"
        )
    told: dict[str, Any] = {}
    text = ""
    ios: dict[str, str] = {}
    for key, path, figures_of in (("designs", args.table, predict), ("layers", args.layers, predict_layer)):
        if not path:
            told[key] = []
            continue
        rows = read_rows(path)
        samples = design_rows(rows) if key == "designs" else layer_rows(rows, ios)
        ios = ios or {row["design_id"]: row.get("io_type", "") for row in rows}
        figures = [figures_of(s) for s in samples]
        names = {"designs": ("design_id",), "layers": ("design_id", "report", "type", "n_in", "n_out", "reuse_factor")}[key]
        told[key] = [{n: row.get(n) for n in names} | f for row, f in zip(rows, figures)]
        known = sum(any(f.available for f in one.values()) for one in figures)
        text += f"{path}: {known} of {len(samples)} {key} have estimates\n"
        text += format_scores(found) if (found := scores(samples, figures)) else _listed(told[key])
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(text)
    return 0


def _listed(rows: list[dict[str, Any]]) -> str:
    """One line per row of a table without measured columns."""
    lines = []
    for row in rows:
        figures = [f"{name} {figure.text()}" for name, figure in row.items() if hasattr(figure, "available") and figure.available]
        lines.append(f"{row['design_id']}: {', '.join(figures) or 'n/a'}")
    return "\n".join(lines) + "\n"


ROWS = (
    ("lut", "LUT", "csynth"),
    ("ff", "FF", "csynth"),
    ("dsp", "DSP", "csynth"),
    ("bram18", "BRAM18", "csynth"),
    ("lut_post_synth", "LUT", "post-synth"),
    ("ff_post_synth", "FF", "post-synth"),
)


def table(told: Any) -> str:
    """The estimate as plain text: resources by stage, time, one line per layer, verdict, notes."""
    from ..hardware.verdict import RULE

    lines = [f"{told.board.name} ({told.board.part}), {told.clock_ns:g} ns, {told.io}, {told.backend}, strategy {told.strategy}", ""]
    lines.append(f"{'stage':11} {'resource':9} {'estimate':28} {'of board':>9}  provenance")
    for name, unit, stage in ROWS:
        figure, share = told.total[name], told.utilisation[name]
        percent = f"{100 * share.value:.1f} %" if share.available else ""
        lines.append(f"{stage:11} {unit:9} {figure.text():28} {percent:>9}  {figure.provenance or figure.reason}")
    lines.append("")
    for name, text in (("latency_cycles", "latency"), ("latency_us", "latency"), ("ii", "initiation interval")):
        figure = told.total[name]
        lines.append(f"{text:21} {figure.text()} {figure.unit}, {figure.provenance}")
    lines += [
        "",
        f"{'layer':16} {'weights':>9} {'non-zero':>9} {'strategy':17} {'reuse':>6} {'mults':>6} "
        + f"{'LUT csynth':>22} {'LUT post-synth':>22} {'DSP':>5} {'BRAM18':>6}",
    ]
    for row in told.layers:
        lines.append(
            f"{row['name']:16} {row['n_weights']:9,} {row['nonzeros']:9,} {row['strategy']:17} {row['reuse']:6} {row['mults']:6,} "
            f"{row['lut'].text():>22} {row['lut_post_synth'].text():>22} {row['dsp'].value:5} {row['bram18'].value:6}"
        )
    lines.append(f"{'activations':16} {'':>51} {told.activations['lut'].text():>22} {told.activations['lut_post_synth'].text():>22}")
    lines += ["", f"{VERDICTS[told.fits]}: {told.fits_reason}", f"rule: {RULE}"]
    lines += [f"note: {note}" for note in told.notes]
    return "\n".join(lines) + "\n"
