import json
from pathlib import Path

import pytest
import yaml

from fpgacompress.cli.main import main
from fpgacompress.keras_stack import load_model, save_model
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops
from fpgacompress.pipeline.analysis import CALIBRATION
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import load_recipe
from fpgacompress.train.loop import shaped

ROOT = Path(__file__).resolve().parents[2]
DATA = ["--data", "fashion_mnist", "--data-dir", "demos/data"]
FEW = ["--bits", "6,3", "--samples", "300"]


@pytest.fixture(scope="module")
def model(trained_mlp, tmp_path_factory):
    return str(save_model(trained_mlp[0], tmp_path_factory.mktemp("float") / "model.h5"))


def told(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_sensitivity_of_a_float_file_as_table_json_and_picture(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    answer = told(capsys, "sensitivity", model, *DATA, *FEW, "--sparsity", "0.5", "--out", str(tmp_path))
    rows = answer["measured"]["rows"]
    assert {r["kind"] for r in rows} == {"kernel", "activation", "input"} and sum("sparsity" in r for r in rows) == 3
    assert answer["fisher"]["rows"] and -1 <= answer["agreement"]["loss"]["spearman"] <= 1
    assert json.loads((tmp_path / "sensitivity.json").read_text())["measured"] == answer["measured"]
    assert "hidden1 kernel" in (tmp_path / "sensitivity.txt").read_text()
    assert (tmp_path / "sensitivity.png").read_bytes()[:4] == (tmp_path / "fisher.png").read_bytes()[:4] == b"\x89PNG"


def test_an_allocation_is_a_recipe_section_whose_student_costs_what_was_promised(model, fashion, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    out = tmp_path / "bits.yaml"
    answer = told(capsys, "allocate", model, *DATA, *FEW, "--budget", "ebops=120000", "--out", str(out))
    assert answer["cost"] <= 120_000
    fragment = yaml.safe_load(out.read_text())
    recipe = load_recipe({"name": "budget", "data": {"source": "fashion_mnist"}, **fragment})
    float_model = load_model(model)
    from fpgacompress.data import load

    data = load("fashion_mnist", data_dir="demos/data")
    samples = shaped(float_model, data.preprocessing.apply(data.train.x[:CALIBRATION]))
    network = lower(quantized_student(float_model, recipe.quantize, samples), data.preprocessing.input_type)
    assert ebops(network).value == answer["cost"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--budget", "ebops=10"], "expected: at least"),
        (["--budget", "luts=10"], "one of ebops, bops, bits, lut"),
        (["--budget", "ebops=many"], "a number above 0"),
        (["--budget", "ebops=100000", "--bits", "8,one"], "numbers with commas"),
    ],
)
def test_wrong_budgets_and_widths_end_with_status_2_and_say_what_is_right(model, arguments, complaint, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["allocate", model, *DATA, "--bits", "3", "--samples", "100", *arguments]) == 2
    assert complaint.lower() in capsys.readouterr().err.lower()


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert main(["sensitivity", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
