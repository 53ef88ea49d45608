"""What a generated project holds besides hls4ml's files: test bench vectors, the preprocessing, the network, a README."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..integer import store
from ..integer.emulate import Emulator
from ..integer.network import IntegerNetwork

BUILD_COMMANDS = {
    "Vitis": "vitis-run --mode hls --tcl build_prj.tcl      (Vitis 2023.2 or newer; older: vitis_hls -f build_prj.tcl)",
    "Vivado": 'vivado_hls -f build_prj.tcl "reset=1 csim=1 synth=1 cosim=0 validation=0 export=0 vsynth=0 fifo_opt=0"',
    "VivadoAccelerator": 'vivado_hls -f build_prj.tcl "reset=1 csim=1 synth=1 cosim=0 validation=0 export=1 vsynth=0 fifo_opt=0"'
    " && vivado -mode batch -source design.tcl",
}
"""How to synthesize a project by hand, per back end."""


def _decimals(values: np.ndarray) -> str:
    return " ".join(repr(float(v)).removesuffix(".0") for v in values)


def write_vectors(project_dir: Path, network: IntegerNetwork, stored: np.ndarray) -> None:
    """Test bench inputs and the outputs the emulation expects, as hls4ml's test bench reads them: one sample a line, real values.

    Args:
        project_dir: the project.
        network: what computes the expectations.
        stored: stored integers of the input type, (n, *input shape).
    """
    folder = project_dir / "tb_data"
    folder.mkdir(exist_ok=True)
    expected = Emulator(network).run(stored)
    pairs = (
        ("tb_input_features.dat", network.input.out.to_float(stored)),
        ("tb_output_predictions.dat", network.output.out.to_float(expected)),
    )
    for name, values in pairs:
        rows = values.reshape(len(values), -1) if len(values) else values.reshape(0, 1)
        (folder / name).write_text("".join(_decimals(row) + "\n" for row in rows))


def write_extras(project_dir: Path, network: IntegerNetwork, preprocessing: Mapping[str, Any] | Path | None, readme: str) -> None:
    """The integer network, the preprocessing and the README of a project."""
    store.save(network, project_dir / "network.npz")
    if isinstance(preprocessing, Path):
        shutil.copy(preprocessing, project_dir / "preprocessing.json")
    elif preprocessing is not None:
        (project_dir / "preprocessing.json").write_text(json.dumps(dict(preprocessing), indent=2) + "\n")
    (project_dir / "README.md").write_text(readme)


def readme(network: IntegerNetwork, name: str, plan: Mapping[str, tuple[str, int]], settings: Mapping[str, Any], vectors: int) -> str:
    """Text of the project's README: what it is, which types, how to build it."""
    rows = []
    for node in network.nodes:
        strategy, reuse = plan.get(node.name, ("latency", 1)) if node.kernel is not None else ("", "")
        kernel = "" if node.kernel is None else f"{node.kernel.type}, {node.kernel.nonzeros} of {node.kernel.values.size} not zero"
        shape = "x".join(map(str, node.shape))
        rows.append(f"| {node.name} | {node.op} | {shape} | {kernel} | {node.out} | {strategy} | {reuse} |")
    table = "\n".join(rows)
    told = "\n".join(f"- {key}: {value}" for key, value in settings.items())
    return f"""# {name}

hls4ml project of the network `{network.name}`, written by fpgacompress. Its C simulation equals the quantized student in every output bit:
each accumulator is the smallest type that no input can overflow, each activation is a cast with the student's rounding and saturation.

{told}
- network hash: `{store.network_hash(network)}` (`network.npz` holds the integers themselves)

| layer | operation | shape | weights | result type | strategy | reuse factor |
|---|---|---|---|---|---|---|
{table}

## Build

In this folder, on a machine with the tools:

    {BUILD_COMMANDS[str(settings["back end"])]}

`build_opt.tcl` (Vitis) or the quoted options choose the steps. `tb_data/` holds {vectors} test vectors with the outputs the integer
emulation computed: `tb_input_features.dat` one sample a line (real values, exact in the input type), `tb_output_predictions.dat` the expected logits.
The C simulation alone needs only g++: `./build_lib.sh`.

`firmware/nnet_utils/nnet_fc_*.h` are the operations that hls4ml lacks or rounds otherwise; nothing else of fpgacompress is needed to build.

`preprocessing.json`, when there, says how raw data become inputs; apply exactly this before the network, on the board as well.
"""
