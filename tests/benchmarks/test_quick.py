"""The quick form of every benchmark runs to its end; its figures are not results and are not written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(p.stem for p in (ROOT / "benchmarks").glob("*.py") if "__main__" in p.read_text())

ELSEWHERE = {
    "ablation",
    "demo",
    "training",
    "emulation",
    "exactness",
    "quantization",
    "allocation",
    "lottery",
    "pruning",
    "pruning_lenet",
    "pruning_structured",
}
"""These run what tests of the pipeline, of training, of the firmware, of post-training quantization, of allocation and of pruning run, too."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in ELSEWHERE else n for n in NAMES])
def test_quick_form(name, tmp_path):
    before = {p.name: p.read_bytes() for p in (ROOT / "benchmarks" / "results").glob("*.json")}
    env = {**os.environ, "QUICK": "1", "PYTHONPATH": str(ROOT), "FPGACOMPRESS_DATA": str(ROOT / "demos" / "data")}
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "reached: " in done.stdout and "nothing written" in done.stderr
    assert {p.name: p.read_bytes() for p in (ROOT / "benchmarks" / "results").glob("*.json")} == before


@pytest.mark.parametrize("name", [n for n in NAMES if (ROOT / "benchmarks" / "results" / f"{n}.json").is_file()])
def test_results_are_whole(name):
    import json

    told = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    assert {"date", "machine", "versions", "seeds", "command", "rows", "goals"} <= set(told)
    assert f"{told['command'].removeprefix('make ')}:" in (ROOT / "Makefile").read_text()
    for goal in told["goals"]:
        assert {"goal", "target", "reached", "unit", "holds"} <= set(goal)
