"""What commands print: one JSON object on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..figures import figures_to_json


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option every command has."""
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object on standard output")


def print_json(tree: Any) -> None:
    """Print one JSON object; figures in their stable form."""
    print(json.dumps(figures_to_json(tree), ensure_ascii=False, default=str))
