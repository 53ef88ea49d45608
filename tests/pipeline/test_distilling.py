"""Distillation methods in whole runs: a CNN teaches the features of an MLP, in fixed and in learned bits; what does not fit is refused."""

import numpy as np
import pytest

from fpgacompress.distill import Teacher
from fpgacompress.errors import RecipeError
from fpgacompress.pipeline import check, compress

RECIPE = {
    "name": "taught",
    "data": {"source": "fashion_mnist", "limit": 1500},
    "teacher": {"model": "cnn", "options": {"filters": [4, 6], "hidden": [20]}, "epochs": 2},
    "student": {"options": {"hidden": [16]}},
    "prune": {"sparsity": 0.5, "end": 0.3, "frequency": 5},
    "train": {"pretrain_epochs": 2, "epochs": 3, "batch_size": 32, "learning_rate": 2e-3},
    "compare": [],
    "firmware": {"compile": False},
}


def taught(tmp_path, **more):
    lines = []
    job = compress(RECIPE | more, run_dir=tmp_path / "run", projects=tmp_path / "projects", message=lines.append)
    assert job.problems == [] and job.figures["verify"]["differing_bits"] == 0
    return job, [line.split(":")[0].strip() for line in lines if "reused" in line]


def test_another_method_is_another_line_and_the_teacher_is_asked_once(tmp_path, monkeypatch):
    job, _ = taught(tmp_path, distill={"method": "logits+hints", "temperature": 3})
    student = job.figures["models"]["student"]
    assert "distillation (logits+hints, T=3, alpha=0.5)" in student["description"]
    assert student["history"][-1]["hints"] < student["history"][0]["hints"] and student["sparsity"].value > 0.49
    teacher = job.artifacts["teacher"]
    kept = np.load(teacher / "feature-relu1-whole-unit.npy", mmap_mode="r")
    assert kept.shape == (len(np.load(teacher / "logits_train.npy")), 20) and kept.dtype == np.float16
    monkeypatch.setattr(Teacher, "_forward", lambda *a: pytest.fail("the teacher was asked again"))
    job, reused = taught(tmp_path, distill={"method": "hints", "options": {"weight": 0.5}})
    assert {"teacher", "float"} <= set(reused) and "student" not in reused
    student = job.figures["models"]["student"]
    assert "distill" not in student["history"][0] and "distillation (hints)" in student["description"]


def test_bits_are_learned_under_a_teacher_of_features(tmp_path):
    learned = {"epochs": 8, "tune_epochs": 2, "points": 2, "descent_sweeps": 0}
    job, _ = taught(tmp_path, quantize={"method": "learned", "learned": learned}, distill={"method": "logits+similarity"})
    assert job.figures["models"]["student"]["accuracy"].value > 0.5


@pytest.mark.parametrize(
    ("distill", "message"),
    [
        ({"method": "attention"}, r"recipe.*distill: .*the student has 0 activations with a height and a width"),
        (
            {"method": "hints", "options": {"layers": {"relu1": "relu7"}}},
            r"distill: .*the teacher has no layer 'relu7'.*one of .*relu_conv1",
        ),
        ({"method": "hints+logits", "options": {"count": 1}}, r"distill: .*options by method"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(distill, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | {"distill": distill})


def test_a_teacher_that_knows_less_is_told(tmp_path):
    """One pass over the data leaves the teacher behind the student; the run says so and so does the page."""
    weak = {"model": "mlp", "options": {"hidden": [4]}, "epochs": 1}
    lines = []
    job = compress(
        RECIPE | {"teacher": weak, "train": RECIPE["train"] | {"pretrain_epochs": 6}},
        run_dir=tmp_path / "run",
        projects=tmp_path / "projects",
        message=lines.append,
    )
    (note,) = [n for n in job.figures["models"]["student"]["notes"] if "worse than the float student" in n]
    assert any(note in line for line in lines)
    assert note in (tmp_path / "run" / "report.html").read_text()


LEARNED = {"method": "learned", "learned": {"epochs": 8, "tune_epochs": 2, "points": 2, "descent_sweeps": 0}}


@pytest.mark.parametrize("quantize", [{}, pytest.param(LEARNED, marks=pytest.mark.slow)])
def test_a_term_that_does_nothing_is_told(tmp_path, quantize):
    distill = {"method": "hints", "options": {"weight": 1e-6}}
    job, _ = taught(tmp_path, quantize=quantize, distill=distill)
    assert any("the term 'hints' was below 1% of the loss" in note for note in job.figures["models"]["student"]["notes"])
