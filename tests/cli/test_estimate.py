"""``fpgacompress estimate`` on Keras files, networks and folders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fpgacompress.cli.main import main

FILES = Path(__file__).resolve().parents[2] / "tests" / "lower" / "strangers"


def test_a_keras_file_is_lowered_first(capsys):
    assert main(["estimate", str(FILES / "mlp_objects.keras"), "--board", "pynq-z2", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told["layers"]] == ["fc1", "fc2"] and told["total"]["lut"]["value"] > 0


def test_a_saved_network_needs_no_tensorflow(tmp_path):
    from fpgacompress.integer import store
    from tests.hardware.networks import mlp

    path = store.save(mlp((16, 8), (4,), 0.5), tmp_path / "n.npz")
    code = (
        "import sys; from fpgacompress.cli.main import main; "
        f"status = main(['estimate', {str(path)!r}, '--board', 'pynq-z2', '--json']); "
        "print('tensorflow' in sys.modules, 'matplotlib' in sys.modules, status, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "False False 0" and json.loads(done.stdout)["fits"] is True


@pytest.mark.parametrize(
    "arguments", [[], ["a.npz"], ["--board", "pynq-z2"], ["none.npz", "--board", "pynq-z2"], ["none.h5", "--board", "pynq-z2"]]
)
def test_what_is_missing_is_told(arguments, capsys):
    assert main(["estimate", *arguments]) == 2
    assert capsys.readouterr().err.startswith("fpgacompress estimate: ")


def test_the_runs_own_network_is_taken_not_the_newest(tmp_path):
    from fpgacompress.cli.estimate import find_network

    for name in ("hardware-mine", "hardware-newer"):
        (tmp_path / "artifacts" / name).mkdir(parents=True)
        (tmp_path / "artifacts" / name / "network.npz").write_bytes(b"")
    (tmp_path / "figures.json").write_text(json.dumps({"artifacts": {"hardware": "artifacts/hardware-mine"}}))
    assert find_network(tmp_path).parent.name == "hardware-mine"


def test_a_table_and_settings_of_a_model_do_not_go_together(capsys):
    for extra in (["--strategy", "latency"], ["--clock-ns", "4"], ["--io", "stream"], ["--board", "basys3"]):
        assert main(["estimate", "--table", "designs.csv", *extra]) == 2
        assert extra[0] in capsys.readouterr().err


def test_plan_and_budget_see_the_network_that_estimate_sees(tmp_path, capsys):
    """Neurons that no input can make matter are left out by all of them; a design that does not fit holds no budget."""
    from fpgacompress.integer import store
    from tests.hardware.networks import mlp

    path = str(store.save(mlp((784, 128, 64, 10), (6, 6, 6), 0.5), tmp_path / "n.npz"))
    sizes = []
    for command in ("estimate", "plan"):
        main([command, path, "--board", "basys3", "--json"])
        told = json.loads(capsys.readouterr().out)
        rows = told["layers"] if command == "estimate" else told["chosen"]["layers"]
        sizes.append([(row["n_in"], row["n_out"]) for row in rows])
    assert sizes[0] == sizes[1]
    assert main(["budget", path, "--board", "basys3", "--class", "hard"]) == 1
    assert "NO  does not fit" in capsys.readouterr().out
