"""Channels taken out of the float student in a run: smaller, trained on, quantized, proven; wrong wishes are found before any training."""

import numpy as np
import pytest
from scipy.special import softmax

from fpgacompress.errors import RecipeError
from fpgacompress.integer import store
from fpgacompress.keras_stack import load_model
from fpgacompress.pipeline import check, compress
from fpgacompress.pipeline.training import Trainer
from fpgacompress.recipe import load_recipe
from fpgacompress.run import RunFolder, read_json
from fpgacompress.train import logits_of

RECIPE = {
    "name": "shrunk",
    "data": {"source": "fashion_mnist", "limit": 1200},
    "teacher": {"model": "mlp", "options": {"hidden": [24]}, "epochs": 1},
    "student": {"model": "cnn", "options": {"filters": [8, 10], "hidden": [20]}},
    "prune": {"sparsity": 0.5, "end": 0.3, "frequency": 5},
    "train": {"pretrain_epochs": 3, "epochs": 3, "batch_size": 32, "learning_rate": 2e-3, "tensorboard": False},
    "compare": [],
    "firmware": {"compile": False},
}


def test_a_run_without_some_channels(tmp_path):
    shrink = {"share": 0.5, "rounds": 2, "epochs": 1, "score": "taylor", "layers": {"conv1": 0.75}}
    lines = []
    job = compress(RECIPE | {"shrink": shrink}, run_dir=tmp_path / "run", projects=tmp_path / "projects", message=lines.append)
    assert any("40 channels" in line or "48 channels became" in line for line in lines)
    model = load_model(job.artifacts["float"] / "model.h5")
    widths = {layer.name: getattr(layer, "filters", getattr(layer, "units", None)) for layer in model.layers if layer.weights}
    assert widths["conv1"] == 2 and widths["conv2"] == 5 and widths["hidden1"] == 10 and widths["logits"] == 10
    told = read_json(job.artifacts["float"] / "surgery.json")
    assert told["parameters"][1] == model.count_params() < told["parameters"][0]
    network = store.load(job.artifacts["hardware"] / "network.npz")
    assert {n.name: n.kernel.values.shape for n in network.weighted}["conv2"][-1] == 5
    assert job.figures["verify"]["differing_bits"] == 0
    before, after = told["channels"]
    assert f"{before - after} of {before} channels taken out (taylor)" in job.figures["models"]["float"]["description"]


def test_the_whole_network_teaches_what_is_left_of_it(tmp_path):
    shrink = {"share": 0.5, "epochs": 2, "taught": True, "align": 4}
    recipe = load_recipe(RECIPE | {"shrink": shrink, "distill": {"alpha": 1.0, "temperature": 1, "method": "logits"}})
    trainer = Trainer(recipe, RunFolder(tmp_path / "run"))
    x = trainer.arrays[0]
    smaller = trainer.float_student()
    whole = next(p for p in smaller.parent.iterdir() if p.name.startswith("float-"))
    assert [*smaller.parent.glob("teacher*")] == []  # nobody else is asked
    model = load_model(smaller / "model.h5")
    assert [model.get_layer(n).filters for n in ("conv1", "conv2")] == [4, 4]
    plain = Trainer(load_recipe(RECIPE | {"shrink": shrink | {"taught": False}}), RunFolder(tmp_path / "plain")).float_student()
    told = logits_of(load_model(whole / "model.h5"), x)

    def apart(folder):
        return float(np.abs(softmax(logits_of(load_model(folder / "model.h5"), x), -1) - softmax(told, -1)).mean())

    assert apart(smaller) < apart(plain)


@pytest.mark.parametrize(
    ("shrink", "message"),
    [
        ({"share": 0.5, "layers": {"conv9": 0.2}}, "shrink: .*no layer matches 'conv9'"),
        ({"share": 0.5, "score": "batchnorm"}, "shrink: .*no BatchNormalization with a scale reads 'conv1'"),
        ({"blocks": ["add1"]}, "shrink: block 'add1'.*no residual blocks"),
        ({"share": 0.5, "score": "l3"}, "shrink.score"),
        (
            {"share": 0.3, "align": 8, "layers": {"hidden1": 0, "conv2": 0}},
            "no channel goes: a share of 0.3 with widths that are multiples of 8",
        ),
    ],
)
def test_wrong_wishes_are_found_at_once(shrink, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | {"shrink": shrink})


@pytest.mark.parametrize(
    ("distill", "message"),
    [
        ({"method": "ema"}, "shrink.taught: .*'ema' asks no teacher"),
        ({"method": "hints", "options": {"layers": {"relu1": "relu9"}}}, "the teacher has no layer 'relu9'|relu9"),
    ],
)
def test_a_method_that_the_whole_network_cannot_teach_is_found_at_once(distill, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | {"shrink": {"share": 0.5, "taught": True}, "distill": distill})
