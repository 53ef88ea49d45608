"""Lottery tickets on Fashion-MNIST and MAGIC: does a fifth to a tenth of the weights keep the accuracy, and do new weights do as well?

Three seeds. Tickets are picked by the round, not by their accuracy: the round that leaves at most 20 % and the one that leaves at most 12 % of
the weights count, and the test split is read once for them, behind all trainings.

    make bench-lottery
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.keras_stack import load_model
from fpgacompress.metrics.statistics import paired_over_seeds
from fpgacompress.pipeline.lottery import Plan, draw
from fpgacompress.pipeline.training import Trainer
from fpgacompress.recipe import load_recipe
from fpgacompress.report.plots_lottery import tickets
from fpgacompress.run import RunFolder
from fpgacompress.train import logits_of

from .common import QUICK, RESULTS, goal, write

FOLDER = Path(__file__).resolve().parent.parent / "runs" / ("lottery-quick" if QUICK else "lottery")
SEEDS = (1,) if QUICK else (1, 2, 3)
LEFT = (0.2, 0.12)
Tree = dict[str, Any]
TASKS: dict[str, tuple[str, Tree, Plan]] = {
    "fashion_mnist": (
        "Fashion-MNIST, MLP 300-100",
        {
            "data": {"source": "fashion_mnist"} | ({"limit": 600} if QUICK else {}),
            "student": {"options": {"hidden": [300, 100]}},
            "train": {"pretrain_epochs": 2 if QUICK else 12, "pretrain_learning_rate": 1e-3},
        },
        Plan(rounds=7, share=0.3, seeds=SEEDS),
    ),
    "magic": (
        "MAGIC, MLP 64-32",
        {
            "data": {"source": "gamma_neutron", "limit": 600}
            if QUICK
            else {"source": "magic"},  # the quick form takes what is in the package
            "student": {"options": {"hidden": [64, 32]}},
            "train": {"pretrain_epochs": 2 if QUICK else 40, "pretrain_learning_rate": 2e-3},
        },
        Plan(rounds=7, share=0.3, seeds=SEEDS),
    ),
}


def rows_of(task: str) -> list[Tree]:
    """One row for each of the two rounds."""
    title, own, plan = TASKS[task]
    recipe = load_recipe(
        {"name": f"lottery-{task}", **own, "prune": {"allocation": "global"}, "train": own["train"] | {"tensorboard": False}}
    )
    folder = RunFolder(FOLDER / task)
    told = draw(recipe, plan, folder)
    if not QUICK:
        tickets(told, RESULTS / f"lottery_{task}.png")
    dataset = Trainer(recipe, folder).dataset
    test = dataset.read_test("benchmark of lottery tickets")
    x = dataset.preprocessing.apply(test.x)

    def accuracy(path: str | Path) -> float:
        return float(np.mean(logits_of(load_model(Path(path) / "model.h5"), x).argmax(1) == test.y))

    dense = [accuracy(told["dense"]["artifacts"][s]) for s in told["seeds"]]
    rows = []
    for left in LEFT:
        found = next(r for r in told["rounds"] if r["left"] <= left)
        ticket = [accuracy(found["artifacts"][s]) for s in told["seeds"]]
        control = [accuracy(found["controls"][s]) for s in told["seeds"]]
        row: Tree = {"task": task, "title": title, "round": found["round"], "left": found["left"], "dense": dense}
        row |= {"ticket": ticket, "control": control}
        for name, others in (("over_dense", dense), ("over_control", control)):
            figure = paired_over_seeds([100 * v for v in ticket], [100 * v for v in others], unit="points")
            row |= {name: float(np.mean(ticket) - np.mean(others)) * 100, f"{name}_interval": [figure.low, figure.high]}
        row["validation"] = [{"left": r["left"], "ticket": r["ticket"].value, "control": r["control"].value} for r in told["rounds"]]
        rows.append(row)
        print(
            f"{title:28s} {row['left']:.1%} of the weights: dense {np.mean(dense):.4f}, ticket {np.mean(ticket):.4f}"
            f" ({row['over_dense']:+.2f} points), new weights {np.mean(control):.4f} (ticket {row['over_control']:+.2f})",
            flush=True,
        )
    return rows


def main() -> None:
    rows = [row for task in TASKS for row in rows_of(task)]
    goals = []
    for row in rows:
        name = f"{row['title']}, {row['left']:.1%} of the weights"
        goals.append(goal(f"{name}: ticket over dense", 0.0, row["over_dense"], "points"))
        goals.append(goal(f"{name}: ticket over new weights", 0.0, row["over_control"], "points"))
    write("lottery", "make bench-lottery", list(SEEDS), rows, goals)


if __name__ == "__main__":
    main()
