"""Physical features of the LUT and FF laws: each is an area in bits of logic or registers; the calibration finds LUT or FF per bit."""

from __future__ import annotations

import numpy as np

from .facts import UNROLL_LIMIT, LayerFacts
from .laws import dsp, multiplier_limit, multipliers, registered, wide_products
from .setting import Setting

HEADS: dict[str, tuple[str, ...]] = {
    "latency_lut_csynth": ("adders", "fabric products", "other products"),
    "latency_ff_csynth": ("pipeline registers", "pipelined digits", "held inputs"),
    "latency-turns_ff_csynth": ("pipelined sums", "held products", "held shifted products"),
    "resource-one_ff_csynth": ("output registers", "held products", "held shifted products"),
    "resource_lut_csynth": (
        "control",
        "input registers",
        "output registers",
        "accumulator mux",
        "adders",
        "fabric multipliers",
        "operand mux",
    ),
    "resource_ff_csynth": ("control", "output registers", "adders"),
    "resource_lut_post-synth": (
        "input registers",
        "output registers",
        "accumulator mux",
        "rom",
        "partial sums",
        "sums",
        "fabric multipliers",
    ),
    "resource_ff_post-synth": ("input registers", "output registers", "partial sums"),
}
"""Name of each law (strategy, resource, stage) and the names of its features, in order. "latency-turns": Latency strategy whose reuse
factor makes products take turns; "resource-one": Resource strategy with reuse factor 1, which unrolls like Latency but registers its products."""


def head_of(facts: LayerFacts, strategy: str, reuse: int, kind: str, stage: str) -> str:
    """The law for a layer; unrolled ones have C-synthesis laws only."""
    if strategy != "Latency" and reuse > 1:
        return f"resource_{kind}_{stage}"
    if kind == "ff" and strategy != "Latency":
        return "resource-one_ff_csynth"
    return "latency-turns_ff_csynth" if kind == "ff" and facts.products > multiplier_limit(facts, reuse) else f"latency_{kind}_csynth"


def features(head: str, facts: LayerFacts, reuse: int, setting: Setting) -> np.ndarray:
    """Features of one layer for one law, in bits (float64, one per name in :data:`HEADS`).

    Unrolled (Latency strategy, or reuse factor 1):

    - adders: additions x their mean width.
    - fabric products: ``x + 4`` bits for each distinct shifted two-digit value (:attr:`.LayerFacts.shifted_pairs`), and four times that for
      each multiplier in LUT of a distinct product with three or more digits (fitted apart, both cost the same per bit within 3 %).
    - other products: those in DSP slices, and those that take turns on a multiplier because of a reuse factor: each has some LUT around it,
      however wide it is.
    - held products, held shifted products: where products take turns or are registered, all distinct ones x the accumulator.
    - pipeline registers: partial sums cut by the pipeline x the accumulator; pipelined sums: x the mean width of additions.
    - pipelined digits: the same cuts where the tree's leaves are digits instead of weights (shifted products one more, others three more
      each) x the mean width of additions.
    - held inputs: ``n_in x x`` where an inference starts in every cycle.

    Resource strategy:

    - control: 1 a layer; input registers: ``n_in x x``.
    - output registers: ``n_out x (acc + out) / 2``: the accumulators and the channel to the next layer (the table has both 16 bits wide
      and cannot tell them apart).
    - accumulator mux: with reuse above ``2 n_in`` each multiplier reaches any output: ``multipliers x 2**ceil(log2 n_out) x acc``.
    - operand mux: with reuse up to ``n_in`` each multiplier picks among ``RF`` inputs: ``multipliers x RF x x``.
    - rom: bits of all weights, which synthesis puts into LUT more often than into block RAM; none of a ROM
      larger than :data:`LARGEST_ROM`.
    - adders: ``multipliers x acc``; partial sums, sums: the same, with reuse up to ``n_in`` and above it.
    - fabric multipliers: ``multipliers x x x w`` where no DSP slice is used.
    """
    values = _shared(facts, reuse, setting) if head.startswith("resource_") else _unrolled(facts, reuse, setting)
    return np.array([values[name] for name in HEADS[head]], np.float64)


def _unrolled(facts: LayerFacts, reuse: int, setting: Setting) -> dict[str, float]:
    wide, limit = wide_products(facts, setting.mapping), multiplier_limit(facts, reuse)
    cut, digits = registered(facts, setting.clock_ns, setting.ultrascale), facts.nonzeros + facts.shifted_pairs + 3 * facts.products
    in_fabric = min(facts.products - wide, limit)
    return {
        "adders": facts.additions * facts.sum_bits,
        "fabric products": (facts.shifted_pairs + 4 * in_fabric) * (facts.x_bits + 4),
        "other products": facts.products - in_fabric,
        "held products": facts.products * facts.acc_bits,
        "held shifted products": facts.shifted_pairs * facts.acc_bits,
        "pipeline registers": cut * facts.acc_bits,
        "pipelined sums": cut * facts.sum_bits,
        "pipelined digits": cut * digits / max(facts.nonzeros, 1) * facts.sum_bits,
        "held inputs": facts.n_in * facts.x_bits if reuse == 1 else 0.0,
        "output registers": facts.n_out * facts.acc_bits,
    }


def _shared(facts: LayerFacts, reuse: int, setting: Setting) -> dict[str, float]:
    mults, few = multipliers(facts, "Resource", reuse), reuse <= facts.n_in
    return {
        "control": 1.0,
        "input registers": facts.n_in * facts.x_bits,
        "output registers": facts.n_out * (facts.acc_bits + facts.out_bits) / 2,
        "accumulator mux": mults * 2 ** (facts.n_out - 1).bit_length() * facts.acc_bits if reuse > 2 * facts.n_in else 0.0,
        "rom": facts.rom_bits if facts.rom_bits <= LARGEST_ROM else 0,
        "adders": mults * facts.acc_bits,
        "fabric multipliers": (mults - dsp(facts, "Resource", reuse, setting.backend, setting.mapping)) * facts.x_bits * facts.w_bits,
        "operand mux": mults * reuse * facts.x_bits if few else 0.0,
        "partial sums": mults * facts.acc_bits if few else 0.0,
        "sums": 0.0 if few else mults * facts.acc_bits,
    }


FIXED = {"resource_lut_post-synth": {"sums": 1.0, "fabric multipliers": 0.8}}
"""LUT per bit that are known, not fitted: a carry-chain adder takes one LUT per bit (UG474), an array multiplier of LUT about 0.8 per
partial-product
bit. The two-layer designs have too few multipliers (at most 16) to show either, a wide layer at small reuse has hundreds.
"""

LARGEST_ROM = 135_168
"""Bits of the largest ROM in the table of designs with post-synthesis results. A larger one is taken to be in block RAM, where HLS plans all of
them."""

CLOCKS_NS = (3.33, 5.0)
"""Target periods of the table's designs, ns."""

TABLE_TOOL = {"csynth": "Vivado", "post-synth": "Vitis"}
"""Back end whose designs the Resource laws of each stage were calibrated on (Vivado HLS 2020.1 and Vitis HLS 2023.2, both UltraScale+)."""


def _unrolled_outside(facts: LayerFacts, setting: Setting) -> str | None:
    """The rows of unrolled layers are of Vivado HLS on UltraScale+ with 16-bit inputs, and of Vitis HLS on 7 series with 8-bit ones, whose projects
    say where products go."""
    if not 8 <= facts.x_bits <= 16:
        return f"{facts.x_bits}-bit inputs (unrolled rows of the table have 8 and 16)"
    if setting.ultrascale != setting.vivado:
        return f"back end {setting.backend} (unrolled rows of the table are Vivado HLS on UltraScale+ and Vitis HLS on 7 series)"
    if not setting.ultrascale and setting.mapping == "auto" and facts.products:
        return "products that HLS places itself on a 7-series part (the table's rows there say where they go)"
    return None


def outside(facts: LayerFacts, strategy: str, reuse: int, stage: str, setting: Setting) -> str | None:
    """None when a layer lies inside what its area law was calibrated on, else what is outside (one short phrase)."""
    if not facts.is_dense:
        return "not a dense layer on a vector"
    if not CLOCKS_NS[0] <= setting.clock_ns <= CLOCKS_NS[1]:
        return f"a clock of {setting.clock_ns:g} ns (rows of the table have {CLOCKS_NS[0]:g} to {CLOCKS_NS[1]:g} ns)"
    if strategy == "Latency" or reuse == 1:
        if facts.n_in > 274 or facts.n_weights > UNROLL_LIMIT:
            return f"{facts.n_in} inputs, {facts.n_weights} weights (calibrated to 274 inputs and {UNROLL_LIMIT} weights)"
        return _unrolled_outside(facts, setting)
    if reuse <= facts.n_in:
        return f"reuse factor {reuse} not above the {facts.n_in} inputs (one design in the table)"
    if facts.n_in > 256 or facts.n_out > 256:
        return f"{facts.n_in} x {facts.n_out} weights (calibrated to 256 x 256)"
    if facts.x_bits != 16:
        return f"{facts.x_bits}-bit inputs (Resource rows of the table all have 16)"
    if not setting.ultrascale:
        return "a 7-series part (Resource rows of the table are UltraScale+)"
    if TABLE_TOOL[stage] != ("Vivado" if setting.vivado else "Vitis"):
        return f"back end {setting.backend} ({stage} rows of Resource designs are from {TABLE_TOOL[stage]} HLS)"
    return None
