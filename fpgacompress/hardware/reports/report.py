"""What a report file says: where it comes from, its figures, and the instances it lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...figures import Figure

KINDS = ("csynth", "csim", "cosim", "utilization", "timing", "power")
"""Kinds of reports, in the order of the flow: C-synthesis, C simulation, RTL co-simulation, and Vivado's three."""


@dataclass(frozen=True)
class Module:
    """One instance inside a design.

    Attributes:
        name: the instance; the module's own name where a report tells modules only.
        module: the module it is made from.
        latency, latency_min: cycles, longest and shortest.
        ii: initiation interval in cycles, longest.
        lut, ff, dsp, bram18, uram: resources of the instance with everything inside it.
        depth: 1 for instances that stand directly in the top module; their resources may be added up. 2 and more stand inside others.
            None where no report tells.
    """

    name: str
    module: str
    latency: Figure
    latency_min: Figure
    ii: Figure
    lut: Figure
    ff: Figure
    dsp: Figure
    bram18: Figure
    uram: Figure
    depth: int | None = None


@dataclass(frozen=True)
class Report:
    """One report file.

    Attributes:
        kind: one of :data:`KINDS`.
        tool: "Vivado HLS", "Vitis HLS" or "Vivado"; "" where the file does not tell (simulations).
        version: release of the tool ("2020.1"); "" where the file does not tell.
        part: device as the report spells it (Vivado leaves out "xc" or hyphens now and then); "" where it does not tell.
        top: top module or design; of simulations, which do not tell, what stands before ``_cosim`` or ``_csim`` in the file's
            name; "" when it has another name.
        stage: stage of the figures (see :data:`fpgacompress.figures.STAGES`); None between synthesis and routing, or where it is not told.
        figures: by name. A kind always has the same names; what the file does not tell is unavailable. Resources: ``lut``, ``ff``,
            ``dsp``, ``uram``, ``bram18`` (blocks of 18 kbit; a 36 kbit block counts as two) and, of utilization reports, ``bram36``
            (tiles), with ``..._available`` for those of the device. Of C-synthesis and co-simulation ``latency_min_cycles``,
            ``latency_cycles`` (longest), ``ii_min``, ``ii`` (longest). ``clock_ns`` (asked for), ``clock_estimated_ns``,
            ``worst_slack_ns``, ``power_w`` and their companions as the module of the kind lists them.
        modules: instances, outermost first where the report tells.
        path: the file.
        passed: simulations: whether it passed; None where the file does not tell (and of other kinds).
        state: Vivado's "Design State" in its own words ("Synthesized", "Fully Placed", "Routed").
    """

    kind: str
    tool: str
    version: str
    part: str
    top: str
    stage: str | None
    figures: dict[str, Figure]
    modules: tuple[Module, ...]
    path: Path
    passed: bool | None = None
    state: str = ""
