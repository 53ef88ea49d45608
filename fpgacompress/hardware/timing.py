"""Latency and initiation interval of a whole design, from those of its layers."""

from __future__ import annotations

from ..figures import Figure
from . import laws
from .design import Design
from .factors import UNROLLED, LayerPlan
from .setting import Setting

CHAIN_TEXT = (
    "from the slowest layer to the whole chain: C-synthesis of Vitis HLS told the latter for all two-layer designs of the table, whose functions "
    "did not overlap"
)
STREAM_TEXT = "the slowest layer by what convolutions of the table took for each element that came in (eight designs), and hand-over"
UNKNOWN_TEXT = (
    "from 2 cycles per layer (all places of a convolution at once, as some releases of hls4ml build it) to twice the law: convolutions, streams and "
    "unrolled code are not calibrated"
)


def timing(
    design: Design, plan: dict[str, LayerPlan], setting: Setting, counts: dict[str, dict[str, int]], acting: int
) -> dict[str, Figure]:
    """Figures "latency_cycles", "latency_min_cycles", "latency_us" and "ii".

    Streams with convolutions: layers work at the same time, so the slowest one decides. All unrolled: one pipeline, depths + one cycle per module
    + 1 (with reuse factors - 1). Otherwise a chain: sum of RF + 3 n - 1, activations hand over in up to 3.

    Args:
        counts: of each layer (:func:`.layer.layer_counts`).
        acting: cycles of layers without weights.
    """
    if design.io == "io_stream" and any(f.beats for f in design.layers.values()):
        return _stream(design, plan, setting, counts)
    layers, others = len(design.layers), len(design.operations)
    shared = any(p.shared for p in plan.values())
    quicker = sum(c["latency_cycles"] - c["latency_low"] for c in counts.values())
    dense = all(f.is_dense for f in design.layers.values()) and design.io == "io_parallel"
    known = dense and all(p.strategy != UNROLLED for p in plan.values())
    if shared:
        cycles = laws.resource_latency([c["ii"] if plan[n].shared else c["latency_cycles"] for n, c in counts.items()]) + acting
        low, high, text = cycles - 3, cycles + 3 + 3 * others, "the law within 3 cycles, plus up to 3 cycles for each activation"
    else:
        cycles = sum(c["latency_cycles"] for c in counts.values()) + acting
        if layers + others > 1:
            cycles += layers + others + (1 if all(c["ii"] == 1 for c in counts.values()) else -1)
        slack, text = (
            sum(c["slack"] for c in counts.values()) + (2 if acting else 0),
            f"2 cycles per layer{', 2 for tables' if acting else ''}",
        )
        low, high = cycles - slack - quicker, cycles + slack
    if not known:
        low, high, text = min(low, 2 * (layers + others)), 2 * high, UNKNOWN_TEXT
    least = cycles - layers if shared else cycles
    provenance = "law" if known and not (shared and others) else "extrapolated"
    ii = _interval(counts, shared, known)
    if shared and layers > 1 and known and not setting.vivado:
        ii = Figure(least, "cycles", ii.value, cycles, CHAIN_TEXT, "csynth", "law")
    first = max(low - layers, 0) if shared else low
    return _figures(setting, (low, cycles, high), (first, least, high), ii, text, provenance)


def _interval(counts: dict[str, dict[str, int]], shared: bool, known: bool) -> Figure:
    """The slowest layer's interval, and what hand-over or a quicker schedule may make of it."""
    slowest = max(c["ii"] for c in counts.values())
    if not known:
        return Figure(slowest, "cycles", 1, 2 * slowest + 3, UNKNOWN_TEXT, "csynth", "extrapolated")
    turns = not shared and slowest > 1
    least = max(min(c["ii_low"] for c in counts.values() if c["ii"] == slowest) - (3 if turns else 0), 1)
    text = "slowest layer, up to 3 cycles of dataflow hand-over"
    return Figure(slowest, "cycles", least, slowest + (3 if shared or turns else 0), text, "csynth", "law")


def _stream(design: Design, plan: dict[str, LayerPlan], setting: Setting, counts: dict[str, dict[str, int]]) -> dict[str, Figure]:
    slowest = [0, 0, 0, 0]
    for name, facts in design.layers.items():
        ends = (
            laws.stream_cycles(facts, plan[name].strategy, plan[name].reuse, setting.vivado) if facts.beats else (counts[name]["ii"],) * 4
        )
        slowest = [max(a, b) for a, b in zip(slowest, ends)]
    least, low, cycles, high = slowest
    handed = 3 * (len(design.layers) + len(design.operations))
    ii = Figure(cycles, "cycles", least, high + handed, STREAM_TEXT, "csynth", "extrapolated")
    return _figures(setting, (low, cycles + handed, high + 2 * handed), (least, low, high + 2 * handed), ii, STREAM_TEXT, "extrapolated")


def _figures(
    setting: Setting, most: tuple[int, int, int], least: tuple[int, int, int], ii: Figure, text: str, provenance: str
) -> dict[str, Figure]:
    """Figures of low end, value and high end of the longest and of the shortest latency, cycles."""

    def cycles(ends: tuple[int, int, int]) -> Figure:
        return Figure(ends[1], "cycles", min(max(ends[0], 0), ends[1]), ends[2], text, "csynth", provenance)

    us = [round(max(v, 0) * setting.clock_ns / 1000, 6) for v in most]
    return {
        "latency_cycles": cycles(most),
        "latency_min_cycles": cycles(least),
        "latency_us": Figure(us[1], "us", us[0], us[2], f"{text}; at {setting.clock_ns:g} ns", "csynth", provenance),
        "ii": ii,
    }
