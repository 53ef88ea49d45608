"""What quantization-aware training, pruning and distillation each add, over five paired seeds, on the demo's recipe.

The arms of a seed start from the same float weights and train for the same number of updates. The teacher is the demo's. The test split is read
once, behind all trainings; nothing is chosen on it. Works in the demo's run folder, so what ``make demo`` trained is reused, and the demo's
report shows the table afterwards.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fpgacompress.pipeline import compress
from fpgacompress.recipe import load_recipe
from fpgacompress.report.tables import terminal_table

from .common import QUICK, SMALL_DEMO, goal, write

RECIPE = Path(__file__).resolve().parent.parent / "demos" / "fashion_mnist.yaml"
SEEDS = [1, 2, 3, 4, 5]


def main() -> None:
    seeds = SEEDS[:2] if QUICK else SEEDS
    recipe = load_recipe(RECIPE, overrides=[f"seeds={seeds[1:]}", *([*SMALL_DEMO, "name=quick"] if QUICK else [])])
    run = compress(recipe)
    told = run.figures["ablation"]
    print(terminal_table(run.figures), file=sys.stderr)
    rows = [{**row, "mean": row["mean"].to_json()} for row in told["rows"]]
    pairs = [{**pair, "difference": pair["difference"].to_json()} for pair in told["pairs"]]
    for row in told["rows"]:
        print(f"{row['arm']:14s} {row['mean'].text()}  {[round(a, 4) for a in row['accuracies']]}")
    for pair in told["pairs"]:
        print(f"{pair['a']} - {pair['b']}: {pair['difference'].text('+.4f')}")
    student, teacher = run.figures["models"]["student"], run.figures["models"]["teacher"]
    over_seeds = {row["arm"]: row["mean"].value for row in told["rows"]}
    gain = next(p["difference"] for p in told["pairs"] if (p["a"], p["b"]) == (student["label"], "QAP"))
    write(
        "ablation",
        "make bench-ablation",
        seeds,
        rows,
        [
            goal("teacher's test accuracy", 0.91, teacher["accuracy"].value, "fraction"),
            goal("student's test accuracy, the demo's seed", 0.891, student["accuracy"].value, "fraction"),
            goal("student's test accuracy, mean over the seeds", 0.891, over_seeds[student["label"]], "fraction"),
            goal("mean weight bits", 6, student["mean_weight_bits"].value, "bits", at_most=True),
            goal("zeros in the quantized weights", 0.75, student["sparsity"].value, "fraction"),
            goal(
                "output bits that differ between student and C simulation, 10,000 test images",
                0,
                run.figures["verify"]["differing_bits"],
                "bits",
                at_most=True,
            ),
            goal("fits the PYNQ-Z2 by estimate", 1, int(bool(run.figures["estimate"]["fits"])), "yes = 1"),
            goal("what distillation adds to QAP, lower end of the paired 95 % interval", 0, gain.low, "fraction"),
        ],
        pairs=pairs,
        recipe=recipe.to_dict(),
    )


if __name__ == "__main__":
    main()
