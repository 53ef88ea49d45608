"""Any simulator of a project, one input and one output per clock cycle: an executor of ``verify`` that also measures latency and throughput."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...errors import ToolError
from ...figures import Figure, figures_to_json, unavailable
from ...integer.emulate import Emulator
from ...integer.vectors import random_inputs
from . import ports
from .project import RtlProject

STAGE = "simulated"
PROBES = 32
"""Random inputs whose results tell latency and throughput."""
SPARE, SLOWEST = 8, 4
"""Cycles beyond the promised ones in which a result is looked for, and most cycles between two inputs that are tried."""


@dataclass(frozen=True)
class Design:
    """What a simulator runs: a module with the ports of a project's top module.

    Attributes:
        sources: Verilog files; those that they include are beside them.
        top: name of the module; its ports are ``model_inp``, ``model_out`` and, where there are registers, ``clk``.
        inputs, outputs: bits of the ports.
        clocked: it has registers.
        log: file that gets what the tools say.
        ours: written by us, so that a tool's warning is an error.
    """

    sources: tuple[Path, ...]
    top: str
    inputs: int
    outputs: int
    clocked: bool
    log: Path
    ours: bool = True

    @classmethod
    def of(cls, project: RtlProject, log: str) -> Design:
        """The Verilog of a project; ``log`` is a file's name in its folder ``sim``."""
        folder = project.folder / "sim"
        folder.mkdir(exist_ok=True)
        bits = ports.width(project.inputs), ports.width(project.outputs)
        return cls(tuple(project.sources), project.name, *bits, project.stages > 0, folder / log)


class Simulator(Protocol):
    """Runs a :class:`Design` from power-up on.

    Called with rows of ``model_inp``, uint32 ``(n, words)``, one for each rising edge of the clock, it gives the rows of ``model_out`` after each
    edge, uint32 ``(n, words)``, and bool ``(n,)``: every bit of the row is defined. Without registers: the results of the inputs.
    """

    name: str

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Timing:
    """Clock cycles, as a simulation shows them.

    Attributes:
        latency: from the clock edge that takes an input to the one that puts out its result.
        interval: between two inputs, the fewest with which every result is right (the initiation interval).
        promised: the latency that the project promises; its interval is always 1.
    """

    latency: Figure
    interval: Figure
    promised: int

    @property
    def kept(self) -> bool | None:
        """Both are as promised; None where there is no clock."""
        return (self.latency.value, self.interval.value) == (self.promised, 1) if self.promised else None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        return figures_to_json(vars(self) | {"kept": self.kept})


class CycleExecutor:
    """A simulator as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Each sample enters in a cycle of its own; its result is read ``project.stages`` cycles later.

    Args:
        project: what is simulated.
        simulate: the simulator.
    """

    def __init__(self, project: RtlProject, simulate: Simulator) -> None:
        self.project, self.simulate = project, simulate

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Stored integers of the input ``(n, ...)`` to stored integers of the output ``(n, ...)``, int64.

        Raises:
            ToolError: the simulator failed, or has undefined bits in a result.
        """
        project, late = self.project, self.project.stages
        rows = self._rows(stored)
        results, known = (part[late:] for part in self.simulate(np.concatenate([rows, np.repeat(rows[-1:], late, axis=0)])))
        if not known.all():
            raise ToolError(f"{self.simulate.name}: {np.count_nonzero(~known):,} of {len(known):,} results have undefined bits (x)")
        out = project.network.output
        return ports.unpack(project.outputs, results, out.out.fraction).reshape(-1, *out.shape)

    def _rows(self, stored: np.ndarray) -> np.ndarray:
        flat = np.asarray(stored, np.int64).reshape(len(stored), len(self.project.inputs))
        return ports.pack(self.project.inputs, flat, self.project.network.input.out.fraction)

    def timing(self, seed: int = 0) -> Timing:
        """Measure latency and throughput: the fewest cycles between two inputs, and from each of them to its result, with which all are right.

        Args:
            seed: of the random inputs.
        """
        project, promised = self.project, self.project.stages
        if not promised:
            none = unavailable("there are no registers and no clock", "cycles")
            return Timing(none, none, 0)
        stored = random_inputs(project.network, PROBES, seed)
        results = Emulator(project.network).run(stored).reshape(PROBES, -1)
        due = ports.pack(project.outputs, results, project.network.output.out.fraction)
        inputs, latest = self._rows(stored), promised + SPARE
        reason = f"no result within {latest} cycles equals the network's"
        for interval in range(1, SLOWEST + 1):
            given = np.repeat(inputs, interval, axis=0)
            rows, known = self.simulate(np.concatenate([given, np.repeat(given[-1:], latest, axis=0)]))
            taken = [slice(late, late + (PROBES - 1) * interval + 1, interval) for late in range(latest + 1)]
            right = [late for late, part in enumerate(taken) if known[part].all() and np.array_equal(rows[part], due)]
            if len(right) > interval:
                reason = f"the results of {PROBES} random inputs differ too little to tell when they come"
                break
            if right:
                origin = f"{self.simulate.name}, {PROBES} random inputs"
                return Timing(*(Figure(n, "cycles", stage=STAGE, provenance=origin) for n in (right[0], interval)), promised)
        none = unavailable(reason, "cycles")
        return Timing(none, none, promised)
