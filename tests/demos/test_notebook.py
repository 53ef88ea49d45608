"""The walk-through notebook runs from top to bottom with small settings."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

DEMOS = Path(__file__).resolve().parents[2] / "demos"


def test_walkthrough_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("FPGACOMPRESS_QUICK", "1")
    monkeypatch.setenv("FPGACOMPRESS_DATA", str(DEMOS / "data"))
    notebook = nbformat.read(DEMOS / "walkthrough.ipynb", as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(o.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs)
    assert "0 bits differ between integer, keras, hls" in printed
    assert "quantized_bits(5,-" in printed
