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
