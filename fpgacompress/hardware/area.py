"""Physical features of the LUT and FF laws: each is an area in bits of logic or registers; the calibration finds LUT or FF per bit."""

from __future__ import annotations

import numpy as np

from .facts import UNROLL_LIMIT, LayerFacts
from .laws import LATENCY_DSP_BITS, dsp, multipliers, registered

HEADS: dict[str, tuple[str, ...]] = {
    "latency_lut_csynth": ("adders", "fabric products", "dsp products"),
    "latency_ff_csynth": ("pipeline registers",),
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
    "resource_lut_post-synth": ("input registers", "output registers", "accumulator mux", "partial sums", "sums", "fabric multipliers"),
    "resource_ff_post-synth": ("input registers", "output registers", "partial sums"),
}
"""Name of each law (strategy, resource, stage) and the names of its features, in order."""


def features(
    head: str, facts: LayerFacts, reuse: int, *, backend: str, clock_ns: float, ultrascale: bool, mapping: str = "auto"
) -> np.ndarray:
    """Features of one layer for one law, in bits (float64, one per name in :data:`HEADS`).

    Latency strategy:

    - adders: ``nonzeros x acc``: each live weight adds one term.
    - fabric products: ``x + 4`` bits for each distinct shifted two-digit value, taken as ``min(two-digit weights, 4 x distinct odd
      magnitudes)``, and four times that for each distinct product with three or more digits in LUT (fitted apart, both cost the same
      per bit within 3 %).
    - dsp products: distinct products in DSP slices, ``x`` bits each.
    - pipeline registers: partial sums cut by the pipeline x ``acc``.

    Resource strategy:

    - control: 1 a layer; input registers: ``n_in x x``.
    - output registers: ``n_out x (acc + out) / 2``: the accumulators and the channel to the next layer (the table has both 16 bits wide
      and cannot tell them apart).
    - accumulator mux: with reuse above ``2 n_in`` each multiplier reaches any output: ``multipliers x 2**ceil(log2 n_out) x acc``.
    - operand mux: with reuse up to ``n_in`` each multiplier picks among ``RF`` inputs: ``multipliers x RF x x``.
    - adders: ``multipliers x acc``; partial sums, sums: the same, with reuse up to ``n_in`` and above it.
    - fabric multipliers: ``multipliers x x x w`` where no DSP slice is used.

    Args:
        mapping: "auto", or "dsp" / "fabric" where the project forces ``config_op mul -impl``.
    """
    x, acc = facts.x_bits, facts.acc_bits
    if head.startswith("latency"):
        wide = {"auto": facts.wide_products(LATENCY_DSP_BITS), "dsp": facts.products, "fabric": 0}[mapping]
        values = {
            "adders": facts.nonzeros * acc,
            "fabric products": (min(facts.two_digit, 4 * facts.pairs) + 4 * (facts.products - wide)) * (x + 4),
            "dsp products": wide * x,
            "pipeline registers": registered(facts, clock_ns, ultrascale) * acc,
        }
    else:
        mults = multipliers(facts, "Resource", reuse)
        few = reuse <= facts.n_in
        values = {
            "control": 1.0,
            "input registers": facts.n_in * x,
            "output registers": facts.n_out * (acc + facts.out_bits) / 2,
            "accumulator mux": mults * 2 ** (facts.n_out - 1).bit_length() * acc if reuse > 2 * facts.n_in else 0.0,
            "adders": mults * acc,
            "fabric multipliers": (mults - dsp(facts, "Resource", reuse, backend)) * x * facts.w_bits,
            "operand mux": mults * reuse * x if few else 0.0,
            "partial sums": mults * acc if few else 0.0,
            "sums": 0.0 if few else mults * acc,
        }
    return np.array([values[name] for name in HEADS[head]], np.float64)


FIXED = {"resource_lut_post-synth": {"sums": 1.0, "fabric multipliers": 0.8}}
"""LUT per bit that are known, not fitted: a carry-chain adder takes one LUT per bit (UG474), an array multiplier of LUT about 0.8 per
partial-product
bit. The two-layer designs have too few multipliers (at most 16) to show either, a wide layer at small reuse has hundreds.
"""

TABLE_TOOL = {"csynth": "Vivado", "post-synth": "Vitis"}
"""Back end whose designs the Resource laws of each stage were calibrated on (Vivado HLS 2020.1 and Vitis HLS 2023.2, both UltraScale+)."""


def outside(facts: LayerFacts, strategy: str, reuse: int, *, stage: str, backend: str, ultrascale: bool) -> str | None:
    """None when a layer lies inside what its area law was calibrated on, else what is outside (one short phrase)."""
    if not facts.is_dense:
        return "not a dense layer on a vector"
    if strategy == "Latency" or reuse == 1:
        if facts.n_in > 274 or facts.n_weights > UNROLL_LIMIT:
            return f"{facts.n_in} inputs, {facts.n_weights} weights (calibrated to 274 inputs and {UNROLL_LIMIT} weights)"
        return None
    if reuse <= facts.n_in:
        return f"reuse factor {reuse} not above the {facts.n_in} inputs (one design in the table)"
    if facts.n_in > 256 or facts.n_out > 256:
        return f"{facts.n_in} x {facts.n_out} weights (calibrated to 256 x 256)"
    if facts.x_bits != 16:
        return f"{facts.x_bits}-bit inputs (Resource rows of the table all have 16)"
    if not ultrascale:
        return "a 7-series part (Resource rows of the table are UltraScale+)"
    if TABLE_TOOL[stage] != ("Vivado" if backend.lower().startswith("vivado") else "Vitis"):
        return f"back end {backend} ({stage} rows of Resource designs are from {TABLE_TOOL[stage]} HLS)"
    return None
