"""The search for a setting of distillation: trained on real images, on validation data only, reused by the run that follows."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from fpgacompress.cli.main import main
from fpgacompress.data import Dataset
from fpgacompress.errors import DataError
from fpgacompress.figures import Figure
from fpgacompress.pipeline import compress
from fpgacompress.pipeline.distill_gains import Setting, Trial, gain, recommended
from fpgacompress.pipeline.distill_search import Grid, search, section_of
from fpgacompress.recipe import DistillSection, load_recipe
from fpgacompress.report.plots_distill import colours_end
from fpgacompress.run import RunFolder

ROOT = Path(__file__).resolve().parents[2]
RECIPE = {
    "name": "searched",
    "data": {"source": "fashion_mnist", "limit": 1000, "data_dir": str(ROOT / "demos" / "data")},
    "teacher": {"model": "mlp", "options": {"hidden": [16]}, "epochs": 3, "learning_rate": 5e-3},
    "student": {"options": {"hidden": [12]}},
    "prune": {"sparsity": 0.5, "end": 0.3, "frequency": 5},
    "train": {"pretrain_epochs": 2, "epochs": 2, "batch_size": 32, "tensorboard": False},
}
SMALL = ["--temperatures", "1,4", "--alphas", "0.5", "--methods", "logits,hints"]


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path


def test_settings_are_compared_on_validation_samples_and_the_winner_is_reused_by_a_run(recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Dataset, "read_test", lambda *a: pytest.fail("the test split was read"))
    run = tmp_path / "run"
    command = ["distill", str(recipe), *SMALL, "--run-dir", str(run), "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"recipe", "seeds", "validation_samples", "teacher", "none", "rows", "best", "notes"} <= set(told)
    assert [(r["method"], r["temperature"], r["alpha"]) for r in told["rows"]] == [
        ("logits", 1, 0.5),
        ("logits", 4, 0.5),
        ("hints", None, None),
    ]
    assert told["validation_samples"] == 1000 and told["seeds"] == [1]
    for row in told["rows"]:
        apart = 100 * (row["accuracy"]["value"] - told["none"]["accuracy"]["value"])
        assert row["gain"]["value"] == pytest.approx(apart) and row["gain"]["low"] <= apart <= row["gain"]["high"]
        assert 0 < row["share"] < 1 and row["loss"] > 0 and row["seconds_per_epoch"] > 0
    best = told["best"]
    assert best["accuracy"]["value"] == max(r["accuracy"]["value"] for r in told["rows"])
    assert (run / "distill" / "distill.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((run / "distill" / "distill.json").read_text()) == told
    shown = (run / "distill" / "distill.txt").read_text()
    assert "no teacher" in shown and best["verdict"] in shown
    section = yaml.safe_load((run / "distill" / "distill.yaml").read_text())

    assert main(command) == 0
    again = capsys.readouterr()
    assert json.loads(again.out) == told and "epoch " not in again.err

    lines = []
    done = compress(RECIPE | section | {"compare": ["qap"]}, run_dir=run, until="train", message=lines.append)
    assert not any("epoch " in line for line in lines)
    assert done.artifacts["student"].name in best["artifacts"] and done.artifacts["qap"].name in told["none"]["artifacts"]


def custom_gradients():
    from tensorflow.python.framework import ops

    return [name for name in ops.gradient_registry.list() if name.startswith("CustomGradient-")]


def test_seeds_give_paired_intervals_and_trainings_leave_nothing_in_memory(tmp_path):
    before = custom_gradients()
    told = search(RECIPE, Grid([3], [0.5], seeds=(1, 2), epochs=1), RunFolder(tmp_path / "run", message=lambda text: None))
    (row,) = told["rows"]
    assert len(row["accuracies"]) == 2 and "paired t, 2 seeds" in row["gain"].interval and told["epochs"] == 1
    assert row["gain"].value == pytest.approx(100 * np.mean(np.subtract(row["accuracies"], told["none"]["accuracies"])))
    assert custom_gradients() == before  # each would hold a graph with the training samples
    assert any("with --epochs 1" in note for note in told["notes"]) and not any("one seed" in note for note in told["notes"])


@pytest.mark.slow
def test_learned_bits_have_a_line_without_a_teacher_and_teachers_between_are_left_out_of_it(tmp_path):
    learned = {"method": "learned", "learned": {"tune_epochs": 2, "points": 1, "descent_sweeps": 0}}
    more = {"quantize": learned, "distill": {"chain": [{"model": "mlp", "options": {"hidden": [14]}}], "float_student": True}}
    told = search(RECIPE | more, Grid([3], [0.5], epochs=4), RunFolder(tmp_path / "run", message=lambda text: None))
    (row,) = told["rows"]
    assert row["artifacts"] != told["none"]["artifacts"] and 0 < row["share"] < 1 and row["seconds_per_epoch"] > 0
    assert told["best"]["distill"]["chain"] and told["best"]["distill"]["float_student"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--temperatures", "2,0"], "--temperatures 0"),
        (["--alphas", "0.5,1.5"], "numbers from 0 to 1"),
        (["--temperatures", "two"], "numbers with commas"),
        (["--epochs", "0"], "at least 1"),
        (["--methods", "logits,dkdd"], "--methods dkdd: there is no distillation method"),
        (["--methods", "attention"], "0 activations with a height and a width"),
        (["--set", "quantize.method=ptq"], "r.yaml: quantize.method: found 'ptq', which trains nothing"),
        (["--set", "distill.method=dkdd"], "r.yaml: distill: there is no distillation method"),
    ],
)
def test_what_cannot_be_tried_ends_with_status_2_before_any_training(recipe, tmp_path, arguments, complaint, capsys):
    assert main(["distill", str(recipe), "--run-dir", str(tmp_path / "run"), *arguments]) == 2
    err = capsys.readouterr().err
    assert complaint in err and "epoch " not in err and "Traceback" not in err


def answers(*rates, n=1000, seed=0):
    """Where models of these accuracies are right; all are right on the same easy samples."""
    draws = np.random.default_rng(seed).random(n)
    return [draws < rate for rate in rates]


def test_a_gain_of_one_seed_has_two_standard_errors_of_mcnemars_difference():
    a, b = answers(0.85, 0.80)
    a[:7], b[:7] = False, True
    only_a, only_b, n = int(np.sum(a & ~b)), int(np.sum(b & ~a)), len(a)
    found = gain([a], [b])
    error = np.sqrt(only_a + only_b - (only_a - only_b) ** 2 / n) / n
    assert found.value == pytest.approx(100 * (only_a - only_b) / n) and found.high - found.value == pytest.approx(200 * error)
    assert gain([a], [b], looks=12).low < found.low
    alike = gain([a, a], [b, b])
    assert "2 seeds alike" in alike.interval and alike.low == pytest.approx(found.low)
    several = gain([a, a, ~b], [b, b, a])
    assert several.interval.startswith("95 % paired t") and gain([a, a, ~b], [b, b, a], looks=12).low < several.low


@pytest.mark.parametrize(
    ("rate", "settings", "verdict", "luck"),
    [
        (0.88, 1, "is better than no teacher by", False),
        (0.804, 12, "is better than no teacher by +0.70", True),
        (0.801, 1, "nothing helped beyond noise", False),
        (0.70, 2, "nothing helped: even the best setting", False),
    ],
)
def test_the_verdict_says_what_is_noise(rate, settings, verdict, luck):
    right, without = answers(rate, 0.80)
    if luck:  # seven of a thousand gained, none lost
        right = without.copy()
        right[np.flatnonzero(~without)[:7]] = True
    trials = [[Trial(Path("student"), right, 0.5, [])] for _ in range(settings)]
    plain = [Trial(Path("qap"), without, 0.6, [])]
    rows = [
        {"accuracy": Figure(float(right.mean()), "fraction"), "loss": 0.5, "gain": gain([right], [without]), "artifacts": [str(i)]}
        for i in range(settings)
    ]
    section = DistillSection(temperature=4.0, alpha=0.5)
    best, notes = recommended({"rows": rows}, [Setting(section, True, None)] * settings, trials, plain)
    assert verdict in best["verdict"] and best["distill"] == {"method": "logits", "temperature": 4.0, "alpha": 0.5}
    assert best["beyond_noise"] == ("is better" in verdict) and any("could be luck" in note for note in notes) == luck


def test_options_stay_with_their_method():
    own = DistillSection(options={"scale": "learned"}, temperature=3, alpha=0.2)
    assert section_of(own, "logits") == own
    assert section_of(own, "dkd", 8, 0.9) == DistillSection(method="dkd", temperature=8, alpha=0.9)
    assert section_of(own, "logits+hints", 1, 0.3).options == {"logits": {"scale": "learned"}}
    both = DistillSection(method="logits+hints", options={"hints": {"weight": 2.0}})
    assert section_of(both, "hints") == DistillSection(method="hints", options={"weight": 2.0})
    assert load_recipe(RECIPE | {"distill": section_of(both, "hints").model_dump()}).distill.options == {"weight": 2.0}


def test_what_the_grid_refuses_and_where_colours_end():
    with pytest.raises(DataError, match="--seeds -1"):
        Grid(seeds=(1, -1))
    assert colours_end([0.2, -0.1]) == 0.5 and colours_end([2.0, -20.0, 1.0]) == 2.0 and colours_end([-3.0, -5.0]) == 4.0
