"""``fpgacompress distill RECIPE``: which method, temperature and alpha teach the student best, on validation data."""

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
        "distill",
        help="which temperature, alpha and method of distillation help the student",
        description="Trains a recipe's student without a teacher and with every setting, compares them on validation samples and writes the "
        "recipe section of the best. Teacher, float student and every training stay in the run folder: Ctrl-C is safe, the same command goes on "
        "where it stopped, and 'run' with the recommended section finds its student trained.",
        epilog="Exit status: 0 done, 2 the input is wrong.",
    )
    parser.add_argument("recipe", help="recipe file (YAML)")
    parser.add_argument("--temperatures", default="1,2,4,8", help="default 1,2,4,8")
    parser.add_argument("--alphas", default="0.3,0.6,0.9", help="weights of the teacher's term (default 0.3,0.6,0.9)")
    parser.add_argument(
        "--methods", default="", help="such as logits,dkd,hints (default: the recipe's); those without T and alpha are tried once"
    )
    parser.add_argument("--seeds", default="", help="such as 1,2,3, for intervals over trainings (default: the recipe's)")
    parser.add_argument("--epochs", type=int, help="of each quantized student, for a quick look (default: the recipe's)")
    add_set(parser, "a field that wins over the file, for example train.epochs=3")
    parser.add_argument("--run-dir", help="run folder (default: runs/NAME)")
    add_data_dir(parser)
    parser.add_argument("--out", help="folder for distill.json, .txt, .png and .yaml (default: distill in the run folder)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Search, write and print."""
    recipe = recipe_of(args)
    lists = [numbers(getattr(args, n), f"--{n}", kind) for n, kind in (("temperatures", float), ("alphas", float), ("seeds", int))]
    from ..pipeline.distill_search import Grid, search
    from ..run import RunFolder

    methods = [name.strip() for name in args.methods.split(",") if name.strip()]
    grid = Grid(lists[0], lists[1], methods, lists[2], args.epochs)
    folder = RunFolder(args.run_dir or Path("runs") / recipe.name)
    told = search(recipe, grid, folder)
    out = Path(args.out) if args.out else folder.folder / "distill"
    text = _text(told)
    _write(out, told, text)
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(f"{text}\nwritten to {out}\n")
    return 0


def _write(folder: Path, told: dict[str, Any], text: str) -> None:
    from ..report.plots_distill import distill_map
    from ..run import write_json, write_text

    write_json(folder / "distill.json", told)
    write_text(folder / "distill.txt", text)
    write_text(folder / "distill.yaml", _section(told))
    distill_map(told, folder / "distill.png")


def _section(told: dict[str, Any]) -> str:
    import yaml

    return f"# {told['best']['verdict']}\n" + yaml.safe_dump({"distill": told["best"]["distill"]}, sort_keys=False)


def _text(told: dict[str, Any]) -> str:
    from ..pipeline.distill_gains import gain_text, setting_name

    best, notes = told["best"], []
    seeds = f"{len(told['seeds'])} seeds" if len(told["seeds"]) > 1 else f"seed {told['seeds'][0]}"
    head = f"{told['recipe']}: {told['validation_samples']:,} validation samples, {told['epochs']} epochs, {seeds}; "
    head += f"teacher {told['teacher']['accuracy'].value:.4f}\n"
    interval = "95 %" if len(told["seeds"]) > 1 else "2 std. errors"
    table = [["method", "T", "alpha", "accuracy", f"gain, points ({interval})", "loss", "teacher's share", "s/epoch", ""]]
    none = told["none"]
    table.append(["no teacher", "", "", f"{none['accuracy'].value:.4f}", "", f"{none['loss']:.4f}", "", _seconds(none), ""])
    for row in told["rows"]:
        marks = ["best"] if row["artifacts"] == best["artifacts"] else []
        if row["notes"]:
            name = setting_name(row["method"], row["temperature"], row["alpha"])
            notes += [f"[{len(notes) + 1}] {name}: {'; '.join(row['notes'])}"]
            marks.append(f"[{len(notes)}]")
        soft = ["", ""] if row["temperature"] is None else [f"{row['temperature']:g}", f"{row['alpha']:g}"]
        cells = [row["method"], *soft, f"{row['accuracy'].value:.4f}", gain_text(row["gain"]), f"{row['loss']:.4f}"]
        table.append([*cells, f"{row['share']:.0%}", _seconds(row), " ".join(marks)])
    wide = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = ["  ".join(c.ljust(w) if i in (0, 8) else c.rjust(w) for i, (c, w) in enumerate(zip(line, wide))).rstrip() for line in table]
    lines += ["", *notes, *(f"note: {note}" for note in told["notes"]), "", best["verdict"], ""]
    return head + "\n".join(lines) + _section(told).partition("\n")[2]


def _seconds(row: dict[str, Any]) -> str:
    return f"{row['seconds_per_epoch']:.2f}"
