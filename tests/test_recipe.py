"""Recipes: round trip, overrides, and an error for every kind of mistake that names file, line, field and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import RecipeError
from fpgacompress.recipe import Recipe, load_recipe
from fpgacompress.recipe_text import example, field_rows, walk_fields

GOOD = "name: job\ndata:\n  source: fashion_mnist\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return path


def test_yaml_round_trip(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD + "quantize:\n  layers:\n    'hidden*': {kernel: 4}\n"))
    again = load_recipe(written(tmp_path, recipe.to_yaml()))
    assert again.to_dict() == recipe.to_dict()
    assert again.quantize.layers["hidden*"].kernel == 4


def test_bits_that_are_left_out_stay_open_for_the_preset():
    recipe = load_recipe({"name": "a", "data": {"source": "x"}, "quantize": {"default": {"kernel": 3}}}, overrides=["quantize.preset=int8"])
    assert recipe.quantize.default.kernel == 3
    assert recipe.quantize.default.activation is None


def test_overrides_win(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD), overrides=["train.epochs=3", "prune.layers={logits: 0.25}"])
    assert recipe.train.epochs == 3 and recipe.prune.layers == {"logits": 0.25}


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        (GOOD + "prune:\n  sparsty: 0.5\n", 5, ["prune.sparsty", "did you mean 'sparsity'?"]),
        (GOOD + "prune:\n  sparsity: 1.2\n", 5, ["prune.sparsity", "1.2", "less than 1"]),
        (GOOD + "prune:\n  layers: {hidden1: 1.0}\n", 5, ["prune.layers", "hidden1"]),
        (GOOD + "prune: {begin: 0.9}\n", 4, ["begin (0.9) must be before end"]),
        (GOOD + "quantize:\n  layers:\n    h*: {kernal: 3}\n", 6, ["quantize.layers.h*.kernal", "did you mean 'kernel'?"]),
        (GOOD + "quantize:\n  default: {kernel: tenary}\n", 5, ["quantize.default.kernel: found", "'ternary'?", "or a number"]),
        (GOOD + "quantize:\n  default: {kernel: 17}\n", 5, ["quantize.default.kernel: found 17", "less than or equal to 16"]),
        (GOOD + "quantize: {preset: int-8}\n", 4, ["quantize.preset", "did you mean 'int8'?"]),
        (GOOD + "quantize: {stages: [6, 8]}\n", 4, ["quantize.stages", "must fall"]),
        (GOOD + "quantize: {input_integer: 40}\n", 4, ["quantize.input_integer", "between -16 and 16"]),
        (
            GOOD + "quantize: {learned: {descent_sweeps: -1}}\n",
            4,
            ["quantize.learned.descent_sweeps: found -1", "greater than or equal to 0"],
        ),
        (GOOD + "quantize: {learned: {descent_sweeps: auo}}\n", 4, ["quantize.learned.descent_sweeps: found", "'auto'?"]),
        (GOOD + "  validation: 0\n", 4, ["data.validation", "greater than 0"]),
        (GOOD + "  classes: [1]\n", 4, ["data.classes", "at least 2 items"]),
        (GOOD + "  classes: [1, -9]\n", 4, ["data.classes.1", "-9", "greater than or equal to 0"]),
        (GOOD + "  classes: [1, sneaker]\n", 4, ["data.classes.1", "sneaker", "integer"]),
        (GOOD + "firmware: {io: io_paralel}\n", 4, ["firmware.io", "did you mean 'io_parallel'?"]),
        (GOOD + "train: {epochs: 2.5}\n", 4, ["train.epochs", "2.5", "integer"]),
        (GOOD + "seeds: [2, -1]\n", 4, ["seeds.1", "-1", "greater than or equal to 0"]),
        (GOOD + "compare: [qatt]\n", 4, ["compare.0", "did you mean 'qat'?"]),
        ("name: 1job\ndata: {source: x}\n", 1, ["name", "1job"]),
        ("data: [\n", 2, ["not valid YAML"]),
    ],
)
def test_wrong_recipe_names_line_and_field(tmp_path, text, line, parts):
    with pytest.raises(RecipeError) as caught:
        load_recipe(written(tmp_path, text))
    message = str(caught.value)
    assert f"r.yaml:{line}:" in message
    for part in parts:
        assert part in message


def test_missing_field_and_missing_file(tmp_path):
    with pytest.raises(RecipeError, match="data: this field is missing"):
        load_recipe(written(tmp_path, "name: job\n"))
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="expected|Expected"):
        load_recipe(written(tmp_path, "- 1\n"))
    with pytest.raises(RecipeError, match="field=value"):
        load_recipe(written(tmp_path, GOOD), overrides=["train.epochs"])


def test_later_errors_name_the_place(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD + "firmware:\n  board: pynk\n"))
    assert "r.yaml:5: firmware.board: " in str(recipe.error("firmware.board", "no such board"))


def test_every_field_is_documented_and_the_example_holds_them_all(tmp_path):
    assert all(meaning for _, meaning, _ in walk_fields())
    text = example("fashion_mnist")
    assert load_recipe(written(tmp_path, text)).to_dict() == Recipe(name="fashion_mnist", data={"source": "fashion_mnist"}).to_dict()
    for name, meaning, _ in field_rows():
        assert meaning in text, name


def test_classes_reach_the_data(tmp_path):
    from fpgacompress.pipeline.training import read_data

    recipe = load_recipe(written(tmp_path, GOOD + "  classes: [5, 7]\n  limit: 40\n"))
    data = read_data(recipe)
    assert data.classes == ("Sandal", "Sneaker") and data.train.counts(2) == [20, 20]
    assert read_data(load_recipe(recipe.to_dict())).sha256 == data.sha256


@given(
    st.one_of(st.integers(2, 16), st.sampled_from(["ternary", "binary"])),
    st.integers(-16, 16),
    st.floats(0, 0.99),
    st.floats(0.01, 50),
    st.floats(0, 1),
)
def test_any_legal_values_survive_yaml(bits, integer, sparsity, temperature, alpha):
    import yaml

    data = {
        "name": "p",
        "data": {"source": "x"},
        "quantize": {"layers": {"a*": {"kernel": bits, "kernel_integer": integer}}},
        "prune": {"sparsity": sparsity},
        "distill": {"temperature": temperature, "alpha": alpha},
    }
    recipe = load_recipe(data)
    assert load_recipe(yaml.safe_load(recipe.to_yaml())).to_dict() == recipe.to_dict()
