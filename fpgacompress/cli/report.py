"""``fpgacompress report RUN_DIR``: draw a finished run's tables, plots and page again from its figures.json."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path

from .output import add_json, print_json

LONG = ("history", "layers", "confusion", "per_class")
"""Parts of a model that ``--json`` leaves to figures.json."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="draw the report of a finished run again",
        description="Draw a finished run's tables, plots and report.html again from its figures.json, and print the tables.",
    )
    parser.add_argument("run_dir", metavar="RUN_DIR", help="folder of the run (it holds figures.json)")
    add_json(parser)
    parser.add_argument("--open", action="store_true", help="open report.html in the browser")


def run(args: argparse.Namespace) -> int:
    """Redraw, print, and return 0: what was asked for is the report; whether the run met its budget is in it.

    Raises:
        RunError: there is no readable figures.json in the folder (exit status 2).
    """
    from ..report import results as reading
    from ..report.tables import print_summary
    from ..report.write import write_report

    results = reading.load(args.run_dir)
    paths = write_report(results, args.run_dir)
    if args.json:
        models = {n: {k: v for k, v in m.items() if k not in LONG} for n, m in reading.models(results)}
        keys = ("name", "comparisons", "ablation", "verify", "estimate", "firmware", "seconds", "warnings")
        files = {k: {n: str(p) for n, p in v.items()} if isinstance(v, dict) else str(v) for k, v in paths.items()}
        print_json({"run_dir": str(args.run_dir), "models": models, **{k: results[k] for k in keys if k in results}, "files": files})
    else:
        print_summary(results)
    print(f"report: {paths['report']}", file=sys.stderr)
    if args.open:
        webbrowser.open(Path(paths["report"]).resolve().as_uri())
    return 0
