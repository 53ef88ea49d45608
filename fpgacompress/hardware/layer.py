"""One layer built one way: its closed laws and its area at each stage."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..integer.network import IntegerNetwork, Node
from . import laws
from .area import features, outside
from .board import Board
from .calibration import SPREAD, ZERO, Area, Calibration, load_calibration
from .factors import LayerPlan
from .facts import LayerFacts

STAGES = ("csynth", "post-synth")


@dataclass(frozen=True)
class Setting:
    """What the area of a layer depends on besides the layer: the board's family, the clock and the hls4ml back end."""

    ultrascale: bool
    clock_ns: float
    backend: str = "Vitis"

    @classmethod
    def of(cls, board: Board, clock_ns: float | None = None, backend: str = "Vitis") -> Setting:
        """Setting for a board; without ``clock_ns`` the board's usual clock."""
        return cls(board.ultrascale, float(clock_ns or board.clock_ns), backend)


def layer_area(
    facts: LayerFacts,
    plan: LayerPlan,
    kind: str,
    stage: str,
    setting: Setting,
    *,
    alone: bool = False,
    calibration: Calibration | None = None,
) -> Area:
    """LUT (``kind`` "lut") or FF ("ff") of a weighted layer at a stage ("csynth" or "post-synth").

    Resource strategy has a law per stage. Latency strategy has one for C-synthesis; the measured ratio of designs with both gives
    post-synthesis. Reuse factor 1 in Resource strategy unrolls like Latency (the table shows the same LUT within a few percent).
    The C-synthesis FF law of Resource strategy knows single layers only; in a chain (``alone`` False) the channels between layers
    hold more registers than the layers, so there the post-synthesis law is divided by the measured ratio. Of a convolution only the
    window kernel is counted, which is good for planning and never shown as a figure.
    """
    calibration = calibration or load_calibration()
    unrolled = plan.strategy == "Latency" or plan.reuse == 1
    if not unrolled and kind == "ff" and stage == "csynth" and not alone:
        value, low, high = calibration.ratios["resource_ff"]
        after = layer_area(facts, plan, kind, "post-synth", setting, calibration=calibration)
        return Area(after.value / value, after.low / high, after.high / low, True)
    head = f"latency_{kind}_csynth" if unrolled else f"resource_{kind}_{stage}"
    values = features(head, facts, plan.reuse, backend=setting.backend, clock_ns=setting.clock_ns, ultrascale=setting.ultrascale)
    spread = 1.0
    if outside(facts, plan.strategy, plan.reuse, stage=stage, backend=setting.backend, ultrascale=setting.ultrascale):
        spread = SPREAD["near" if unrolled or plan.reuse > facts.n_in else "reuse"]
    area = calibration.area(head, values, spread)
    return area.scaled(calibration.ratios[f"latency_{kind}"]) if unrolled and stage == "post-synth" else area


def activation_area(node: Node, network: IntegerNetwork, kind: str, stage: str, calibration: Calibration | None = None) -> Area:
    """LUT or FF of a cast (``quantize``, ``quantize_each``) in parallel form: elements x (input + output bits) x the measured charge; ZERO for
    other nodes.

    Calibrated on ReLU with truncation and saturation; rounding to nearest costs an adder more (counted as one output width, extrapolated).
    """
    if node.op not in ("quantize", "quantize_each"):
        return ZERO
    calibration = calibration or load_calibration()
    count = math.prod(node.shape)
    source = network.node(node.inputs[0]).out
    bits = count * (source.width + node.out.width)
    if node.op == "quantize_each":
        widths = np.broadcast_to(np.asarray(node.params["bits"]), node.shape)
        bits = int(widths.sum() + source.width * np.count_nonzero(widths))
    value, low, high = calibration.ratios[f"activation_{kind}"]
    rounds = node.out.rounding != "TRN" and source.fraction > node.out.fraction
    extra = count * node.out.width if rounds and kind == "lut" else 0
    area = Area(bits * value + extra, bits * low, bits * high + 2 * extra, rounds)
    return area.scaled(calibration.ratios[f"latency_{kind}"]) if stage == "post-synth" else area


def layer_counts(facts: LayerFacts, plan: LayerPlan, setting: Setting) -> dict[str, int]:
    """Closed laws of a layer: "dsp", "bram18", "mults" (products per cycle), "ii" and "latency_cycles" (own cycles, hand-over not
    counted)."""
    ii = laws.occupancy(facts, plan.strategy, plan.reuse)
    if plan.strategy == "Latency":
        depth = facts.positions - 1 + laws.latency_depth(facts, setting.clock_ns, setting.ultrascale)
    else:
        depth = ii + 2
    return {
        "dsp": laws.dsp(facts, plan.strategy, plan.reuse, setting.backend),
        "bram18": laws.rom_bram18(facts, plan.strategy, plan.reuse),
        "mults": facts.nonzeros if plan.strategy == "Latency" else laws.multipliers(facts, plan.strategy, plan.reuse),
        "ii": ii,
        "latency_cycles": depth,
    }
