"""``fpgacompress audit MODEL``: what is wrong with a model, before any hardware is built."""

from __future__ import annotations

import argparse
import sys

from .options import add_data_dir
from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "audit",
        help="what is wrong with a model, before any hardware is built",
        description="Levels used, zeros real and told, activations that are none, ranges that do not fit: what is wrong with a Keras or QKeras model.",
        epilog="Exit status: 0 no finding is an error, 1 one is, 2 the input is wrong.",
    )
    parser.add_argument("model", help=".h5, .keras, SavedModel, run folder, or a folder with student.h5")
    parser.add_argument("--data", help="what the model gets: .npz, .npy, .csv, or a data set (its validation split, preprocessed)")
    parser.add_argument("--teacher", help="the model it was distilled from; with --data, the distillation is measured")
    parser.add_argument("--input-type", help="type of the hardware's input, such as 'fixed<16,6>'")
    parser.add_argument("--deployed", help="what the board will see, in the same forms as --data")
    parser.add_argument("--hls-config", help="an hls4ml configuration (YAML or JSON) to be compared with the model's own types")
    parser.add_argument("--temperature", type=float, default=10.0, help="temperature of the distillation (default 10)")
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Audit and print; 0 when no finding is an error, 1 when one is."""
    from ..auditing import audit
    from ..auditing.text import text

    report = audit(
        args.model,
        args.data,
        teacher=args.teacher,
        input_type=args.input_type,
        deployed=args.deployed,
        hls_config=args.hls_config,
        temperature=args.temperature,
        data_dir=args.data_dir,
    )
    if args.json:
        print_json(report.to_json())
    else:
        sys.stdout.write(text(report))
    return 0 if report.sound else 1
