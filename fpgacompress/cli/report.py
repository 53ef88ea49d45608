"""``fpgacompress report RUN_DIR``: draw a finished run's tables, plots and page again from its figures.json."""

from __future__ import annotations

import argparse
import json
import sys
import webbrowser
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("report", help="draw the tables, plots and page of a finished run again",
                                   description="Draw a finished run's tables, plots and report.html again from its figures.json, and print the tables.")
    parser.add_argument("run_dir", metavar="RUN_DIR", help="folder of the run (it holds figures.json)")
    parser.add_argument("--json", action="store_true", help="print one JSON object: the run's figures and the files written")
    parser.add_argument("--open", action="store_true", help="open report.html in the browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Redraw, print, and return 0; what the run itself achieved does not change the status.

    Raises:
        RunError: there is no readable figures.json in the folder (exit status 2).
    """
    from ..figures import figures_to_json
    from ..report.results import load
    from ..report.tables import print_summary
    from ..report.write import write_report

    results = load(args.run_dir)
    paths = write_report(results, args.run_dir)
    if args.json:
        content = {k: results[k] for k in ("name", "models", "comparisons", "ablation", "verify", "estimate", "seconds", "warnings") if k in results}
        files = {k: {n: str(p) for n, p in v.items()} if isinstance(v, dict) else str(v) for k, v in paths.items()}
        print(json.dumps(figures_to_json({"run_dir": str(args.run_dir), **content, "files": files})))
    else:
        print_summary(results)
    print(f"report: {paths['report']}", file=sys.stderr)
    if args.open:
        webbrowser.open(Path(paths["report"]).resolve().as_uri())
    return 0
