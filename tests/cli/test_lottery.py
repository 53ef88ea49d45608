"""``fpgacompress lottery``: tickets are the dense start without what was pruned, controls have the same masks, and nothing is trained twice."""

import json
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.cli.main import main
from fpgacompress.keras_stack import load_model
from fpgacompress.pipeline import compress
from fpgacompress.prune import kernels_of, read_masks
from fpgacompress.quantize.build import quantized_kernel

RECIPE = """
name: tickets
data: {source: fashion_mnist, limit: 1200}
student: {options: {hidden: [24]}}
prune: {layers: {logits: 0}}
train: {pretrain_epochs: 3, epochs: 2, batch_size: 32, tensorboard: false}
compare: []
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lottery")
    (folder / "tickets.yaml").write_text(RECIPE)
    command = [
        "lottery",
        str(folder / "tickets.yaml"),
        "--rounds",
        "2",
        "--share",
        "0.6",
        "--rewind",
        "1",
        "--run-dir",
        str(folder / "run"),
    ]
    assert main([*command, "--tolerance", "50"]) == 0
    return folder, command


def test_tickets_are_the_dense_start_without_what_was_pruned(drawn, capsys):
    folder, command = drawn
    told = json.loads((folder / "run" / "lottery" / "lottery.json").read_text())
    assert [round(r["left"], 2) for r in told["rounds"]] == [0.41, 0.17] and told["winner"]["round"] == 2
    dense, out = Path(told["dense"]["artifacts"]["1"]), folder / "run" / "lottery"
    masks = read_masks(out / "masks.npz")
    assert set(masks) == {"hidden1"} and np.mean(masks["hidden1"]) == pytest.approx(0.16, abs=1e-3)
    early, start, ticket = (load_model(p) for p in (dense / "start.h5", out / "start.h5", out / "ticket.h5"))
    kernel = early.get_layer("hidden1").kernel.numpy()
    assert np.array_equal(start.get_layer("hidden1").kernel, kernel * masks["hidden1"])
    assert not np.any(ticket.get_layer("hidden1").kernel.numpy()[~masks["hidden1"]])
    assert not np.array_equal(kernel, load_model(dense / "model.h5").get_layer("hidden1").kernel)
    first = read_masks(next((folder / "run" / "artifacts").glob("ticket1-*/masks.npz")))["hidden1"]
    assert np.all(first[masks["hidden1"]]), "what is gone stays gone"
    largest = np.abs(load_model(next((folder / "run" / "artifacts").glob("ticket1-*/model.h5"))).get_layer("hidden1").kernel.numpy())
    assert largest[masks["hidden1"]].min() >= largest[first & ~masks["hidden1"]].max()
    control = load_model(next((folder / "run" / "artifacts").glob("control2-*/model.h5"))).get_layer("hidden1").kernel.numpy()
    assert np.array_equal(control != 0, masks["hidden1"]) and not np.array_equal(control, ticket.get_layer("hidden1").kernel)
    assert main([*command, "--json"]) == 0
    printed, lines = capsys.readouterr()
    assert json.loads(printed)["winner"] is None or lines.count("reused") == 5
    assert "epoch" not in lines, "nothing is trained twice"


def test_a_ticket_is_trained_on_quantized_with_its_zeros(drawn, tmp_path):
    out = drawn[0] / "run" / "lottery"
    recipe = {
        "name": "quantized-ticket",
        "data": {"source": "fashion_mnist", "limit": 600},
        "teacher": {"model": "mlp", "options": {"hidden": [16]}, "epochs": 1},
        "student": {"file": str(out / "ticket.h5")},
        "prune": {"method": "fixed"},
        "train": {"pretrain_epochs": 0, "epochs": 2, "batch_size": 32, "tensorboard": False},
        "compare": [],
    }
    job = compress(recipe, run_dir=tmp_path / "run", projects=tmp_path / "projects", until="train", message=lambda text: None)
    student = load_model(job.artifacts["student"] / "model.h5")
    masks = read_masks(job.artifacts["student"] / "masks.npz")
    assert np.array_equal(masks["hidden1"], read_masks(out / "masks.npz")["hidden1"]) and set(masks) == set(kernels_of(student))
    assert not np.any(quantized_kernel(student.get_layer("hidden1"))[~masks["hidden1"]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "1"], "--share 1. Expected: above 0 and below 1"),
        (["--rewind", "3"], "--rewind 3. Expected: at least 0 and below the 3 epochs"),
        (["--rounds", "0"], "--rounds 0"),
        (["--seeds", "1,-2"], "--seeds (1, -2). Expected: whole numbers of at least 0"),
        (["--set", "prune.allocation=erk"], "prune.allocation: erk with 'magnitude'. Expected: uniform or global"),
        (["--set", "student.file=some.h5"], "student.file: 'some.h5', whose weights cannot be drawn anew"),
        (["--set", "prune.layers={hiden: 0}"], "no layer matches 'hiden'"),
    ],
)
def test_plans_that_make_no_sense(drawn, arguments, message, capsys):
    assert main([*drawn[1][:2], *arguments, "--run-dir", str(drawn[0] / "other")]) == 2
    assert message in capsys.readouterr().err
