"""What ``build()`` does and returns: the Verilog's own figures, cells by Yosys, place and route by nextpnr."""

from __future__ import annotations

from typing import Any

from ...errors import HardwareError
from ..bench.design import graph_design, stream_design
from ..bench.make import prepare
from ..rtl import TARGETS, RtlProject, StreamProject, choose, require_tools, synthesize
from ..rtl import place as place_and_route


def build_figures(
    project: RtlProject | StreamProject,
    clock_ns: float | None = None,
    *,
    synth: bool = True,
    target: str | None = None,
    place: bool = False,
    board: str | None = None,
    uart: bool = False,
    bitstream: bool = False,
    seed: int = 1,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Synthesize a project with Yosys, and place and route it with nextpnr.

    Args:
        project: Verilog.
        clock_ns: period that the router is asked for; None: that of the board's oscillator.
        synth: count the network's cells.
        target: device family of the synthesis (``fpgacompress.firmware.rtl.TARGETS``); None: the board's, or "xc7" without one.
        place: place and route it behind serial pins.
        board: name in ``fpgacompress.firmware.rtl.DEVICES``; None: the target's first one.
        uart: place it behind the board's USB-serial bridge, for ``fpgacompress board`` (streams always are).
        bitstream: also make the file that the board loads.
        seed: of the router.
        timeout: seconds for each of the two; None: as long as they take.

    Returns:
        Keys as in ``fpgacompress rtl --json``: ``io``, ``verilog``, ``sources``, ``top`` and what is known of the Verilog; ``synthesize`` and
        ``place`` with figures (value, unit, stage, provenance), None where not asked for.

    Raises:
        HardwareError: a board or target that cannot be had, or options that mean nothing together.
        ToolError: a tool is missing, failed or took too long.
    """
    if not place and (board is not None or bitstream or uart):
        raise HardwareError("a board, a bitstream or a UART without place and route", do="give place=True, too, or leave them out")
    if place:
        device = choose(board, target)[1]
        require_tools(device, bitstream)
        target = device.family.target
    told = described(project) | {"synthesize": None, "place": None}
    if synth:
        told["synthesize"] = synthesize(project, target or next(iter(TARGETS)), timeout=timeout).to_json()
    if place:
        design = stream_design(project) if isinstance(project, StreamProject) else graph_design(project)
        top = prepare(design, board, target=target) if uart or isinstance(project, StreamProject) else None
        options: dict[str, Any] = {"clock_ns": clock_ns, "bitstream": bitstream, "seed": seed, "timeout": timeout}
        told["place"] = place_and_route(project, board, target=target, uart=top, say=print, **options).to_json()
    return told


def described(project: RtlProject | StreamProject) -> dict[str, Any]:
    """What the generator tells of its Verilog."""
    stream = isinstance(project, StreamProject)
    told = {"io": "stream" if stream else "parallel", "verilog": str(project.folder / "src" / f"{project.name}.v"), "top": project.name}
    told |= {"sources": [str(path) for path in project.sources]}
    if isinstance(project, StreamProject):
        names = ("interval", "multipliers", "memory_bits")
        parts = (
            {"name": s.name, "what": s.what, "takes": s.source.what, "gives": s.result.what, "cycles": s.cycles} for s in project.stages
        )
        told["stages"] = list(parts)
    else:
        names = ("stages", "adders", "cells", "register_bits")
    return told | {name: getattr(project, name) for name in names}
