"""``fpgacompress calibrate``: the estimator fitted again, with synthesis results of one's own."""

from __future__ import annotations

import argparse

from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    from ..hardware.calibrate import add_options

    parser = commands.add_parser("calibrate", help="fit the estimator again, with synthesis results of your own")
    add_options(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Fit, tell the errors on what was left out, and write the calibration if asked to; 0."""
    from ..hardware import calibrate

    if not args.json:
        return calibrate.run(args)
    content, closed = calibrate.calibrate(args.data, tuple(args.add))
    if args.output:
        calibrate.write(content, args.output)
    print_json({"calibration": content, "closed_laws": closed})
    return 0
