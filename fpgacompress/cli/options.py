"""Options that several commands have, and how their values are checked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from ..recipe import Recipe


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Where data files are."""
    parser.add_argument("--data-dir", help="folder searched first for named data sets")


def add_set(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Fields of a recipe that win over what it says; may be given again and again."""
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help=meaning)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe file of a command, under its ``--set`` and ``--data-dir``."""
    from ..recipe import load_recipe

    return load_recipe(args.recipe, overrides=[*args.set, *([f"data.data_dir={args.data_dir}"] if args.data_dir else [])])


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Model, data and widths: what sensitivity and allocation share."""
    parser.add_argument("model", help="float Keras file (.h5, .keras, SavedModel), or a run folder (its float student)")
    parser.add_argument("--data", help="data set by name, or your own .npz, .csv or image folder; a run folder knows its own")
    parser.add_argument("--bits", default="8,7,6,5,4,3,2", help="widths to try (default 8,7,6,5,4,3,2)")
    parser.add_argument("--samples", type=int, default=2000, help="validation samples (default 2000)")
    add_data_dir(parser)


def numbers(text: str, option: str, kind: type) -> list:
    """The numbers of a comma-separated list.

    Raises:
        DataError: something that is no number.
    """
    try:
        return [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise DataError(f"{option} {text!r}", expected="numbers with commas between them") from None


def check_least(args: argparse.Namespace, least: Mapping[str, int]) -> None:
    """Refuse options below the least value they may have; ``least`` is by option name, such as ``{"--seed": 0}``.

    Raises:
        DataError: the option, its value and the least one.
    """
    for option, bound in least.items():
        value = getattr(args, option.removeprefix("--").replace("-", "_"))
        if value < bound:
            raise DataError(f"{option} {value}", expected=f"at least {bound}")
