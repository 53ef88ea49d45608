"""One layer built one way: its closed laws and its area at each stage."""

from __future__ import annotations

from dataclasses import replace

from ..integer.network import IntegerNetwork, Node
from . import laws
from .area import head_of, outside
from .calibration import SPREAD, ZERO, Area, Calibration, load_calibration
from .factors import LayerPlan
from .facts import UNROLL_LIMIT, LayerFacts
from .operations import WIRES, operation_area, operation_facts
from .setting import Setting

__all__ = ["STAGES", "Setting", "activation_area", "layer_area", "layer_counts"]

STAGES = ("csynth", "post-synth")


def layer_area(
    facts: LayerFacts,
    plan: LayerPlan,
    kind: str,
    stage: str,
    setting: Setting,
    *,
    alone: bool = False,
    stream: bool = False,
    calibration: Calibration | None = None,
) -> Area:
    """LUT (``kind`` "lut") or FF ("ff") of a weighted layer at a stage ("csynth" or "post-synth").

    Resource strategy has a law per stage. Latency strategy has one for C-synthesis; the measured ratio of designs with both gives post-synthesis,
    extrapolated, since only two of those designs are dense. Reuse factor 1 in Resource strategy unrolls like Latency (the table shows the same LUT
    within a few percent, and more registers).
    The C-synthesis laws of Resource strategy know single layers only: in a chain (``alone`` False) LUT are extrapolated, and the channels between
    layers hold more registers than the layers, so there the post-synthesis law is divided by the measured ratio. Of a convolution only the
    window kernel is counted, which is good for planning and never shown as a figure. In a stream (``stream``) a layer takes more than in parallel form,
    by the ratio of dense layers with reports of their own (``data/streams.csv``).
    """
    calibration = calibration or load_calibration()
    if stream:
        inner = layer_area(facts, plan, kind, stage, setting, alone=alone, calibration=calibration)
        return replace(inner.scaled(calibration.ratios[f"stream_{kind}"]), extrapolated=True)
    unrolled = not plan.shared
    if not unrolled and kind == "ff" and stage == "csynth" and not alone:
        value, low, high = calibration.ratios["resource_ff"]
        after = layer_area(facts, plan, kind, "post-synth", setting, calibration=calibration)
        return Area(after.value / value, after.low / high, after.high / low, True)
    head = head_of(facts, plan.strategy, plan.reuse, kind, stage)
    spread = 1.0
    if outside(facts, plan.strategy, plan.reuse, stage, setting):
        spread = SPREAD["near" if unrolled or plan.reuse > facts.n_in else "reuse"]
    area = calibration.area(head, facts, plan.reuse, setting, spread)
    if unrolled and stage == "post-synth":
        return replace(area.scaled(calibration.ratios[f"latency_{kind}"]), extrapolated=True)
    return replace(area, extrapolated=True) if stage == "csynth" and not unrolled and not alone else area


def activation_area(node: Node, network: IntegerNetwork, kind: str, stage: str, calibration: Calibration | None = None) -> Area:
    """LUT or FF of a node without weights in parallel form (:func:`.operations.operation_area`); ZERO for wires and layers with weights."""
    if node.kernel is not None or node.op in WIRES:
        return ZERO
    return operation_area(operation_facts(network, node), kind, stage, calibration=calibration)


def layer_counts(facts: LayerFacts, plan: LayerPlan, setting: Setting) -> dict[str, int]:
    """Closed laws of a layer: "dsp", "bram18", "mults" (products per cycle), "ii" and "latency_cycles" (own cycles, hand-over not
    counted); "latency_low" and "ii_low" where HLS may be quicker than that; "slack": by how many
    cycles an unrolled layer may differ (an eighth beyond the unroll limit)."""
    ii = laws.occupancy(facts, plan.strategy, plan.reuse)
    if facts.beats:
        _, low, depth, _ = laws.stream_cycles(facts, plan.strategy, plan.reuse, setting.vivado)
        ii, ii_low = depth, low
    elif plan.shared:
        depth = low = ii + 2
        ii_low = ii
    else:
        depth, low = (
            facts.positions - 1 + laws.latency_cycles(facts, plan.reuse, setting.clock_ns, setting.ultrascale, spare) for spare in (0, 1)
        )
        most = (
            plan.reuse if plan.strategy == "Latency" else depth + 1
        )  # Resource at reuse 1 is not pipelined: it ends before it starts anew
        ii, ii_low = (max(ii, min(most, cycles + 1) if facts.positions == 1 else ii) for cycles in (depth, low))
    return {
        "dsp": laws.dsp(facts, plan.strategy, plan.reuse, setting.backend, setting.mapping)
        * laws.slices_per_product(facts, setting.ultrascale),
        "bram18": laws.rom_bram18(facts, plan.strategy, plan.reuse),
        "mults": facts.nonzeros if plan.strategy == "Latency" else laws.multipliers(facts, plan.strategy, plan.reuse),
        "ii": ii,
        "ii_low": ii_low,
        "latency_cycles": depth,
        "latency_low": low,
        "slack": max(2, depth // 8) if facts.n_weights > UNROLL_LIMIT else 2,
    }
