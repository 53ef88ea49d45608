"""``fpgacompress recipe init|check|show|fields``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import RecipeError
from .options import add_set
from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    top = commands.add_parser("recipe", help="write, check and show recipes")
    actions = top.add_subparsers(dest="action", metavar="ACTION", required=True)
    init = actions.add_parser("init", help="write a commented recipe to start from")
    init.add_argument("file", nargs="?", help="file to write; standard output when absent")
    init.add_argument("--data", default="fashion_mnist", help="data source of the recipe")
    check = actions.add_parser("check", help="check a recipe, its names and its layer patterns, without training")
    show = actions.add_parser("show", help="print the recipe with every default filled in")
    for action in (check, show):
        action.add_argument("file", help="recipe file")
        add_set(action, "a field that wins over the file")
    fields = actions.add_parser("fields", help="every field of a recipe with its meaning and default")
    for action in (init, check, show, fields):
        add_json(action)


def run(args: argparse.Namespace) -> int:
    return {"init": _init, "check": _check, "show": _show, "fields": _fields}[args.action](args)


def _init(args: argparse.Namespace) -> int:
    from ..recipe_text import example

    text = example(args.data)
    if args.file:
        path = Path(args.file)
        if path.exists():
            raise RecipeError(f"'{path}' exists already", do="give another name; nothing was overwritten")
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}", file=sys.stderr)
    if args.json:
        print_json({"file": args.file, "yaml": text})
    elif not args.file:
        print(text, end="")
    return 0


def _check(args: argparse.Namespace) -> int:
    from ..pipeline import check
    from ..recipe import load_recipe

    facts = check(load_recipe(args.file, overrides=args.set))
    if args.json:
        print_json({"file": args.file, "valid": True, **facts})
    else:
        print(f"{args.file}: valid. {facts['summary']}")
    return 0


def _show(args: argparse.Namespace) -> int:
    from ..recipe import load_recipe

    recipe = load_recipe(args.file, overrides=args.set)
    if args.json:
        print_json(recipe.to_dict())
    else:
        print(recipe.to_yaml(), end="")
    return 0


def _fields(args: argparse.Namespace) -> int:
    from ..recipe_text import field_rows

    rows = field_rows()
    if args.json:
        print_json({"fields": [{"name": n, "meaning": d, "default": v} for n, d, v in rows]})
        return 0
    for name, meaning, default in rows:
        print(f"{name}\n    {meaning}" + (f" [{default}]" if default != "" else ""))
    return 0
