"""``fpgacompress publish RUN_DIR --to DIR``: teacher and student of a finished run with a card."""

from __future__ import annotations

import argparse
import sys

from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("publish", help="copy a run's teacher and student with a card into a models folder")
    parser.add_argument("run_dir", help="folder of a finished run")
    parser.add_argument("--to", help="folder to write (default: models/NAME)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from ..pipeline import open_run
    from ..report.card import publish

    done = open_run(args.run_dir)
    written = publish(done.figures, done.artifacts, args.to or f"models/{done.recipe.name}")
    if args.json:
        print_json({"written": {k: str(v) for k, v in written.items()}})
    else:
        for path in written.values():
            print(f"wrote {path}", file=sys.stderr)
    return 0
