"""A network's Verilog on disk."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import HardwareError
from ...integer import IntegerNetwork
from .circuit import circuit

LEVELS = 4
"""Levels of adders between two rows of registers, where nothing else is asked for."""


class Port(NamedTuple):
    """A value in a port of the Verilog: bits for its sign (0 or 1), above and below the binary point."""

    sign: int
    integer: int
    fraction: int

    @property
    def width(self) -> int:
        """All bits; the value is absent where there are none."""
        return self.sign + self.integer + self.fraction


@dataclass(frozen=True)
class RtlProject:
    """Verilog of one network.

    Attributes:
        folder: of the project; the Verilog is in ``src``, with ``<name>.v`` at the top.
        name: of the top module. Its ports are ``model_inp`` and ``model_out``, all inputs and all outputs side by side, the first one in the
            lowest bits, and ``clk`` where there are registers.
        inputs, outputs: of each value in the ports (sign, integer and fraction bits together are its width, which is 0 for an input that
            no weight reads and for a constant output); two's complement.
        network: what it computes.
        model: da4ml's model of it.
        stages: rows of registers: cycles from an input to its output. A new input can be given in each cycle. 0: no registers.
        cells: full-adder bits, by da4ml's count; not LUT.
        register_bits: flip-flops between the stages.
        adders: additions and subtractions.
    """

    folder: Path
    name: str
    network: IntegerNetwork
    model: Any
    inputs: list[Port]
    outputs: list[Port]
    stages: int
    cells: float
    register_bits: int
    adders: int

    @property
    def sources(self) -> list[Path]:
        """The Verilog files, the wrapper for simulation excepted."""
        return sorted(p for p in (self.folder / "src").rglob("*.v") if p.stem != f"{self.name}_wrapper")


def generate(network: IntegerNetwork, folder: str | Path, *, levels: int = LEVELS) -> RtlProject:
    """Write a network as pipelined Verilog.

    Args:
        network: dense layers, casts, clips and reshapes with exact sums.
        folder: of the project; must not exist, or hold an earlier one of this function.
        levels: levels of adders and multiplexers between two rows of registers; 0 for one block without registers.

    Raises:
        UnsupportedError: an operation that is no adder graph.
        HardwareError: ``folder`` holds something else, or ``levels`` is negative.
        ToolError: da4ml is not installed.
    """
    if levels < 0:
        raise HardwareError(f"{levels} levels between registers", expected="at least 1, or 0 for no registers")
    folder = Path(folder)
    if folder.exists() and not (folder / "metadata.json").is_file() and any(folder.iterdir()):
        raise HardwareError(f"the folder '{folder}' holds other files", expected="an empty folder, or one that this command has written")
    logic = circuit(network)
    from da4ml.codegen.rtl.rtl_model import RTLModel, get_io_kifs

    name = re.sub(r"\W", "_", network.name)
    name = name if name[:1].isalpha() else f"net_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = RTLModel(logic, name, folder, "verilog", latency_cutoff=levels or -1, print_latency=False)
    inputs, outputs = ([Port(*map(int, kind)) for kind in zip(*kinds)] for kinds in get_io_kifs(logic))
    ports = {"inputs": [p._asdict() for p in inputs], "outputs": [p._asdict() for p in outputs]}
    model.write({"network": network.name, "levels": levels, "ports": ports})
    for script in folder.glob("*.tcl"):  # of vendor tools, for a part that nobody named
        script.unlink()
    pipe = model._pipe
    return RtlProject(
        folder,
        name,
        network,
        model,
        inputs,
        outputs,
        stages=len(pipe.solutions) if pipe is not None else 0,
        cells=float(logic.cost),
        register_bits=int(pipe.reg_bits) if pipe is not None else 0,
        adders=sum(op.opcode in (0, 1) for op in logic.ops),
    )
