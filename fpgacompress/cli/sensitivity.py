"""``fpgacompress sensitivity MODEL --data SOURCE``: what each tensor costs at each width, before anything is trained."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .options import add_subject, numbers
from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "sensitivity",
        help="what each layer loses with fewer bits or more zeros",
        description="Quantizes one tensor of a float model at a time, without training, and measures loss and accuracy on validation "
        "samples; compares with the estimate from the Fisher matrix.",
        epilog="Exit status: 0 done, 2 the input is wrong.",
    )
    add_subject(parser)
    parser.add_argument("--sparsity", default="0.5,0.75,0.9", help="shares of zeros to try per kernel (default 0.5,0.75,0.9; none: '')")
    parser.add_argument("--base", type=int, help="bits of all other kernels and activations (default: they stay float)")
    parser.add_argument("--fisher", choices=("also", "only", "no"), default="also", help="the estimate: also (default), only, or no")
    parser.add_argument("--out", help="folder for sensitivity.json, sensitivity.txt and sensitivity.png")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, estimate and print."""
    bits, zeros = numbers(args.bits, "--bits", int), numbers(args.sparsity, "--sparsity", float)
    from ..pipeline.analysis import prepare
    from ..quantize.sensitivity import agreement, fisher, measure

    analysis = prepare(args.model, args.data, bits=bits, samples=args.samples, data_dir=args.data_dir)
    tables = {}
    if args.fisher != "only":
        tables["measured"] = measure(analysis.candidates, analysis.x, analysis.y, sparsity=zeros, base_bits=args.base)
    if args.fisher != "no":
        tables["fisher"] = fisher(analysis.candidates, analysis.x, analysis.y)
    told = {"model": str(args.model), "data": analysis.dataset.name, "notes": list(analysis.notes)}
    told |= {name: table.to_json() for name, table in tables.items()}
    text = "\n".join(f"{table.text()}({table.seconds:.1f} s)\n" for table in tables.values())
    if len(tables) == 2:
        shared = {by: agreement(tables["measured"], tables["fisher"], by) for by in ("loss", "divergence")}
        told["agreement"] = {by: found.to_json() for by, found in shared.items()}
        text += "\n" + "".join(f"measured {by} against fisher: {found.text()}" for by, found in shared.items())
    text += "".join(f"note: {note}\n" for note in analysis.notes)
    if args.out:
        _write(Path(args.out), told, text)
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(text)
    return 0


def _write(folder: Path, told: dict, text: str) -> None:
    from ..report.plots_sensitivity import sensitivity_map
    from ..run import write_json, write_text

    write_json(folder / "sensitivity.json", told)
    write_text(folder / "sensitivity.txt", text)
    for name in ("measured", "fisher"):
        if name in told:
            sensitivity_map(told[name], folder / ("sensitivity.png" if name == "measured" else "fisher.png"))
