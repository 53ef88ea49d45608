"""``fpgacompress verify`` on files: sources, executors, exit status, JSON, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.cli.main import main
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, store

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "tests" / "lower" / "strangers"
QUICK = ("--against", "keras,integer", "--samples", "50")


def call(capsys, *argv):
    status = main(["verify", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A saved integer network of two inputs."""
    kernel = Tensor(np.array([[3, -2], [1, 2]]), FixedType(4, 1))
    nodes = (
        Node("x", "input", (), FixedType(4, 1), (2,)),
        Node("fc", "dense", ("x",), FixedType(8, 2), (2,), kernel),
        Node("q", "quantize", ("fc",), FixedType(3, 1, False, "RND_CONV", "SAT"), (2,)),
    )
    return store.save(IntegerNetwork("two", nodes), tmp_path_factory.mktemp("network") / "two.npz")


def test_a_strangers_file_with_data(capsys):
    status, out, _ = call(capsys, FILES / "mlp_objects.keras", "--data", FILES / "mlp_objects.keras.npz", *QUICK, "--json")
    told = json.loads(out)
    assert status == 0 and told["differing_bits"] == 0 and told["first_difference"] is None
    assert {name: entry["samples"] for name, entry in told["sources"].items()} | {"corners": 0} == {"data": 64, "random": 50, "corners": 0}
    assert told["samples"] == sum(entry["samples"] for entry in told["sources"].values())
    assert told["layers_compared"]["keras"] == ["x", "fc1", "relu1", "fc2"]
    assert told["saturations"]["reached"] == told["saturations"]["possible"] > 0
    assert any("the final softmax 'probabilities' was removed" in note for note in told["notes"])


def test_the_table_for_people(capsys):
    status, out, _ = call(capsys, FILES / "cnn.h5", "--data", FILES / "cnn.h5.npz", *QUICK)
    assert status == 0
    for words in (
        "data      keras           64",
        "random    integer         50",
        "saturations reached",
        "note: input type",
        "exact: integer, keras",
    ):
        assert words in out


def test_bits_that_differ_give_status_1(capsys, monkeypatch):
    from fpgacompress.firmware import executors

    honest = executors.IntegerExecutor.trace

    def lying(self, stored):
        found = honest(self, stored)
        found["relu1"][-1, 2] ^= 1
        return found

    monkeypatch.setattr(executors.IntegerExecutor, "trace", lying)
    status, out, _ = call(capsys, FILES / "mlp_objects.h5", "--against", "integer", "--samples", "50")
    assert status == 1 and "NOT exact: 2 bits differ in 2 samples" in out
    assert "first: 'integer' in layer 'relu1', sample 49 of random, element [2]: expected" in out


def test_a_saved_network(capsys, network):
    status, out, _ = call(capsys, network, "--against", "integer", "--samples", "20", "--json")
    assert status == 0 and json.loads(out)["executors"] == ["integer"]


def test_a_named_data_set(capsys, tmp_path):
    """The test split is read, with the data set's preprocessing; its type is the network's input type."""
    from lower.models import mlp

    mlp().save(str(tmp_path / "m.h5"))
    status, out, _ = call(
        capsys,
        tmp_path / "m.h5",
        "--data",
        "fashion_mnist",
        "--data-dir",
        ROOT / "demos" / "data",
        "--against",
        "integer",
        "--json",
        "--samples",
        "5",
    )
    told = json.loads(out)
    assert status == 0 and told["sources"]["data"]["samples"] == 10_000
    assert told["notes"][0] == "data: the 10000 test samples of fashion_mnist, its preprocessing applied"


@pytest.mark.parametrize("form", ["npy", "csv", "csv with labels", "npz"])
def test_forms_of_data(capsys, tmp_path, form):
    x = np.random.default_rng(0).integers(-16, 16, (30, 12)) / 8
    path = tmp_path / f"d.{form[:3]}"
    if form == "npy":
        np.save(path, x)
    elif form == "npz":
        np.savez(path, x_test=x, y_test=np.zeros(30))
    else:
        table = np.column_stack([x, np.arange(30) % 4]) if "labels" in form else x
        np.savetxt(path, table, delimiter=",")
    status, out, _ = call(capsys, FILES / "mlp_objects.h5", "--data", path, *QUICK, "--json")
    told = json.loads(out)
    assert status == 0 and told["sources"]["data"]["samples"] == 30
    assert any(note.startswith("input type fixed<5,2,RND_CONV,SAT>") for note in told["notes"])


def test_8_bit_images_are_pixels(capsys, tmp_path):
    np.save(tmp_path / "d.npy", np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8))
    status, out, _ = call(capsys, FILES / "cnn.h5", "--data", tmp_path / "d.npy", *QUICK, "--json")
    assert status == 0 and "data: 20 samples of d.npy, 8-bit values divided by 256" in json.loads(out)["notes"]


def test_without_g_plus_plus_the_others_run(capsys, monkeypatch, network, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, _ = call(capsys, network, "--samples", "20")
    assert status == 0 and "hls4ml's C simulation was left out: there is no g++" in out and "exact: integer agree" in out
    status, _, err = call(capsys, network, "--samples", "20", "--against", "integer,hls")
    assert status == 2 and "g++" in err and "Traceback" not in err


@pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")
@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_every_layer_of_the_c_simulation(capsys, io):
    status, out, _ = call(
        capsys,
        FILES / "mlp_pruned.h5",
        "--data",
        FILES / "mlp_pruned.h5.npz",
        "--samples",
        "40",
        "--hls-samples",
        "25",
        "--io",
        io,
        "--json",
    )
    told = json.loads(out)
    assert status == 0 and told["executors"] == ["integer", "keras", "hls"]
    assert told["sources"]["data"]["executors"]["hls"] == {"samples": 25, "traced": 25, "differing_bits": 0}
    assert told["layers_compared"]["hls"] == ["fc1", "relu1", "fc2"]
    assert f"hls: Vitis, io_{io}, the first 25 samples of each source (it is slow)" in told["notes"]


WRONG = {
    "no file": (["none.h5"], "there is no model file 'none.h5'"),
    "no network": (["none.npz"], "there is no integer network 'none.npz'"),
    "keras of a network": (["NETWORK", "--against", "keras"], "has no Keras model"),
    "type of a network": (["NETWORK", "--input-type", "fixed<8,2>"], "has one already"),
    "bad type": (["MODEL", "--input-type", "fixed8"], "'fixed8' is not a fixed-point type"),
    "wide type": (["MODEL", "--input-type", "fixed<30,2>"], "at most 24 bits"),
    "unknown data": (["MODEL", "--data", "fashion_minst"], "there is no data source 'fashion_minst'"),
    "no data file": (["MODEL", "--data", "d.npy"], "there is no file d.npy"),
    "other size": (["MODEL", "--data", str(FILES / "cnn.h5.npz")], "data of shape (64, 8, 8, 1)"),
    "text": (["MODEL", "--data", str(FILES / "README.md")], "there is no data source"),
    "executor": (["MODEL", "--against", "hlss"], "--against 'hlss'"),
    "samples": (["MODEL", "--samples", "0"], "--samples 0"),
    "hls samples": (["MODEL", "--hls-samples", "0"], "--hls-samples 0"),
    "float model": ([str(FILES / "mlp_softmax_inside.h5")], "layer 'fc2' (Dense) has float weights"),
    "Keras 3": ([str(FILES / "keras3.keras")], "was saved by Keras 3"),
    "not a run": (["FOLDER"], "holds no model"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gives_one_sentence_and_status_2(capsys, network, tmp_path, case):
    argv, message = WRONG[case]
    names = {"MODEL": str(FILES / "mlp_objects.h5"), "NETWORK": str(network), "FOLDER": str(tmp_path)}
    status, _, err = call(capsys, *[names.get(a, a) for a in argv])
    assert status == 2 and message in err and err.count("\n") == 1 and "Traceback" not in err
