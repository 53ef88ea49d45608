"""``fpgacompress run RECIPE``."""

from __future__ import annotations

import argparse
import sys

from .options import add_data_dir, add_set, recipe_of
from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "run",
        help="train, convert, prove and report what a recipe describes",
        description="Runs every step of a recipe that is not done yet. Ctrl-C is safe: the same command goes on where it stopped.",
        epilog="'fpgacompress recipe fields' explains every field of a recipe.",
    )
    parser.add_argument("recipe", help="recipe file (YAML)")
    add_set(parser, "a field that wins over the file, for example train.epochs=3")
    parser.add_argument("--run-dir", help="run folder (default: runs/NAME)")
    parser.add_argument("--projects", help="folder of generated firmware projects (default: hls_projects)")
    add_data_dir(parser)
    parser.add_argument(
        "--until", metavar="STEP", help="stop behind this step: data, teacher, train, lower, estimate, firmware, evaluate or verify"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from ..pipeline import compress

    recipe = recipe_of(args)
    done = compress(recipe, run_dir=args.run_dir, projects=args.projects, until=args.until)
    if args.json:
        print_json(done.summary())
    elif done.figures:
        from ..report.tables import terminal_table

        print(terminal_table(done.figures))
        print(f"\nreport: {done.folder / 'report.html'}")
    for problem in done.problems:
        print(f"fpgacompress run: {problem}", file=sys.stderr)
    return 1 if done.problems else 0
