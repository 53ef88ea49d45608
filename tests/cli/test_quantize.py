"""``fpgacompress quantize``: from a float Keras file to a folder that verify and estimate take."""

import json
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.cli.main import main
from fpgacompress.keras_stack import load_model, save_model
from fpgacompress.train import logits_of

DATA = Path(__file__).resolve().parents[2] / "demos" / "data"


@pytest.fixture(scope="module")
def model_file(trained_mlp, tmp_path_factory):
    return save_model(trained_mlp[0], tmp_path_factory.mktemp("float") / "float.h5")


def call(capsys, *argv):
    status = main(["quantize", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


def request(model_file, out, *more):
    return (model_file, "--data", "fashion_mnist", "--data-dir", DATA, "--out", out, "--set", "calibration_samples=300", *more)


def test_a_folder_that_verify_and_estimate_take(model_file, tmp_path, capsys):
    status, out, _ = call(capsys, *request(model_file, tmp_path / "out", "--bias-correction", "--equalize", "--ranges", "mse"))
    assert status == 0 and "0 logits differ from Keras on 10,000 test samples" in out
    assert f"next: fpgacompress verify {tmp_path / 'out'}" in out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["preprocessing.json", "quantize.json", "student.h5", "student.npz"]
    assert main(["verify", str(tmp_path / "out"), "--against", "keras,integer", "--samples", "50"]) == 0
    assert "exact: integer, keras" in capsys.readouterr().out
    assert main(["estimate", str(tmp_path / "out"), "--board", "zcu104"]) in (0, 1)
    assert "LUT" in capsys.readouterr().out


def test_json_and_tflite(model_file, tmp_path, capsys):
    lite = tmp_path / "m.tflite"
    status, out, _ = call(capsys, *request(model_file, tmp_path / "out", "--method", "full-integer", "--tflite", lite, "--json"))
    told = json.loads(out)
    assert status == 0 and told["settings"]["input"] == 8 and told["settings"]["preset"] == "int8"
    test = told["accuracy"]["test"]
    assert abs(test["quantized"]["value"] - test["float"]["value"]) < 0.01 and test["float"]["low"] < test["float"]["value"]
    assert [read["reason"] for read in told["data"]["test_reads"]] == ["quantize"]
    ours, own = told["tflite"]
    assert ours["kind"] == "fixed" and ours["differing_logits"] == 0 and ours["test"]["value"] == test["quantized"]["value"]
    assert own["kind"] == "int8" and lite.exists() and (tmp_path / "m_own.tflite").exists()


def test_dynamic_says_that_it_has_no_firmware(model_file, tmp_path, capsys):
    lite = tmp_path / "m.tflite"
    status, out, _ = call(capsys, *request(model_file, tmp_path / "out", "--method", "dynamic", "--tflite", lite))
    assert status == 0 and "there is no integer network and no firmware" in out and "next:" not in out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["dynamic.h5", "preprocessing.json", "quantize.json"]
    model = load_model(tmp_path / "out" / "dynamic.h5")
    assert len(np.unique(model.get_layer("hidden1").get_weights()[0])) <= 256 and logits_of(model, np.zeros((1, 784))).shape == (1, 10)


def test_the_options_offer_what_there_is():
    from fpgacompress.cli import quantize
    from fpgacompress.pipeline.quantize_model import METHODS
    from fpgacompress.quantize.presets import PRESETS

    assert set(quantize.PRESETS) == {name for name in PRESETS if name} and set(quantize.METHODS) == set(METHODS)


def test_settings_reach_their_layers(model_file, tmp_path, capsys):
    settings = ("--preset", "int4", "--set", "layers={logits: {kernel: 7}}", "--set", "default.activation=6")
    status, out, _ = call(capsys, *request(model_file, tmp_path / "out", *settings, "--json"))
    bits = {(r["layer"], r["tensor"]): r["bits"] for r in json.loads(out)["report"]["ranges"]}
    assert status == 0 and bits["hidden1", "kernel"] == 4 and bits["logits", "kernel"] == 7 and bits["relu2", "activation"] == 6


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--set", "layers={hiden1: {kernel: 3}}"), "did you mean"),
        (("--set", "defaults.kernel=3"), "no such field"),
        (("--set", "default.kernel=99"), "default.kernel"),
    ],
)
def test_wrong_settings_are_named(more, words, model_file, tmp_path, capsys):
    status, out, err = call(capsys, *request(model_file, tmp_path / "out", *more))
    assert status == 2 and words in err.lower() and not out and not (tmp_path / "out").exists()
