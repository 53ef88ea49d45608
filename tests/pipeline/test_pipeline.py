"""The whole job on 3,000 real images: what it leaves behind, what it reuses, what it refuses."""

import copy
import json

import numpy as np
import pytest

import fpgacompress as fc
from fpgacompress.errors import DataError, FpgaCompressError, HardwareError, RecipeError
from fpgacompress.figures import Figure, figures_to_json
from fpgacompress.pipeline import check, compress, open_run
from fpgacompress.quantize.build import quantized_kernel

from .conftest import RECIPE


def changed(**sections):
    recipe = copy.deepcopy(RECIPE)
    for name, value in sections.items():
        recipe[name] = {**recipe[name], **value} if isinstance(value, dict) else value
    return recipe


def test_everything_asked_for_holds(job):
    assert job.problems == []
    verify = job.figures["verify"]
    assert verify["differing_bits"] == 0 and verify["samples"] == 3000 and set(verify["executors"]) == {"integer", "keras", "hls"}


def test_models_have_honest_figures(job):
    models = job.figures["models"]
    assert list(models) == ["teacher", "float", "qat", "qap", "student"]
    for model in models.values():
        accuracy = model["accuracy"]
        assert isinstance(accuracy, Figure) and accuracy.low < accuracy.value < accuracy.high and accuracy.stage == "trained"
    student = models["student"]
    kernels = {n: quantized_kernel(job.student.get_layer(n)) for n in ("hidden1", "hidden2", "logits")}
    zeros = sum((k == 0).sum() for k in kernels.values()) / sum(k.size for k in kernels.values())
    assert student["sparsity"].value == pytest.approx(zeros) and zeros > 0.59
    assert {row["name"]: row["bits"] for row in student["layers"]} == {"hidden1": 5, "hidden2": 4, "logits": 6}
    assert models["qat"]["sparsity"].value < 0.5
    assert models["teacher"]["accuracy"].value > 0.75


def test_the_test_split_is_read_at_the_end_only(job, said):
    first = next(i for i, line in enumerate(said) if "every model on the test split" in line)
    assert not any("epoch" in line for line in said[first:])
    assert [r["reason"] for r in job.figures["data"]["test_read"]] == ["evaluate", "verify"]


def test_seeds_give_paired_differences(job):
    told = job.figures["ablation"]
    assert told["rows"][0]["seeds"] == [4, 5] and len(told["rows"]) == 4
    pair = {(p["a"], p["b"]): p["difference"] for p in told["pairs"]}[("KD+QAP", "QAP")]
    rows = {r["arm"]: r["accuracies"] for r in told["rows"]}
    assert pair.value == pytest.approx(np.mean(np.subtract(rows["KD+QAP"], rows["QAP"])))
    assert pair.low <= pair.value <= pair.high


def test_files_a_person_looks_at(job, places):
    page = (places["run_dir"] / "report.html").read_text()
    assert "KD+QAP" in page and "fashion_mnist" in page
    assert len(list((places["run_dir"] / "plots").glob("*.png"))) >= 5
    assert list((places["run_dir"] / "tensorboard" / "student").glob("events*"))
    project = places["projects"] / "small"
    assert (project / "firmware" / "small.cpp").exists() and (project / "tb_data" / "tb_input_features.dat").stat().st_size
    stored = json.loads((project / "preprocessing.json").read_text())
    assert stored["input_type"] == "ufixed<8,0,RND_CONV,SAT>"


def test_teacher_logits_are_the_cached_ones(job, places):
    from fpgacompress.pipeline.training import read_data
    from fpgacompress.train import logits_of

    data = read_data(job.recipe)
    cached = np.load(job.artifacts["teacher"] / "logits_train.npy")
    assert np.array_equal(cached, logits_of(job.teacher, data.preprocessing.apply(data.train.x)))


def test_second_run_reuses_every_step_and_opens_again(job, places):
    lines = []
    again = compress(RECIPE, **places, message=lines.append)
    steps = [line for line in lines[2:] if not line.strip().startswith("epoch")]
    assert steps and all("reused" in line for line in steps)
    opened = open_run(places["run_dir"])
    assert lines[-1].strip() == "report: reused" and again.figures["created"] == job.figures["created"]
    for other in (again, opened):
        assert other.figures["models"]["student"]["accuracy"] == job.figures["models"]["student"]["accuracy"]
    assert np.array_equal(opened.network.weighted[0].kernel.values, job.network.weighted[0].kernel.values)


def test_only_what_changed_is_done_anew(job, places):
    lines = []
    compress(
        {**RECIPE, "firmware": {"clock_ns": 8.0, "compile": False}},
        run_dir=places["run_dir"],
        projects=places["projects"].with_name("other"),
        message=lines.append,
        until="firmware",
    )
    done = {line.split(":")[0].strip() for line in lines[2:] if "reused" not in line}
    assert {"estimate", "firmware"} <= done and not done & {"teacher", "float", "qat", "qap", "student", "lower"}


def test_same_recipe_same_bits_elsewhere(job, tmp_path):
    other = compress(changed(seeds=[]), run_dir=tmp_path / "r", projects=tmp_path / "p", message=lambda line: None, until="lower")
    for a, b in zip(job.network.weighted, other.network.weighted):
        assert np.array_equal(a.kernel.values, b.kernel.values) and np.array_equal(a.bias.values, b.bias.values)


def test_public_face(job):
    assert fc.compress is compress and "student" in job.summary()["models"]
    assert json.loads(json.dumps(figures_to_json(job.summary())))["verify"]["differing_bits"] == 0
    assert job.firmware.project_dir.name == "small"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"quantize": {"layers": {"hiden1": {"kernel": 3}}}},
            RecipeError,
            r"quantize.layers: no layer matches 'hiden1'.*did you mean 'hidden1'",
        ),
        ({"prune": {"layers": {"conv1": 0.3}}}, RecipeError, r"prune.layers: no layer matches 'conv1'"),
        ({"student": {"model": "mlpp"}}, RecipeError, r"student.model: there is no model 'mlpp'.*did you mean 'mlp'"),
        ({"student": {"options": {"hiden": [3]}}}, RecipeError, r"has no option 'hiden'"),
        ({"teacher": {"file": "none.h5"}}, RecipeError, r"teacher.file: there is no model file 'none.h5'"),
        ({"firmware": {"board": "pynk-z2"}}, RecipeError, r"firmware.board: .*pynq-z2"),
        ({"firmware": {"reuse": 7919}}, RecipeError, r"firmware: .*7919"),
        ({"distill": {"method": "logitz"}}, FpgaCompressError, r"did you mean 'logits'"),
        ({"data": {"source": "fashion_mnis"}}, DataError, r"fashion_mnist"),
    ],
)
def test_wrong_requests_are_refused_before_training(change, error, text):
    recipe = copy.deepcopy(RECIPE)
    for name, value in change.items():
        recipe[name] = {**recipe.get(name, {}), **value}
    with pytest.raises(error, match=text):
        check(recipe)


def test_without_gpp_everything_but_the_proof(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = changed(data={"limit": 600}, compare=[], seeds=[], train={"pretrain_epochs": 1, "epochs": 2}, teacher={"epochs": 1})
    run = compress(recipe, run_dir=tmp_path / "r", projects=tmp_path / "p", message=lambda line: None)
    assert len(run.problems) == 1 and "g++" in run.problems[0] and "apt-get install g++" in run.problems[0]
    verify = run.figures["verify"]
    assert verify["executors"] == ["integer", "keras"] and verify["differing_bits"] == 0 and (tmp_path / "r" / "report.html").exists()


def test_unknown_step():
    with pytest.raises(RecipeError, match="did you mean 'firmware'"):
        compress(RECIPE, until="firmwar")


def test_unknown_board_error_is_ours():
    with pytest.raises(HardwareError):
        from fpgacompress.hardware.board import load_board

        load_board("none")


def test_publish_leaves_a_folder_that_stands_alone(job, tmp_path):
    import hashlib

    from fpgacompress.integer import store
    from fpgacompress.lower import lower
    from fpgacompress.report.card import publish

    written = publish(job.figures, job.artifacts, tmp_path / "models" / "small")
    folder = tmp_path / "models" / "small"
    assert {p.name for p in folder.iterdir()} == set(written)
    card = (folder / "README.md").read_text()
    assert hashlib.sha256((folder / "student.h5").read_bytes()).hexdigest() in card and "KD+QAP" in card
    network = store.load(folder / "student.npz")
    again = lower(fc.load_model(folder / "student.h5"), network.input.out)
    assert all(np.array_equal(a.kernel.values, b.kernel.values) for a, b in zip(network.weighted, again.weighted))
    publish(job.figures, job.artifacts, folder)  # replaces the older folder as a whole
    assert len(list(folder.parent.iterdir())) == 1
