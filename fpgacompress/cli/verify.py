"""``fpgacompress verify MODEL``: compare everything that computes a model, bit for bit."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..errors import DataError
from .options import add_data_dir, check_least
from .output import add_json, print_json

EXECUTORS = ("keras", "integer", "hls", "rtl")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "verify",
        help="compare everything that computes a model, bit for bit",
        description="Runs the QKeras model, its integer network and hls4ml's C simulation on the same inputs and compares every layer's bits.",
        epilog="Exit status: 0 all agree, 1 bits differ, 2 the input is wrong.",
    )
    parser.add_argument(
        "model", help=".h5, .keras, SavedModel, integer network (.npz), run folder, or a folder with student.h5 and student.npz"
    )
    parser.add_argument("--data", help="samples as the model reads them (.npz, .npy, .csv), or a data set (its test split, preprocessed)")
    parser.add_argument(
        "--against",
        help="comma-separated executors of keras, integer, hls, and rtl, Verilog in Verilator (default: all but rtl that are there)",
    )
    parser.add_argument("--samples", type=int, default=1000, help="random inputs over the whole input type (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random inputs and corners")
    parser.add_argument("--input-type", help="type of the input of a Keras model, such as 'fixed<16,6>' (default: from model or data)")
    parser.add_argument("--io", choices=("parallel", "stream"), help="hls4ml io type (default parallel, or the run's own project)")
    parser.add_argument(
        "--backend", choices=("Vitis", "Vivado", "VivadoAccelerator"), help="hls4ml back end (default Vitis, or the run's own)"
    )
    parser.add_argument("--hls-samples", type=int, default=200, help="samples of each source for the slow C simulation (default 200)")
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and print; 0 when all bits agree, 1 when not."""
    against = None
    if args.against is not None:
        against = [name.strip() for name in args.against.split(",") if name.strip()]
        if not against or set(against) - set(EXECUTORS):
            raise DataError(f"--against {args.against!r}", expected=f"one or more of {', '.join(EXECUTORS)}")
    check_least(args, {"--samples": 1, "--seed": 0, "--hls-samples": 1})
    from ..pipeline.verification import verify_model

    report = verify_model(
        args.model,
        args.data,
        against=against,
        samples=args.samples,
        seed=args.seed,
        input_type=args.input_type,
        io=args.io,
        backend=args.backend,
        hls_samples=args.hls_samples,
        data_dir=args.data_dir,
    )
    if args.json:
        print_json(report.to_json())
    else:
        sys.stdout.write(text(report))
    return 0 if report.exact else 1


def _difference(first: dict[str, Any]) -> str:
    place = f", element {first['element']}" if first.get("element") else ""
    return (
        f"first: '{first['executor']}' in layer '{first['layer']}', sample {first['sample']} of {first['source']}{place}: "
        f"expected {first.get('expected')}, got {first.get('got')}"
    )


def text(report: Any) -> str:
    """The report as plain text: one line per source and executor, saturations, notes, verdict."""
    lines = [f"{'inputs':9} {'executor':9} {'samples':>8} {'every layer':>12} {'layers':>7} {'differing bits':>15}"]
    for source, entry in report.sources.items():
        for name, told in entry["executors"].items():
            layers = len(report.layers_compared[name])
            lines.append(f"{source:9} {name:9} {told['samples']:8,} {told['traced']:12,} {layers:7} {told['differing_bits']:15,}")
    lines.append(f"{'together':9} {'':9} {report.samples:8,} {'':12} {'':7} {report.differing_bits:15,}")
    found = report.saturations
    lines += ["", f"saturations reached: {found['reached']} of {found['possible']} that the ranges allow (casts x channels x sides)"]
    if report.float32_inexact:
        told = report.float32_inexact
        lines.append(
            f"TensorFlow's own rounding: {told['samples']} samples, from layer '{told['layer']}' on; float64 agrees with the integers"
        )
    lines += [f"note: {note}" for note in report.notes]
    if report.exact:
        lines.append(f"\nexact: {', '.join(report.executors)} agree in every compared bit")
    else:
        bits, samples = report.differing_bits, report.differing_samples
        lines.append(f"\nNOT exact: {bits:,} bits differ in {samples:,} samples\n{_difference(report.first_difference)}")
    return "\n".join(lines) + "\n"
