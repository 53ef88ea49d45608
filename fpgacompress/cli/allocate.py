"""``fpgacompress allocate MODEL --data SOURCE --budget KIND=N``: bits per layer for a budget, as a recipe section."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import DataError
from .options import add_subject, check_least, numbers
from .output import add_json, print_json

KINDS = ("ebops", "bops", "bits", "lut")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Options of the command."""
    parser = commands.add_parser(
        "allocate",
        help="bits per layer for a budget, as a recipe section",
        description="Chooses the width of every kernel, activation and the input so that the cost before training stays within a budget "
        "and the loss is least.",
        epilog="Exit status: 0 done, 2 the input is wrong or the budget cannot be met.",
    )
    add_subject(parser)
    parser.add_argument(
        "--budget", required=True, help="ebops=60000, bops=..., bits=... (kernels) or lut=... (estimate, every layer unrolled)"
    )
    parser.add_argument("--method", choices=("greedy", "exact", "optuna"), default="exact", help="default exact")
    parser.add_argument(
        "--by",
        choices=("divergence", "loss"),
        help="what greedy and exact sum over the tensors (default: divergence; with --fisher: loss)",
    )
    parser.add_argument("--fisher", action="store_true", help="greedy and exact from the fast estimate instead of the measured table")
    parser.add_argument("--keep-input", action="store_true", help="leave the input as wide as the data's preprocessing delivers it")
    parser.add_argument("--trials", type=int, default=200, help="trials of optuna (default 200)")
    parser.add_argument("--epochs", type=int, default=0, help="epochs of training in each trial of optuna (default 0: none)")
    parser.add_argument("--seed", type=int, default=1, help="seed of optuna")
    parser.add_argument("--out", help="YAML file for the section 'quantize'; optuna keeps its trials beside it and goes on there")
    add_json(parser)


def budget_of(text: str) -> tuple[str, float]:
    """Kind and amount of ``ebops=60000``.

    Raises:
        DataError: another form.
    """
    kind, _, amount = text.partition("=")
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    if kind.strip() not in KINDS or not 0 < value < float("inf"):
        raise DataError(f"--budget {text!r}", expected=f"one of {', '.join(KINDS)} and a number above 0, such as ebops=60000")
    return kind.strip(), value


def run(args: argparse.Namespace) -> int:
    """Choose, write and print."""
    (kind, budget), bits = budget_of(args.budget), numbers(args.bits, "--bits", int)
    check_least(args, {"--trials": 1, "--epochs": 0, "--seed": 0})
    from ..pipeline.analysis import prepare
    from ..quantize.allocate import allocate, check_budget, cost_model
    from ..quantize.sensitivity import fisher, measure

    analysis = prepare(args.model, args.data, bits=bits, samples=args.samples, data_dir=args.data_dir)
    candidates = analysis.candidates.without_input() if args.keep_input else analysis.candidates
    costs = cost_model(candidates, kind)
    check_budget(costs, budget)
    if args.method == "optuna":
        found = _searched(args, analysis, candidates, costs, budget)
    else:
        table = (fisher if args.fisher else measure)(candidates, analysis.x, analysis.y)
        found = allocate(table, costs, budget, args.method, args.by)
    section = candidates.recipe(found.choice)
    told = found.to_json() | {"kind": kind, "model": str(args.model), "data": analysis.dataset.name, "notes": list(analysis.notes)}
    told["quantize"] = section.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    if args.out:
        _write(Path(args.out), told)
    if args.json:
        print_json(told)
    else:
        sys.stdout.write(_text(told))
    return 0


def _searched(args: argparse.Namespace, analysis: Any, candidates: Any, costs: Any, budget: float) -> Any:
    from ..quantize.allocate import after_ptq, after_training, searched
    from ..train import TrainConfig

    evaluate = after_ptq(candidates, analysis.x, analysis.y)
    if args.epochs:
        config = TrainConfig(args.epochs, seed=args.seed)
        evaluate = after_training(candidates, analysis.model, analysis.calibration, analysis.training_data(), config)
    folder = Path(args.out).with_suffix(".search") if args.out else None
    return searched(evaluate, costs, budget, trials=args.trials, seed=args.seed, folder=folder)


def _write(path: Path, told: dict[str, Any]) -> None:
    import yaml

    from ..run import write_text

    head = f"# {told['method']} for {told['model']} on {told['data']}: {told['cost']:,.6g} of {told['budget']:,.6g} {told['unit']}\n"
    write_text(path, head + yaml.safe_dump({"quantize": told["quantize"]}, sort_keys=False))


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['method']}: {told['cost']:,.6g} of {told['budget']:,.6g} {told['unit']} before training ({told['seconds']:.1f} s)"]
    lines.append(
        f"{'loss with all tensors quantized' if told['method'] == 'optuna' else 'summed over the table (nats)'}: {told['loss']:.4f}"
    )
    wide = max(len(row["layer"]) for row in told["bits"])
    lines += [f"  {row['layer']:{wide}} {row['kind']:10} {row['bits']:3} bits" for row in told["bits"]]
    lines += [f"note: {note}" for note in told["notes"]]
    return "\n".join(lines) + "\n"
