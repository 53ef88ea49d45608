"""Physical features of the LUT and FF laws: each is an area in bits of logic or registers; the calibration finds LUT or FF per bit."""

from __future__ import annotations

import numpy as np

from .facts import LayerFacts
from .laws import LATENCY_DSP_BITS, dsp, latency_depth, multipliers, registered

HEADS: dict[str, tuple[str, ...]] = {
    "latency_lut_csynth": ("adders", "two-digit products", "fabric products", "dsp products"),
    "latency_ff_csynth": ("pipeline registers", "output registers"),
    "resource_lut_csynth": ("control", "input registers", "output registers", "accumulator mux", "adders", "fabric multipliers", "operand mux"),
    "resource_ff_csynth": ("control", "output registers", "adders"),
    "resource_lut_post-synth": ("input registers", "output registers", "accumulator mux", "partial sums"),
    "resource_ff_post-synth": ("input registers", "output registers", "partial sums"),
}
"""Name of each law (strategy, resource, stage) and the names of its features, in order."""


def features(head: str, facts: LayerFacts, reuse: int, *, backend: str, clock_ns: float, ultrascale: bool, mapping: str = "auto") -> np.ndarray:
    """Features of one layer for one law, in bits (float64, one per name in :data:`HEADS`).

    - adders: ``nonzeros x acc`` (Latency: each live weight adds one term) or ``multipliers x acc`` (Resource).
    - two-digit products: ``min(two-digit weights, 4 x distinct odd two-digit magnitudes) x (x + 4)``: one adder per distinct shifted value.
    - fabric, dsp products: distinct products with three or more digits, ``4 (x + 4)`` and ``x`` bits each.
    - pipeline registers: partial sums cut by the pipeline x ``acc``; output registers: ``n_out x acc``; input registers: ``n_in x x``.
    - accumulator mux: with reuse above ``2 n_in`` each multiplier reaches any output: ``multipliers x 2**ceil(log2 n_out) x acc``.
    - operand mux: with reuse up to ``n_in`` each multiplier picks among ``RF`` inputs: ``multipliers x RF x x``.
    - partial sums: with reuse up to ``n_in``: ``multipliers x acc``.

    Args:
        mapping: "auto", or "dsp" / "fabric" where the project forces ``config_op mul -impl``.
    """
    x, acc = facts.x_bits, facts.acc_bits
    if head.startswith("latency"):
        wide = {"auto": facts.wide_products(LATENCY_DSP_BITS), "dsp": facts.products, "fabric": 0}[mapping]
        values = {
            "adders": facts.nonzeros * acc,
            "two-digit products": min(facts.two_digit, 4 * facts.pairs) * (x + 4),
            "fabric products": (facts.products - wide) * 4 * (x + 4),
            "dsp products": wide * x,
            "pipeline registers": registered(facts, clock_ns, ultrascale) * acc,
            "output registers": facts.n_out * acc * (1 if latency_depth(facts, clock_ns, ultrascale) else 0),
        }
    else:
        mults = multipliers(facts, "Resource", reuse)
        few = reuse <= facts.n_in
        values = {
            "control": 1.0,
            "input registers": facts.n_in * x,
            "output registers": facts.n_out * acc,
            "accumulator mux": mults * 2 ** (facts.n_out - 1).bit_length() * acc if reuse > 2 * facts.n_in else 0.0,
            "adders": mults * acc,
            "fabric multipliers": (mults - dsp(facts, "Resource", reuse, backend)) * x * facts.w_bits,
            "operand mux": mults * reuse * x if few else 0.0,
            "partial sums": mults * acc if few else 0.0,
        }
    return np.array([values[name] for name in HEADS[head]], np.float64)


def calibrated_range(facts: LayerFacts, strategy: str, reuse: int) -> str | None:
    """None when a layer lies inside what the laws were calibrated on, else what is outside (one short phrase)."""
    if not facts.is_dense:
        return "not a dense layer on a vector"
    if strategy == "Latency":
        if facts.n_in > 274 or facts.n_weights > 4096:
            return f"{facts.n_in} inputs, {facts.n_weights} weights (calibrated to 274 inputs and 4096 weights)"
        return None
    if reuse <= facts.n_in:
        return f"reuse factor {reuse} not above the {facts.n_in} inputs (one design in the table)"
    if facts.n_in > 256 or facts.n_out > 256:
        return f"{facts.n_in} x {facts.n_out} weights (calibrated to 256 x 256)"
    if facts.x_bits != 16:
        return f"{facts.x_bits}-bit inputs (Resource rows of the table all have 16)"
    return None
