"""``fpgacompress audit`` as a program meets it: JSON, table, exit status."""

import json
from pathlib import Path

import numpy as np
import pytest

from fpgacompress import keras_stack
from fpgacompress.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
STUDENT = str(ROOT / "models" / "fashion_mnist")
DATA = ["--data", "fashion_mnist", "--data-dir", str(ROOT / "demos" / "data")]


def call(capsys, *argv):
    status = main(["audit", *argv])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def linear(tmp_path):
    """A model whose relu is none, in a file."""
    stack = keras_stack.load()
    q = {"kernel_quantizer": "quantized_bits(8,0,alpha=1)", "bias_quantizer": "quantized_bits(8,0,alpha=1)"}
    net = stack.keras.Sequential(
        [
            stack.keras.Input((4,)),
            stack.qkeras.QDense(5, name="fc", **q),
            stack.qkeras.QActivation("quantized_bits(8,2,alpha=1)", name="relu"),
            stack.qkeras.QDense(2, name="logits", **q),
        ]
    )
    return str(keras_stack.save_model(net, tmp_path / "linear.h5"))


def test_json_has_the_stable_keys_and_a_sound_model_exits_with_0(capsys):
    status, out, _ = call(capsys, STUDENT, *DATA, "--json")
    told = json.loads(out)
    assert status == 0 and told["counts"]["error"] == 0 and told["lowers"] is True
    assert {"name", "levels_used", "levels", "nominal_sparsity", "effective_sparsity"} <= set(told["layers"][0])
    assert all({"rule", "severity", "layer", "evidence", "fix"} <= set(f) for f in told["findings"])
    assert [row["name"] for row in told["layers"]] == ["hidden1", "hidden2", "logits"]


def test_an_error_exits_with_1_and_is_first_in_the_text(capsys, linear):
    status, out, _ = call(capsys, linear)
    lines = out.splitlines()
    first = next(line for line in lines if line.startswith(("ERROR", "WARNING", "NOTE")))
    assert status == 1 and first == "ERROR   linear-model" and "relu: quantized_bits(8,2,0,alpha=1) is signed" in out
    assert lines[-1].endswith("do not build hardware from this model yet") and max(map(len, lines)) <= 140


def test_text_and_json_tell_the_same_findings(capsys, linear):
    _, out, _ = call(capsys, linear, "--json")
    _, text, _ = call(capsys, linear)
    flat = " ".join(text.split())
    assert all(" ".join(f["evidence"].split()) in flat and f["fix"] in flat for f in json.loads(out)["findings"])


def test_every_option_reaches_the_audit(capsys, linear, tmp_path):
    x = np.random.default_rng(0).uniform(size=(50, 4))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "board.npy", 256 * x)
    (tmp_path / "hls.json").write_text(json.dumps({"Model": {"Precision": "ap_fixed<8,4>"}}))
    options = ["--data", str(tmp_path / "x.npy"), "--deployed", str(tmp_path / "board.npy"), "--hls-config", str(tmp_path / "hls.json")]
    status, out, _ = call(capsys, linear, *options, "--input-type", "ufixed<4,0>", "--teacher", linear, "--temperature", "4", "--json")
    told = json.loads(out)
    assert status == 1 and told["input"] == {"type": "ufixed<4,0>", "origin": "as given"} and told["not_checked"] == {}
    assert {"deployed-range", "hls-config", "input-precision"} <= {f["rule"] for f in told["findings"]}


@pytest.mark.parametrize(
    "wrong",
    [
        ["none.h5"],
        [STUDENT, "--data", "none.npz"],
        [STUDENT, "--input-type", "int"],
        [STUDENT, "--hls-config", "none.yml"],
        [STUDENT, "--temperature", "-1"],
    ],
)
def test_wrong_input_exits_with_2_in_one_sentence(capsys, wrong):
    status, out, err = call(capsys, *wrong, "--json")
    assert status == 2 and "Traceback" not in err and json.loads(out)["error"]["received"]
