"""What hls4ml makes of an integer network on a board: resources, latency and initiation interval, each with an interval and its
provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from ..figures import Figure, figures_to_json, unavailable
from ..integer.network import IntegerNetwork
from .area import LARGEST_ROM, outside
from .board import RESOURCES, Board
from .calibration import ZERO
from .design import NO_STREAM, Design, network_design
from .factors import UNROLLED
from .facts import UNROLL_LIMIT, LayerFacts
from .layer import layer_area, layer_counts
from .operations import operation_area, operation_counts
from .reuse import LayerPlan, check_plan, io_type
from .reuse import plan as make_plan
from .setting import Setting
from .streamed import AT_LEAST, at_least, fifo_area, stream_counts, stream_rows
from .timing import timing
from .verdict import RULE, UNITS, judge, share

LAWS = 6
"""Counts up when laws change, so that finished runs are estimated anew (a calibration of its own is in their keys)."""

STAGES_OF = {kind: (("csynth", kind), ("post-synth", f"{kind}_post_synth")) for kind in ("lut", "ff")}
"""Stage and name in ``total`` of each LUT and FF figure."""


@dataclass(frozen=True)
class Told:
    """Figures of one design.

    Attributes:
        total: figures by name: lut, ff, lut_post_synth, ff_post_synth, dsp, bram18, latency_cycles, latency_min_cycles, latency_us, ii.
        layers: one dictionary per weighted layer.
        activations: LUT and FF of all layers without weights together.
        streams: one dictionary per FIFO and line buffer of io_stream (:func:`.streamed.stream_rows`).
        at_least: lower bounds of LUT and FF by name, where ``total`` has no figure of them in io_stream.
    """

    total: dict[str, Figure]
    layers: list[dict[str, Any]]
    activations: dict[str, Figure]
    streams: list[dict[str, Any]] = field(default_factory=list)
    at_least: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """Estimate of one network on one board.

    Attributes:
        board: the board.
        clock_ns: target clock period, ns.
        io: "io_parallel" or "io_stream".
        backend: hls4ml back end.
        plan: strategy and reuse factor by layer.
        total, layers, activations, streams, at_least: see :class:`Told`.
        fits, fits_reason: verdict by :data:`RULE` (None: cannot be judged), and what decided it.
        notes: what a reader must know before using the numbers.
    """

    board: Board
    clock_ns: float
    io: str
    backend: str
    plan: dict[str, LayerPlan]
    total: dict[str, Figure]
    layers: list[dict[str, Any]]
    activations: dict[str, Figure]
    fits: bool | None
    fits_reason: str
    notes: list[str] = field(default_factory=list)
    streams: list[dict[str, Any]] = field(default_factory=list)
    at_least: dict[str, Figure] = field(default_factory=dict)

    @property
    def strategy(self) -> str:
        """ "Latency", "Resource", "Resource_Unrolled", or "mixed"."""
        names = {p.strategy for p in self.plan.values()}
        return names.pop() if len(names) == 1 else "mixed"

    @property
    def utilisation(self) -> dict[str, Figure]:
        """Share of the board's capacity per figure (unit "fraction"), by the names of ``total``."""
        shares = {}
        for name in ("lut", "ff", "dsp", "bram18", "lut_post_synth", "ff_post_synth"):
            shares[name] = share(self.total[name], self.board.capacity(name.split("_")[0]))
        return shares

    def to_json(self) -> dict[str, Any]:
        """The stable form that ``fpgacompress estimate --json`` prints."""
        return figures_to_json(
            {
                "board": self.board.key or self.board.name,
                "part": self.board.part,
                "strategy": self.strategy,
                "clock_ns": self.clock_ns,
                "io": self.io,
                "backend": self.backend,
                "capacity": {r: Figure(self.board.capacity(r), UNITS[r], provenance=self.board.source) for r in RESOURCES},
                "total": self.total,
                "utilisation": self.utilisation,
                "layers": self.layers,
                "activations": self.activations,
                "streams": self.streams,
                "at_least": self.at_least,
                "fits": self.fits,
                "fits_reason": self.fits_reason,
                "fits_rule": RULE,
                "notes": self.notes,
            }
        )


def estimate(
    network: IntegerNetwork,
    *,
    board: Board,
    plan: dict[str, LayerPlan] | None = None,
    clock_ns: float | None = None,
    io: str = "io_parallel",
    backend: str = "Vitis",
) -> Estimate:
    """Estimate a network from its real integer weights.

    Args:
        plan: strategy and reuse factor per layer, checked for legality; automatic when left out.
        clock_ns: target period; the board's usual one when left out.

    Raises:
        HardwareError: an illegal plan.
    """
    io = io_type(io)
    plan = plan if plan is not None else make_plan(network, board=board, clock_ns=clock_ns, io=io, backend=backend)
    check_plan(network, plan, io)
    setting = Setting.of(board, clock_ns, backend)
    design = network_design(network, io)
    told = estimate_design(design, plan, setting)
    fits, reason = judge(told.total, board)
    wide = [n for n in network.nodes if math.prod(n.shape) > UNROLL_LIMIT] if io == "io_parallel" else []
    if wide:
        fits, reason = (
            False,
            (
                f"'{wide[0].name}' has {math.prod(wide[0].shape)} elements; io_parallel partitions every array and HLS stops at "
                f"{UNROLL_LIMIT}: take io_stream"
            ),
        )
    notes = _notes(design, plan, setting) + _stream_notes(told)
    return Estimate(
        board,
        setting.clock_ns,
        io,
        backend,
        plan,
        told.total,
        told.layers,
        told.activations,
        fits,
        reason,
        notes,
        told.streams,
        told.at_least,
    )


def estimate_design(design: Design, plan: dict[str, LayerPlan], setting: Setting) -> Told:
    """Figures of a design that is built by a plan in a setting."""
    why_not, facts, alone = design.without_law(plan), design.layers, len(design.layers) == 1
    layers = [_layer_row(f, plan[f.name], setting, why_not, alone, design.stream) for f in facts.values()]
    activations, total, least = {}, {}, {}
    for kind in ("lut", "ff"):
        for stage, name in STAGES_OF[kind]:
            acting = sum((operation_area(o, kind, stage, setting.mapping) for o in design.operations), ZERO)
            dense = [f for f in facts.values() if f.is_dense and plan[f.name].strategy != UNROLLED]
            weights = sum((layer_area(f, plan[f.name], kind, stage, setting, alone=alone, stream=design.stream) for f in dense), ZERO)
            activations[name] = acting.figure(UNITS[kind], stage) if not why_not else unavailable(why_not, UNITS[kind])
            whole = weights.beside(acting)
            total[name] = (whole + fifo_area(design, kind, stage, setting)).figure(UNITS[kind], stage)
            if why_not:
                total[name] = unavailable(why_not, UNITS[kind])
            if why_not and design.stream and stage == "csynth":
                least[name] = at_least(kind, stream_counts(design, setting, kind), whole)
    return Told(total | _counted(design, plan, setting), layers, activations, stream_rows(design, setting), least)


def _layer_row(facts: LayerFacts, plan: LayerPlan, setting: Setting, why_not: str | None, alone: bool, stream: bool) -> dict[str, Any]:
    counts = layer_counts(facts, plan, setting)
    row: dict[str, Any] = {
        "name": facts.name,
        "op": facts.op,
        "strategy": plan.strategy,
        "reuse": plan.reuse,
        "n_in": facts.n_in,
        "n_out": facts.n_out,
        "positions": facts.positions,
        "n_weights": facts.n_weights,
        "nonzeros": facts.nonzeros,
        "mults": counts["mults"],
    }
    for kind in ("lut", "ff"):
        for stage, name in STAGES_OF[kind]:
            row[name] = (
                unavailable(why_not, UNITS[kind])
                if why_not
                else layer_area(facts, plan, kind, stage, setting, alone=alone, stream=stream).figure(UNITS[kind], stage)
            )
    row["dsp"] = _dsp(counts["dsp"], plan, facts.is_dense)
    known = facts.is_dense and plan.strategy != UNROLLED
    row["bram18"] = _rom(counts["bram18"], plan, facts, stream)
    row["latency_cycles"] = _cycles(counts["latency_cycles"], plan.shared, known)
    row["ii"] = Figure(counts["ii"], "cycles", stage="csynth", provenance="law" if known else "extrapolated")
    row["zeros_exploited"] = plan.strategy in ("Latency", UNROLLED) or plan.reuse == 1
    return row


DSP_TEXT = "Resource max(2, 5 %), Latency and reuse 1 max(2, 15 %): holds on all rows of dense layers of the table"
UNROLLED_TEXT = "max(2, 5 %), as in Resource; multipliers whose weights are all zero are not written, no design of the table is built so"
CONV_TEXT = "of the window kernel; the convolutions of the table took half to twice of it, and up to 78 blocks of RAM more"
STREAM_ROM_TEXT = "2 blocks per layer: holds on all convolutions in streams of the table; none where the ROM is small"
ROM_TEXT = "1 block per layer: holds on 99 % of the table's rows"


def _dsp(count: int, plan: LayerPlan, dense: bool) -> Figure:
    if not dense:
        return Figure(count, "DSP", count // 2, 2 * count + 10, CONV_TEXT, "csynth", "extrapolated")
    slack = max(2, math.ceil((0.05 if plan.shared else 0.15) * count)) if count else 0
    text, source = (UNROLLED_TEXT, "extrapolated") if plan.strategy == UNROLLED else (DSP_TEXT, "law")
    return Figure(count, "DSP", max(count - slack, 0), count + slack, text, "csynth", source)


SMALL_ROM = 1024
"""Bits of a ROM that HLS may make of LUT; four of the convolutions' ROM in the table are so small, of which two are."""


def _rom(count: int, plan: LayerPlan, facts: LayerFacts, stream: bool) -> Figure:
    if stream and plan.strategy != UNROLLED:
        low, slack = 0 if facts.rom_bits <= SMALL_ROM else max(count - 2, 0), 2 if count else 0
        return Figure(count, "BRAM18", low, count + slack, STREAM_ROM_TEXT, "csynth", "law" if facts.is_dense else "extrapolated")
    if not facts.is_dense:
        return Figure(count, "BRAM18", 0, 2 * count + 100, CONV_TEXT, "csynth", "extrapolated")
    known = plan.strategy != UNROLLED
    low, text = (max(count - 1, 0), ROM_TEXT) if known else (0, "none to all: what synthesis leaves out of the ROM is not known")
    return Figure(count, "BRAM18", low, count + (1 if count else 0), text, "csynth", "law" if known else "extrapolated")


def _sum(parts: list[Figure]) -> Figure:
    """Sum of figures of one law; the ends add. What is extrapolated in a part is so in the sum."""
    first = next((f for f in parts if f.provenance == "extrapolated"), parts[0])
    return replace(first, value=sum(f.value for f in parts), low=sum(f.low for f in parts), high=sum(f.high for f in parts))


def _cycles(cycles: int, resource: bool, dense: bool) -> Figure:
    slack = 1 if resource else 2
    text = "1 cycle: holds on all Resource rows" if resource else "2 cycles: holds on 95 % of Latency rows"
    return Figure(cycles, "cycles", max(cycles - slack, 0), cycles + slack, text, "csynth", "law" if dense else "extrapolated")


def _counted(design: Design, plan: dict[str, LayerPlan], setting: Setting) -> dict[str, Figure]:
    """DSP, BRAM18, latency and II of the design."""
    counts = {n: layer_counts(f, plan[n], setting) for n, f in design.layers.items()}
    others = [operation_counts(o, setting) for o in design.operations]
    slices = _sum([_dsp(c["dsp"], plan[n], design.layers[n].is_dense) for n, c in counts.items()])
    figures = {"dsp": _plus(slices, sum(o["dsp"] for o in others))}
    if design.fifos is None:
        figures["bram18"] = unavailable(NO_STREAM, "BRAM18")
    else:
        roms = _sum([_rom(c["bram18"], plan[n], design.layers[n], design.stream) for n, c in counts.items()])
        figures["bram18"] = _plus(roms, sum(o["bram18"] for o in others))
        if design.stream:
            figures["bram18"] = _stream_bram18(figures["bram18"], design, setting, sum(o["bram18"] for o in others))
    return figures | timing(design, plan, setting, counts, sum(o["cycles"] for o in others))


def _plus(figure: Figure, more: int) -> Figure:
    """A figure and what layers without weights take, which is counted."""
    return replace(figure, value=figure.value + more, low=figure.low + more, high=figure.high + more) if more else figure


STREAM_TEXT = "ROM of the layers within 2 blocks each, FIFOs with words of 36 or 18 bits; tables of softmax from one block each (two elements share one)"


def _stream_bram18(figure: Figure, design: Design, setting: Setting, tables: int) -> Figure:
    """With the FIFOs and line buffers of a stream."""
    value, low, high = stream_counts(design, setting, "bram18")
    tables = tables - -(-tables // 2)
    return replace(figure, value=figure.value + value, low=max(figure.low + low - tables, 0), high=figure.high + high, interval=STREAM_TEXT)


def _stream_notes(told: Told) -> list[str]:
    if not told.streams:
        return []
    count = {kind: sum(r["kind"] == kind for r in told.streams) for kind in ("fifo", "line buffer")}
    sums = {kind: sum(r[kind].value for r in told.streams) for kind in ("lut", "ff", "bram18")}
    notes = [
        f"{count['fifo']} FIFOs and {count['line buffer']} line buffers take about {sums['lut']:,} LUT, {sums['ff']:,} FF and {sums['bram18']:,} BRAM18 by "
        "C-synthesis; after logic synthesis FIFOs take half the block RAM or less (short ones none)"
    ]
    if told.at_least:
        ends = " and ".join(f"{told.at_least[kind].value:,} {UNITS[kind]}" for kind in ("lut", "ff"))
        notes.append(f"at least {ends} by C-synthesis: {AT_LEAST.split(': ', 1)[1]}")
    return notes


def _notes(design: Design, plan: dict[str, LayerPlan], setting: Setting) -> list[str]:
    notes, facts, known = [], design.layers, design.without_law(plan) is None
    stored = [f.name for f in facts.values() if plan[f.name].strategy == "Resource" and plan[f.name].reuse > 1 and f.nonzeros < f.n_weights]
    if stored:
        notes.append(
            f"zeros are not exploited in Resource strategy: they are stored and multiplied like other weights ({', '.join(stored)})"
        )
    for f in facts.values():
        layer = plan[f.name]
        phrase = known and outside(f, layer.strategy, layer.reuse, "post-synth", setting)
        if phrase:
            notes.append(f"LUT and FF of layer '{f.name}' are extrapolated: {phrase}")
    large = [f.name for f in facts.values() if plan[f.name].strategy == "Resource" and plan[f.name].shared and f.rom_bits > LARGEST_ROM]
    if large:
        notes.append(
            f"weights of {', '.join(large)} are taken to stay in block RAM after synthesis; in smaller layers of the table ({LARGEST_ROM:,} bits and "
            "less) synthesis put them into LUT, about one for 26 bits"
        )
    if sum(p.shared for p in plan.values()) > 1:
        notes.append("C-synthesis LUT of layers in Resource strategy is that of single layers, without the channels between them")
    notes.append(
        "not counted: AXI interface, DMA and processor subsystem of a board design; BRAM18 after synthesis differs from C-synthesis"
    )
    return notes
