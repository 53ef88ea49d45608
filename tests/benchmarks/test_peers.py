"""What peers are given is what our own runs train on, and their results are read by validation data alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import collect
from benchmarks.peers.export_data import SEED, VALIDATION, export
from fpgacompress.data import load
from fpgacompress.integer import FixedType

DATA = Path(__file__).resolve().parents[2] / "demos" / "data"


def test_exported_arrays_are_our_splits_after_our_preprocessing(tmp_path, monkeypatch):
    monkeypatch.setenv("FPGACOMPRESS_DATA", str(DATA))
    ours = load("ecg", validation=VALIDATION, seed=SEED, options={"input": "beats+rr", "split": "beats"})
    with np.load(export("ecg_beats", tmp_path)) as file:
        about = json.loads(str(file["about"]))
        for name, split in (("train", ours.train), ("val", ours.validation)):
            assert np.array_equal(file[f"x_{name}"], ours.preprocessing.apply(split.x))
            assert np.array_equal(file[f"y_{name}"], split.y)
        FixedType.parse(about["input_type"]).exactly(file["x_test"])
        assert len(file["y_test"]) == len(file["x_test"]) == 8531
    assert about["sha256"] == ours.sha256 and about["classes"] == ["N", "S", "V", "F"]
    assert not any("/" in name for name in about["files"])


def point(ebops: int, validation: float, test: float, **more: float) -> dict:
    return {"ebops": ebops, "accuracy_validation": validation, "accuracy_test": test, **more}


def test_points_are_chosen_on_validation_within_the_budget():
    points = [point(50, 0.8, 0.9), point(90, 0.85, 0.7), point(95, 0.85, 0.99), point(101, 0.9, 0.95)]
    assert collect.within(points, 100) == points[1]
    assert collect.within(points, 49) is None
    assert collect.within([*points, point(10, 0.9, 0.5, da4ml_cost=70)], 80, "da4ml_cost")["accuracy_test"] == 0.5


def test_a_budget_that_one_seed_misses_has_no_mean():
    runs = [{"task": {"task": "t"}, "points": [point(e, 0.8, a)]} for e, a in ((150, 0.6), (350, 0.7))]
    rows = collect.table(runs, "ebops")
    assert rows[0]["within"] == 400 and rows[0]["accuracy_test"] == pytest.approx(0.65)
    assert (rows[0]["lowest"], rows[0]["highest"], rows[0]["ebops"]) == (0.6, 0.7, 250)
