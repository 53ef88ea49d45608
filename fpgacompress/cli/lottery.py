"""``fpgacompress lottery RECIPE``: winning tickets of the float student, against the same masks with newly drawn weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .options import add_data_dir, add_set, numbers, recipe_of
from .output import add_json, print_json


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "lottery",
        help="lottery tickets: how few weights train as well as all of them",
        description="Trains a recipe's float student, takes its smallest weights away, rewinds the others and trains them again, round after "
        "round, and compares each ticket with the dense network and with the same masks on newly drawn weights, on validation samples. Every "
        "training stays in the run folder: Ctrl-C is safe, and the same command goes on where it stopped.",
        epilog="Exit status: 0 done, 2 the input is wrong.",
    )
    parser.add_argument("recipe", help="recipe file (YAML)")
    parser.add_argument("--rounds", type=int, default=10, help="how often weights are taken away (default 10)")
    parser.add_argument("--share", type=float, default=0.2, help="of the living weights that go in each round (default 0.2)")
    parser.add_argument("--rewind", type=int, default=0, help="epochs behind which the dense weights are the tickets' start (default 0)")
    parser.add_argument("--seeds", default="", help="such as 1,2,3, for intervals over trainings (default: the recipe's)")
    parser.add_argument("--epochs", type=int, help="of each training (default: the recipe's train.pretrain_epochs)")
    parser.add_argument(
        "--tolerance", type=float, default=0.2, help="points that a winning ticket may be below the dense network (default 0.2)"
    )
    add_set(parser, "a field that wins over the file, for example prune.allocation=global")
    parser.add_argument("--run-dir", help="run folder (default: runs/NAME)")
    add_data_dir(parser)
    parser.add_argument("--out", help="folder for lottery.json, .txt, .png and the winning ticket (default: lottery in the run folder)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Draw, write and print."""
    recipe = recipe_of(args)
    seeds = tuple(numbers(args.seeds, "--seeds", int))
    from ..pipeline.lottery import Plan, draw, keep_winner
    from ..report.plots_lottery import tickets
    from ..run import RunFolder, write_json, write_text

    plan = Plan(args.rounds, args.share, args.rewind, seeds, args.epochs, args.tolerance / 100)
    folder = RunFolder(args.run_dir or Path("runs") / recipe.name)
    told = draw(recipe, plan, folder)
    out, text = Path(args.out) if args.out else folder.folder / "lottery", _text(told)
    write_json(out / "lottery.json", told)
    write_text(out / "lottery.txt", text)
    tickets(told, out / "lottery.png")
    kept = keep_winner(told, out)
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(f"{text}\nwritten to {out}" + (f", with {', '.join(p.name for p in kept)}\n" if kept else "\n"))
    return 0


def _text(told: dict[str, Any]) -> str:
    dense, seeds = told["dense"]["accuracy"], told["seeds"]
    count = f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    head = f"{told['recipe']}: {told['weights']:,} weights, {told['epochs']} epochs, {told['validation_samples']:,} validation samples, {count}\n"
    head += f"dense {dense.value:.4f}\n"
    table = [["round", "weights left", "ticket", "points over dense", "new weights", "points over new weights"]]
    for row in told["rounds"]:
        table.append(
            [
                str(row["round"]),
                f"{row['left']:.1%}",
                f"{row['ticket'].value:.4f}",
                _difference(row["loss"]),
                f"{row['control'].value:.4f}",
                _difference(row["gain"]),
            ]
        )
    winner = told["winner"]
    last = (
        f"winning ticket: round {winner['round']}, {winner['left']:.1%} of the weights, {winner['ticket'].value:.4f}"
        if winner
        else "no winning ticket: the first one is worse than the dense network already"
    )
    wide = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(line, wide)) for line in table]
    return head + "\n" + "\n".join(lines) + f"\n\n{last}\n"


def _difference(figure: Any) -> str:
    if figure.low is None:
        return f"{figure.value:+.2f}"
    return f"{figure.value:+.2f} ({figure.low:+.2f} to {figure.high:+.2f})"
