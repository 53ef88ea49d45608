"""Several teachers, teachers asked about what they have not seen, calibration, chains, generations and mirrored images in whole runs."""

import numpy as np
import pytest

from fpgacompress.distill.mixing import fitted_temperature
from fpgacompress.errors import RecipeError
from fpgacompress.keras_stack import load_model
from fpgacompress.pipeline import check, compress
from fpgacompress.pipeline.teaching import folds_of, teaching_logits
from fpgacompress.pipeline.training import read_data
from fpgacompress.recipe import load_recipe
from fpgacompress.run import read_json
from fpgacompress.train import logits_of

RECIPE = {
    "name": "taught",
    "data": {"source": "fashion_mnist", "limit": 1200},
    "teacher": {"model": "cnn", "options": {"filters": [4, 6], "hidden": [20]}, "epochs": 2},
    "student": {"options": {"hidden": [16]}},
    "prune": {"sparsity": 0.5, "end": 0.3, "frequency": 5},
    "train": {"pretrain_epochs": 2, "epochs": 3, "batch_size": 32, "learning_rate": 2e-3, "tensorboard": False},
    "compare": [],
    "firmware": {"compile": False},
}
MLP = {"model": "mlp", "options": {"hidden": [24]}, "epochs": 2}


def run(tmp_path, until=None, **more):
    lines = []
    job = compress(RECIPE | more, run_dir=tmp_path / "run", projects=tmp_path / "projects", message=lines.append, until=until)
    return job, lines


def test_teachers_are_asked_about_what_they_have_not_seen_made_honest_and_mixed(tmp_path, monkeypatch):
    first = RECIPE["teacher"] | {"folds": 2, "calibrate": True}
    teachers = {"teacher": first, "teachers": [MLP | {"calibrate": True}], "distill": {"combine": "validation", "alpha": 0.9}}
    job, lines = run(tmp_path, **teachers)
    assert job.figures["verify"]["differing_bits"] == 0
    told = read_json(job.artifacts["teacher"] / "teachers.json")
    rows = told["members"]
    assert [r["teacher"] for r in rows] == ["cnn", "mlp"] and sum(told["weights"]) == pytest.approx(1)
    assert rows[1]["val_nll"] <= rows[1]["val_nll_before"] + 1e-6 and all(r["temperature"] != 1 for r in rows)
    y = read_data(job.recipe).train.y
    unseen = np.load(_artifact(job, "teacher-folds") / "logits_train.npy")
    assert rows[0]["temperature"] == pytest.approx(fitted_temperature(unseen, y), rel=1e-6)  # of single folds, as they teach
    best = np.argmax([r["weight"] for r in rows])
    asked = load_model(job.artifacts["teacher"] / "model.h5").name
    assert asked == rows[best]["teacher"] and any(f"is teacher {best + 1}'s" in note for note in job.figures["models"]["student"]["notes"])
    moved = job.folder.rename(job.folder.with_name("moved"))
    x = np.zeros((3, 28, 28), np.float32)
    assert teaching_logits(moved / "artifacts" / job.artifacts["teacher"].name, x)[0].shape == (3, 10)
    moved.rename(job.folder)
    notes = job.figures["models"]["student"]["notes"]
    assert any("teacher cnn" in n and "judged by one of 2 that had not seen it" in n and "validation NLL" in n for n in notes)
    whole, seen = (np.load(p / "logits_train.npy") for p in (_artifact(job, "teacher"), _artifact(job, "teacher-folds")))
    assert whole.shape == seen.shape and not np.allclose(whole, seen)
    assert "reused" in "".join(line for line in run(tmp_path, until="teacher", **teachers)[1] if "teacher-fold1" in line)
    changed = teachers | {"distill": {"combine": "attention", "alpha": 0.9}}
    job, lines = run(tmp_path, until="train", **changed)  # the teachers stay, their mixture is learned with the student
    assert any("teacher-folds: reused" in line for line in lines)
    history = read_json(job.artifacts["student"] / "history.json")
    assert history[-1]["teachers"] < history[0]["teachers"]
    assert not any("attention" in w.name for w in load_model(job.artifacts["student"] / "model.h5").weights)


def _artifact(job, name):
    (found,) = [p for p in (job.folder / "artifacts").glob(f"{name}-*") if p.name.rpartition("-")[0] == name]
    return found


def test_folds_cover_all_samples_once_and_keep_patients_together():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 900)
    y = rng.integers(0, 3, 900)
    parts = folds_of(y, groups, 4, 1)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(900)) and min(map(len, parts)) > 150
    assert all(not set(groups[a]) & set(groups[b]) for i, a in enumerate(parts) for b in parts[:i])
    assert [len(p) for p in folds_of(y, None, 3, 1)] == [300, 300, 300]


def test_a_chain_of_models_and_bits_each_taught_by_the_one_before(tmp_path):
    distill = {"chain": [{"model": "mlp", "options": {"hidden": [24]}, "epochs": 1}, 8, 6], "alpha": 0.8}
    quantize = {"preset": "int4"}
    job, lines = run(tmp_path, until="train", distill=distill, quantize=quantize)
    steps = [line.strip().split(":")[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert [s for s in steps if s.startswith(("assistant", "student"))] == ["assistant1", "student-8bits", "student-6bits", "student"]
    bits = {n: load_model(_artifact(job, n) / "model.h5").get_layer("hidden1").kernel_quantizer_internal.bits for n in steps[-3:]}
    assert bits == {"student-8bits": 8, "student-6bits": 6, "student": 4}
    done = {n: read_json(_artifact(job, n) / "done.json")["inputs"]["teacher"] for n in steps[-4:]}
    assert [v.rpartition("-")[0] for v in done.values()] == ["teacher", "assistant1", "student-8bits", "student-6bits"]
    logits = np.load(_artifact(job, "student-6bits") / "logits_train.npy")
    assert logits.shape == (1200, 10)


def test_a_chain_is_planned_from_the_sizes_and_refused_where_it_cannot_be(tmp_path):
    from fpgacompress.pipeline.chaining import links_of
    from fpgacompress.pipeline.job import _Nowhere
    from fpgacompress.pipeline.training import Trainer

    def links(**more):
        return links_of(Trainer(load_recipe(RECIPE | more), _Nowhere()))

    large = {"model": "mlp", "options": {"hidden": [512, 256]}}
    (link,) = links(teacher=large, distill={"chain": "auto"})
    trainer = Trainer(load_recipe(RECIPE | {"teacher": large}), _Nowhere())
    sizes = [
        trainer.build(m["model"], m["options"]).count_params()
        for m in (large, link.model_dump(), {"model": "mlp", "options": {"hidden": [16]}})
    ]
    assert sizes[1] == pytest.approx((sizes[0] * sizes[2]) ** 0.5, rel=0.05)
    assert links(quantize={"preset": "int4"}, distill={"chain": "bits"}) == [8, 6]
    small = {"model": "mobilenet", "options": {"first": 4, "filters": [4, 8], "last": 16}}
    planned = links(teacher=large, student=small, distill={"chain": "auto"})
    assert planned and all(link.options["first"] == link.options["filters"][0] > 4 for link in planned)  # strides stay where they are
    for chain, message in (
        ([6, 8], "models first, then falling bits"),
        ([6, {"model": "mlp"}], "models first"),
        ([{"model": "mpl"}], "mlp"),
        (["x"], "chain has 'x'; each link is a number of bits"),
        ([3.5], "chain has 3.5"),
        ([[8]], r"chain has \[8\]"),
        ([None], "chain has None"),
        ([{"model": 3}], "each link is"),
        ({"model": "mlp"}, "expected none, auto, bits, or a list"),
    ):
        with pytest.raises(RecipeError, match=rf"distill\.chain: .*{message}"):
            check(RECIPE | {"quantize": {"preset": "int4"}, "distill": {"chain": chain}})
    with pytest.raises(RecipeError, match="attention.*'relu1'|activations with a height"):
        check(
            RECIPE
            | {"student": {"model": "cnn", "options": {"filters": [4]}}, "distill": {"method": "attention", "chain": [{"model": "mlp"}]}}
        )


def test_generations_of_float_and_quantized_students(tmp_path):
    distill = {"generations": 2, "float_student": True, "alpha": 0.7}
    job, lines = run(tmp_path, until="train", distill=distill)
    steps = [line.strip().split(":")[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert steps[-4:] == ["float-generation1", "float", "student-generation1", "student"]
    rows = read_json(job.artifacts["float"] / "history.json")
    assert rows[-1]["distill"] < rows[0]["distill"]
    inputs = read_json(job.artifacts["student"] / "done.json")["inputs"]
    assert inputs["teacher"].startswith("student-generation1-") and inputs["base"].startswith("float-")


def test_a_student_that_asks_nobody_does_not_depend_on_the_teacher(tmp_path):
    job, _ = run(tmp_path, until="train", distill={"method": "ema"})
    again, lines = run(tmp_path, until="train", distill={"method": "ema"}, teacher=MLP)
    assert again.artifacts["student"] == job.artifacts["student"] and any("student: reused" in line for line in lines)
    for more, found in (({"generations": 2}, "distill.generations"), ({"chain": [{"model": "mlp"}]}, "models in distill.chain")):
        with pytest.raises(RecipeError, match=f"distill.method: .*'ema', which asks no teacher, with {found}"):
            check(RECIPE | {"distill": {"method": "ema"} | more})


def test_a_teacher_is_asked_about_mirrored_images(tmp_path):
    """What is kept of mirrored images is what the teacher says of them, and an MLP sees images mirrored as images."""
    job, _ = run(tmp_path, until="train", train=RECIPE["train"] | {"augment": "flip"}, distill={"method": "logits+hints"})
    teacher = job.artifacts["teacher"]
    data = read_data(job.recipe)
    x = data.preprocessing.apply(data.train.x)
    expected = logits_of(load_model(teacher / "model.h5"), x[:, :, ::-1])
    assert np.allclose(np.load(teacher / "logits_train-flip.npy"), expected, atol=1e-4)
    assert np.load(teacher / "feature-relu1-whole-unit-flip.npy").shape == (len(x), 20)
    plain = np.load(teacher / "logits_train.npy")
    assert not np.allclose(plain, expected, atol=0.1)
    model, both = load_model(teacher / "model.h5"), [np.load(teacher / f"feature-relu1-whole-unit{end}.npy") for end in ("", "-flip")]
    inside = type(model)(model.inputs, model.get_layer("relu1").output)
    told = [np.asarray(inside(np.reshape(v[:200], (200, *model.input_shape[1:])))) for v in (x, x[:, :, ::-1])]
    assert np.sum(both[0][:200]) / np.sum(told[0]) == pytest.approx(np.sum(both[1][:200]) / np.sum(told[1]), rel=2e-3)  # one scale for both


def test_files_that_end_in_softmax_are_told_and_those_of_other_classes_refused(tmp_path, trained_mlp):
    from fpgacompress.keras_stack import load, save_model

    keras, model = load().keras, trained_mlp[0]
    save_model(keras.Model(model.inputs, keras.layers.Softmax(name="answer")(model.output)), tmp_path / "softmax.h5")
    job, lines = run(tmp_path, until="train", teacher={"file": str(tmp_path / "softmax.h5")})
    notes = read_json(job.artifacts["student"] / "notes.json")
    assert any("the final softmax 'answer' was removed" in note for note in notes) and any("softmax 'answer'" in line for line in lines)
    other = keras.Sequential([keras.Input((784,)), keras.layers.Dense(3)])
    save_model(other, tmp_path / "three.h5")
    for field, wrong in (
        ("teacher.file", {"teacher": {"file": str(tmp_path / "three.h5")}}),
        ("teachers.0.file", {"teachers": [{"file": str(tmp_path / "three.h5")}]}),
    ):
        with pytest.raises(RecipeError, match=rf"{field}: .*has 3 outputs.*10, the number of classes"):
            check(RECIPE | wrong)


SERIES = {"data": {"source": "gamma_neutron"}, "teacher": {"model": "mlp"}}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"teachers": [MLP | {"file": "x.h5", "folds": 3}]}, r"teachers\.0\.file: .*no model file"),
        ({"teacher": MLP | {"folds": 5000}}, r"teacher\.folds: .*5000 folds of 1200 samples"),
        (SERIES | {"teachers": [MLP | {"augment": "flip"}]}, r"teachers\.0\.augment: .*images"),
        (SERIES | {"train": {"augment": "flip"}}, r"train\.augment: .*samples have shape \(161,\).*images"),
        (
            {"distill": {"method": "hints", "options": {"layers": {"relu1": "relu_conv1"}}, "generations": 2}},
            "the teacher has no layer 'relu_conv1'",
        ),
        ({"quantize": {"method": "ptq"}, "distill": {"generations": 2}}, r"distill\.generations: .*ptq does not train"),
    ],
)
def test_what_cannot_be_is_refused_before_training(wrong, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | wrong)
