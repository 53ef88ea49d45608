"""How much a network's logic moves: bits that change from one inference to the next, counted in a simulation of its netlist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DataError, ToolError
from ...figures import Figure, figures_to_json
from . import ports
from .cycles import STAGE
from .icarus import Icarus
from .netlist import Netlist, design
from .synthesis import TARGETS

UNIT = "toggles per inference"
GROUPS = ("inputs", "registers", "carry", "logic")


@dataclass(frozen=True)
class Switching:
    """Switching activity of a netlist, an index to compare networks by; not power.

    Each net that something reads counts once for each time that it holds another value at the end of a clock cycle than at the end of the one before, while the inputs
    follow each other cycle by cycle. That is what dynamic power is proportional to, but the index is not in watts and cannot be turned into
    watts: it knows neither the capacitance of a net nor the voltage, leaves out the clock, everything that stands still (leakage), and the
    glitches inside of a cycle, and the nets are those before placement. Comparable are netlists of one target from one version of Yosys, each
    on inputs that it would really see.

    Attributes:
        total: toggles of all nets per inference.
        inputs, registers, carry, logic: those of the input port, of outputs of flip-flops, of carry cells, and of all other cells.
        nets: that are counted.
        inferences: successions of two inputs that the averages are over.
        toggles: per net, by its name in the netlist, over all inferences.
    """

    total: Figure
    inputs: Figure
    registers: Figure
    carry: Figure
    logic: Figure
    nets: int
    inferences: int
    toggles: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``; without the single nets."""
        return figures_to_json({name: value for name, value in vars(self).items() if name != "toggles"})


def switching(net: Netlist, stored: np.ndarray) -> Switching:
    """Count the toggles of a netlist, with Icarus Verilog.

    Args:
        net: from :func:`fpgacompress.firmware.rtl.netlist.netlist`.
        stored: inputs in the order in which they come, stored integers ``(n, ...)`` of the network's input type; some hundred of real data.
            Without registers each takes seconds.

    Raises:
        DataError: fewer than two inputs.
        ToolError: Icarus Verilog or the models of the cells are missing, it failed, or a net is undefined.
    """
    if len(stored) < 2:
        raise DataError(f"{len(stored)} inputs", expected="at least 2, since what changes between them is counted")
    groups = _nets(net)
    names = list(groups)
    project, late = net.project, net.project.stages
    flat = np.asarray(stored, np.int64).reshape(len(stored), len(project.inputs))
    rows = ports.pack(project.inputs, flat, project.network.input.out.fraction)
    # the first input fills the pipeline, the last one runs through it: so every succession is counted as a whole
    given = np.concatenate([np.repeat(rows[:1], late, axis=0), rows, np.repeat(rows[-1:], late, axis=0)])
    found, known = (part[late:] for part in Icarus(design(net), [f"\\{name} {index}" for name, index in names])(given))
    if not known.all():
        raise ToolError(f"nets of {project.name} are undefined (x) in {np.count_nonzero(~known):,} of {len(known):,} cycles")
    changed = np.ascontiguousarray((found[1:] ^ found[:-1]).astype("<u4")).view(np.uint8)
    counts = np.unpackbits(changed, axis=1, count=len(names), bitorder="little").sum(axis=0, dtype=np.int64)
    times = len(stored) - 1
    origin = f"{Icarus.name}, {net.synthesis.version}, {net.synthesis.target}: {times:,} successions of two inputs"
    kinds = np.array([groups[name] for name in names])

    def figure(count: int) -> Figure:
        return Figure(count / times, UNIT, stage=STAGE, provenance=origin)

    per_group = {kind: figure(int(counts[kinds == kind].sum())) for kind in GROUPS}
    toggles = {name + index: int(n) for (name, index), n in zip(names, counts)}
    return Switching(figure(int(counts.sum())), **per_group, nets=len(names), inferences=times, toggles=toggles)


def _nets(net: Netlist) -> dict[tuple[str, str], str]:
    """Group of each net that something drives and something reads, the clock's excepted, by (name, ``"[bit]"`` or ``""``)."""
    kind = TARGETS[net.synthesis.target]
    module = json.loads(net.cells.read_text("utf-8"))["modules"][net.project.name]
    groups = {bit: "inputs" for bit in module["ports"]["model_inp"]["bits"]}
    clock, read = set(module["ports"].get("clk", {"bits": ()})["bits"]), set(module["ports"]["model_out"]["bits"])
    for cell in module["cells"].values():
        taken, given = (_bits(cell, way) for way in ("input", "output"))
        read.update(taken)
        if taken and clock.issuperset(taken):  # a buffer of the clock
            clock.update(given)
            continue
        name = cell["type"]
        group = "registers" if name.startswith(kind.registers) else "carry" if name in kind.carries else "logic"
        groups.update({bit: group for bit in given})
    names: dict[int, tuple[str, str]] = {}
    for name, entry in module["netnames"].items():
        for index, bit in enumerate(entry["bits"]):
            names.setdefault(bit, (name, f"[{index}]" if len(entry["bits"]) > 1 else ""))
    return {names[bit]: group for bit, group in groups.items() if bit in read and bit not in clock}


def _bits(cell: Mapping[str, Any], way: str) -> list[int]:
    return [bit for port, bits in cell["connections"].items() if cell["port_directions"][port] == way for bit in bits]
