"""The ways of quantizing in a whole run: trained from fresh weights in stages, quantized without training, and what cannot be."""

import pytest

from fpgacompress.errors import RecipeError
from fpgacompress.pipeline import compress, training
from fpgacompress.pipeline.quantizing import check_request
from fpgacompress.recipe import load_recipe

RECIPE = {
    "name": "ways",
    "data": {"source": "fashion_mnist", "limit": 1500},
    "teacher": {"model": "mlp", "options": {"hidden": [32]}, "epochs": 1},
    "student": {"options": {"hidden": [16]}},
    "prune": {"sparsity": 0.5, "end": 0.3, "frequency": 5},
    "train": {"pretrain_epochs": 3, "epochs": 4, "batch_size": 32},
    "compare": [],
    "firmware": {"compile": False},
}


def run(tmp_path, quantize, **more):
    recipe = RECIPE | {"quantize": {"default": {"kernel": 5, "activation": 5}} | quantize} | more
    return compress(recipe, run_dir=tmp_path / "run", projects=tmp_path / "projects", message=lambda line: None)


def test_everything_of_training_at_once_ends_in_an_exact_student(tmp_path):
    """Fresh weights, stages, fading in, random and truncating rounding, masks and distillation."""
    ways = {"start": "scratch", "stages": [7], "noise_warmup": 0.25, "stochastic_rounding": True, "rounding": "truncate"}
    job = run(tmp_path, ways)
    student = job.figures["models"]["student"]
    assert job.problems == [] and job.figures["verify"]["differing_bits"] == 0
    assert [row["stage"] for row in student["history"]] == [1, 1, 2, 2]
    assert student["sparsity"].value > 0.49 and student["accuracy"].value > 0.6
    assert job.student.get_layer("relu1").get_config()["activation"].startswith("truncated_relu(5,")
    assert job.network.node("relu1").out.rounding == "TRN"
    assert student["description"].endswith("from fresh weights")
    assert [fit["bits"] for fit in student["ranges"]["tensors"] if fit["tensor"] == "kernel"] == [5, 5]


def test_quantized_without_training(tmp_path):
    ways = {
        "method": "ptq",
        "default": {"kernel": 8, "activation": 8},
        "bias_correction": True,
        "activation_ranges": "percentile",
        "percentile": 98,
    }
    job = run(tmp_path, ways, prune={"sparsity": 0})
    models = job.figures["models"]
    assert list(models) == ["teacher", "float", "student"] and models["student"]["label"] == "PTQ" and models["student"]["history"] == []
    assert job.problems == [] and job.figures["verify"]["differing_bits"] == 0
    assert abs(models["student"]["accuracy"].value - models["float"]["accuracy"].value) < 0.02
    fits = {(fit["layer"], fit["tensor"]): fit for fit in models["student"]["ranges"]["tensors"]}
    assert {name for name, tensor in fits if tensor == "kernel"} == {"hidden1", "logits"}
    assert fits["relu1", "activation"]["rule"] == "percentile" and 0 < fits["relu1", "activation"]["saturation"] < 0.02
    page = (tmp_path / "run" / "report.html").read_text()
    assert "How ranges were chosen" in page and f"{100 * fits['relu1', 'activation']['saturation']:.2f} %" in page


@pytest.mark.parametrize(
    ("quantize", "message"),
    [
        ({"method": "dynamic"}, r"quantize.method: .*no firmware.*fpgacompress quantize"),
        ({"method": "ptq"}, r"prune.sparsity: .*set prune.sparsity: 0"),
        ({"method": "ptq", "stages": [8]}, r"quantize.stages: .*does not train"),
        ({"method": "ptq", "noise_warmup": 0.1}, r"quantize.noise_warmup: .*does not train"),
        ({"method": "ptq", "stochastic_rounding": True}, r"quantize.stochastic_rounding: .*does not train"),
        ({"method": "ptq", "start": "scratch"}, r"quantize.start: .*fresh weights"),
        ({"method": "learned", "stages": [8]}, r"quantize.stages: the method learned trains without it"),
        ({"method": "learned", "noise_warmup": 0.1}, r"quantize.noise_warmup: the method learned trains without it"),
        ({"method": "learned", "stochastic_rounding": True}, r"quantize.stochastic_rounding: the method learned trains without it"),
        ({"equalize": True}, r"quantize.equalize: the method qat has no use"),
        ({"bias_correction": True}, r"quantize.bias_correction: the method qat has no use"),
        ({"stages": [12, 10, 8, 6]}, r"quantize.stages: 4 epochs for 5 stages"),
    ],
)
def test_settings_that_the_method_would_not_obey_are_refused(quantize, message):
    with pytest.raises(RecipeError, match=message):
        check_request(load_recipe(RECIPE | {"quantize": quantize}))


def test_the_data_of_a_recipe_are_looked_for_where_the_caller_says(monkeypatch):
    asked = []
    monkeypatch.setattr(training, "load", lambda *_, data_dir, **__: asked.append(data_dir))
    recipe = load_recipe(RECIPE | {"data": {"source": "fashion_mnist", "data_dir": "own"}})
    training.read_data(recipe)
    training.read_data(recipe, "other")
    assert asked == ["own", "other"]


def test_settings_of_the_compared_variants_stand_beside_learned_bits():
    check_request(load_recipe(RECIPE | {"quantize": {"method": "learned", "stages": [8]}, "compare": ["qat"]}))
