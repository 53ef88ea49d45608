"""Results of one's own as rows of the table that the estimator is calibrated on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HardwareError
from ..figures import Figure, figures_from_json
from ..integer import store
from ..integer.network import IntegerNetwork, Node
from ..integer.types import FixedType
from ..metrics.csd import csd_digits
from ..run import read_json
from .board import Board, load_board
from .factors import LayerPlan
from .facts import layer_facts
from .operations import WIRES

COLUMNS = {
    "csynth": {
        "lut": "lut_csynth",
        "ff": "ff_csynth",
        "dsp": "dsp_csynth",
        "bram18": "bram18_csynth",
        "latency_min_cycles": "latency_min",
        "latency_cycles": "latency_max",
        "ii_min": "ii_min",
        "ii": "ii_max",
    },
    "vsynth": {"lut": "lut_synth", "ff": "ff_synth", "dsp": "dsp_synth", "bram36": "bram36_synth"},
}
"""Stage of the vendor's flow, figure of its reports, column of the table."""


def row_of(
    name: str,
    network: IntegerNetwork,
    plan: Mapping[str, LayerPlan],
    measured: Mapping[str, Mapping[str, Figure]],
    *,
    board: Board,
    clock_ns: float,
    tool: str,
    version: str,
    io: str = "io_parallel",
    family: str = "own",
) -> dict[str, str]:
    """A row of the table: the layers' facts and what was measured.

    Args:
        name: of the design; one network built several times should keep one name before a "/", by which rows are kept together.
        measured: figures by stage ("csynth", "vsynth") and name, as ``measured.json`` of a built project has them.
        tool: "vivado_hls" or "vitis_hls".

    Raises:
        HardwareError: figures that nothing measured, or a network with layers that no row can describe.
    """
    truth = {}
    for stage, names in COLUMNS.items():
        for figure_name, column in names.items():
            figure = measured.get(stage, {}).get(figure_name)
            if figure is None or not figure.available:
                continue
            if not str(figure.provenance).startswith("measured"):
                raise HardwareError(
                    f"{stage} of '{name}' was not measured ({figure.provenance})", expected="figures of a vendor tool's own reports"
                )
            truth[column] = str(figure.value)
    if not truth:
        raise HardwareError(f"nothing is measured of '{name}'", do="build its project: fpgacompress build PROJECT")
    layers = [layer for node in network.nodes if node.op not in WIRES for layer in _layers(network, node, plan, io)]
    strategies = {p.strategy for p in plan.values()}
    return truth | {
        "design_id": name,
        "family": family,
        "group": name.split("/")[0],
        "tool": tool,
        "tool_version": version,
        "part": board.part,
        "fpga_family": board.family,
        "clock_ns": f"{clock_ns:g}",
        "io_type": io,
        "strategy": strategies.pop().lower() if len(strategies) == 1 else "",
        "mult_impl": "auto",
        "layers_json": json.dumps(layers, separators=(",", ":")),
    }


def _type(kind: FixedType) -> list[int]:
    return [kind.width, kind.width - kind.fraction, int(kind.signed)]


def _layers(network: IntegerNetwork, node: Node, plan: Mapping[str, LayerPlan], io: str) -> list[dict[str, Any]]:
    source = network.node(node.inputs[0]).out
    if node.kernel is None:
        if node.op != "quantize":
            raise HardwareError(
                f"layer '{node.name}' ({node.op})", expected="dense layers and activations, which the laws are calibrated on"
            )
        return [{"type": "relu", "n_in": int(np.prod(node.shape)), "x": _type(source), "y": _type(node.out)}]
    if node.op != "dense" or len(node.shape) != 1:
        raise HardwareError(f"layer '{node.name}' ({node.op})", expected="dense layers and activations, which the laws are calibrated on")
    facts, digits = layer_facts(network, node, io), csd_digits(np.asarray(node.kernel.values, np.int64))
    layer = {
        "type": "dense",
        "n_in": facts.n_in,
        "n_out": facts.n_out,
        "reuse_factor": plan[node.name].reuse,
        "strategy": plan[node.name].strategy.lower(),
        "x": _type(source),
        "w": _type(node.kernel.type),
        "acc": _type(node.out),
        "y": [facts.out_bits],
        "n_w": facts.n_weights,
        "nnz": facts.nonzeros,
        "npow2": int(np.sum(digits == 1)),
        "n_ge3csd": int(np.sum(digits >= 3)),
        "share3s": facts.products,
        "share2": facts.pairs,
        "wspan": facts.ebops // facts.x_bits,
        "maxspan": facts.span,
        "product_spans": [list(pair) for pair in facts.product_spans],
    }
    return [layer | ({"b": [1]} if facts.biases else {})]


def row_of_run(folder: Path) -> dict[str, str]:
    """The row of a finished run whose project was built (``fpgacompress build RUN_DIR``).

    Raises:
        HardwareError: not a run, not built, or not describable (:func:`row_of`).
    """
    if not (folder / "figures.json").is_file():
        raise HardwareError(
            f"'{folder}' is neither a table nor the folder of a finished run", expected="designs.csv, or a run that was built"
        )
    figures = figures_from_json(read_json(folder / "figures.json"))
    artifacts, estimate = figures.get("artifacts") or {}, figures.get("estimate") or {}
    missing = [name for name in ("hardware", "estimate") if name not in artifacts] or [
        n for n in ("board", "clock_ns", "io") if n not in estimate
    ]
    if missing:
        raise HardwareError(f"the run '{folder}' is not finished ({missing[0]} is missing)", do="run its recipe again")
    if estimate.get("backend") == "VivadoAccelerator":
        raise HardwareError(
            f"the run '{folder}' was built with an AXI interface, whose cells no row tells apart", expected="back end Vitis or Vivado"
        )
    project = Path((figures.get("firmware") or {}).get("project_dir") or folder / "none")
    if not (project / "measured.json").is_file():
        raise HardwareError(f"the project of '{folder}' has not been built", do=f"fpgacompress build {folder}")
    owner, mine = project / "made_by.json", artifacts.get("firmware")
    if mine and owner.is_file() and read_json(owner).get("artifact") != Path(mine).name:
        raise HardwareError(f"'{project}' was written anew by another run", do=f"run the recipe of '{folder}' again, and build it")
    told = figures_from_json(read_json(project / "measured.json"))
    stages = {name: stage for name, stage in (told.get("stages") or told).items() if isinstance(stage, dict)}
    first = next((s for s in stages.values() if s.get("version")), {})
    where = {name: folder / "artifacts" / Path(artifacts[name]).name for name in ("hardware", "estimate")}
    plan = {name: LayerPlan(*way) for name, way in read_json(where["estimate"] / "plan.json").items()}
    return row_of(
        folder.name,
        store.load(where["hardware"] / "network.npz"),
        plan,
        {name: stage.get("figures", {}) for name, stage in stages.items()},
        board=load_board(estimate["board"]),
        clock_ns=float(estimate["clock_ns"]),
        tool="vivado_hls" if "Vivado" in str(first.get("tool")) else "vitis_hls",
        version=str(first.get("version")),
        io=estimate["io"],
    )
