"""Results of one's own become rows of the table, and give the estimate that the network gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fpgacompress.cli.main import main
from fpgacompress.errors import HardwareError
from fpgacompress.figures import Figure, figures_to_json
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.calibrate import tables
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.factors import LayerPlan
from fpgacompress.hardware.own import row_of, row_of_run
from fpgacompress.hardware.table import design_rows, predict
from fpgacompress.integer import store

from .networks import cnn, mlp

VU13P = load_board("vu13p")
NETWORK = mlp((32, 16, 8), (10, 10), 0.4, x_bits=12)
PLAN = {"fc1": LayerPlan("Latency", 1), "fc2": LayerPlan("Latency", 1)}


def measured(provenance: str = "measured by Vitis HLS 2023.2") -> dict[str, dict[str, Figure]]:
    """Figures as a built project has them; made up."""
    figures = {"lut": 9000, "ff": 1200, "dsp": 4, "bram18": 0, "latency_min_cycles": 7, "latency_cycles": 7, "ii_min": 1, "ii": 1}
    return {"csynth": {name: Figure(value, name, stage="csynth", provenance=provenance) for name, value in figures.items()}}


def row(**changes):
    given = {"board": VU13P, "clock_ns": 5.0, "tool": "vitis_hls", "version": "2023.2"} | changes
    return row_of("mine/1", NETWORK, PLAN, given.pop("measured", measured()), **given)


def test_a_row_gives_what_the_network_gives():
    sample = design_rows([row()])[0]
    told = estimate(NETWORK, board=VU13P, plan=PLAN, clock_ns=5.0).total
    again = predict(sample)
    assert sample.truth["lut_csynth"] == 9000 and sample.group == "mine"
    assert told["dsp"].value > 0
    for column, name in (("dsp_csynth", "dsp"), ("latency_max", "latency_cycles"), ("ff_csynth", "ff"), ("bram18_csynth", "bram18")):
        assert again[column].value == told[name].value, column
    assert again["lut_csynth"].value == pytest.approx(told["lut"].value, rel=0.03)  # a row does not tell which activations round


def test_what_nothing_measured_is_refused():
    with pytest.raises(HardwareError, match="was not measured"):
        row(measured=measured("replayed by a stand-in"))
    with pytest.raises(HardwareError, match="nothing is measured"):
        row(measured={})
    with pytest.raises(HardwareError, match="conv"):
        row_of(
            "c",
            cnn(),
            {"conv": LayerPlan("Latency", 1), "out": LayerPlan("Latency", 1)},
            measured(),
            board=VU13P,
            clock_ns=5,
            tool="t",
            version="1",
        )


def test_a_built_run_goes_into_a_calibration(tmp_path, capsys):
    run, project = tmp_path / "run", tmp_path / "project"
    for folder in (run / "artifacts/hardware-1", run / "artifacts/estimate-1", project):
        folder.mkdir(parents=True)
    store.save(NETWORK, run / "artifacts/hardware-1/network.npz")
    (run / "artifacts/estimate-1/plan.json").write_text(json.dumps({n: [p.strategy, p.reuse] for n, p in PLAN.items()}))
    figures = {
        "artifacts": {"hardware": "artifacts/hardware-1", "estimate": "artifacts/estimate-1"},
        "firmware": {"project_dir": str(project)},
        "estimate": {"board": "vu13p", "clock_ns": 5.0, "io": "io_parallel"},
    }
    (run / "figures.json").write_text(json.dumps(figures))
    with pytest.raises(HardwareError, match="has not been built"):
        tables(Path(__file__).parents[2] / "fpgacompress/hardware/data", (run,))
    stages = {"csynth": {"tool": "Vitis HLS", "version": "2023.2", "figures": figures_to_json(measured()["csynth"])}}
    (project / "measured.json").write_text(json.dumps({"stages": stages}))
    assert main(["calibrate", "--add", str(run)]) == 0
    assert "own " in capsys.readouterr().out
    assert main(["calibrate", "--add", str(tmp_path)]) == 2
    (project / "made_by.json").write_text(json.dumps({"artifact": "firmware-other"}))
    (run / "figures.json").write_text(json.dumps(figures | {"artifacts": figures["artifacts"] | {"firmware": "artifacts/firmware-mine"}}))
    with pytest.raises(HardwareError, match="written anew by another run"):
        row_of_run(run)
    for change, reason in (
        ({"artifacts": {}}, "is not finished"),
        ({"estimate": figures["estimate"] | {"backend": "VivadoAccelerator"}}, "AXI"),
    ):
        (run / "figures.json").write_text(json.dumps(figures | change))
        with pytest.raises(HardwareError, match=reason):
            row_of_run(run)


def test_one_own_row_changes_nobodys_interval():
    from fpgacompress.hardware.calibrate import DATA
    from fpgacompress.hardware.learning import fit_head
    from fpgacompress.hardware.table import layer_rows

    designs, layers = tables(DATA)
    known = [s for s in design_rows(designs) + layer_rows(layers) if s.dense and len(s.layers) == 1 and not s.design.operations]
    known = [s for s in known if s.strategy == "Latency" and s.layers[0][0].n_weights <= 4096 and s.layers[0][0].nonzeros]
    before, after = (fit_head("latency_lut_csynth", known + more) for more in ([], [s for s in design_rows([row()]) if s.dense]))
    assert before["interval_from"] == after["interval_from"] == "families left out"
