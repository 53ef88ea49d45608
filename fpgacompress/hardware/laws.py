"""Closed laws of what hls4ml's dense kernels become: DSP slices, block RAM, latency and initiation interval.

They restate what the C++ templates say to the HLS tool and were checked against real C-synthesis results (:mod:`.calibrate` prints how
well they hold). Nothing here is fitted except :data:`LEVEL_NS`.
"""

from __future__ import annotations

import math

from .facts import LayerFacts

DSP_BITS = {"Vitis": 24, "Vivado": 22}
"""Resource strategy: the tool maps a product to a DSP slice when input plus weight width reach this many bits (auto mapping)."""

LATENCY_DSP_BITS = 21
"""Latency strategy: the same for a product with a constant, counted with the constant's span of set bits (its odd part, without sign)."""

DEEPEST = 16384
"""Words of an 18 Kb block RAM one bit wide; deeper memories take several blocks for each bit."""


def dsp_bits(backend: str) -> int:
    """Threshold of :data:`DSP_BITS` for an hls4ml back end ("Vitis" and its relatives, or "Vivado", "VivadoAccelerator")."""
    return DSP_BITS["Vivado" if backend.lower().startswith("vivado") else "Vitis"]


def multipliers(facts: LayerFacts, strategy: str, reuse: int) -> int:
    """Products computed per clock cycle: ``n_weights / RF`` (Resource), those of them that are not all zero (Resource_Unrolled), live
    distinct constants' products (Latency)."""
    if strategy == "Resource_Unrolled":
        return facts.live_multipliers(reuse)
    return -(-facts.n_weights // reuse) if strategy == "Resource" else facts.products


def dsp(facts: LayerFacts, strategy: str, reuse: int, backend: str = "Vitis") -> int:
    """DSP slices of a layer.

    Latency, reuse 1: one per input and distinct signed weight with three or more CSD digits, where the product is wide enough
    (:data:`LATENCY_DSP_BITS`). Resource: every one of the multipliers when wide enough, else none.
    """
    if strategy != "Latency" and reuse > 1:
        return multipliers(facts, strategy, reuse) if facts.x_bits + facts.w_bits >= dsp_bits(backend) else 0
    return facts.wide_products(LATENCY_DSP_BITS)


def rom_bram18(facts: LayerFacts, strategy: str, reuse: int) -> int:
    """18 Kb block RAMs of a layer's weight ROM: one word of ``n_weights / RF`` weights per cycle, ``RF`` words deep; 0 in Latency
    strategy. Resource_Unrolled keeps the whole ROM in its C++, too; what synthesis leaves out of it is not known."""
    if strategy == "Latency" or reuse <= 1:
        return 0
    return _blocks(multipliers(facts, "Resource", reuse) * facts.w_bits, reuse) + 1


def _blocks(word_bits: int, depth: int) -> int:
    """18 Kb blocks of a ROM: at one aspect ratio, or a power-of-two deep part beside the rest, whichever takes fewer."""
    whole = math.ceil(word_bits / port_bits(depth))
    if depth <= 512:
        return whole
    if depth > DEEPEST:
        return word_bits * (depth // DEEPEST) + (_blocks(word_bits, depth % DEEPEST) if depth % DEEPEST else 0)
    lower = 1 << ((depth - 1).bit_length() - 1)
    return min(whole, math.ceil(word_bits / port_bits(lower)) + _blocks(word_bits, depth - lower))


def port_bits(depth: int) -> int:
    """Bits per 18 Kb block at a depth of ``depth`` words: 512 x 36, 1024 x 18, 2048 x 9, 4096 x 4, 8192 x 2, 16384 x 1 (UG473, table
    1-7)."""
    for words, bits in ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2)):
        if depth <= words:
            return bits
    return 1


def occupancy(facts: LayerFacts, strategy: str, reuse: int) -> int:
    """Cycles between two inferences that the layer can start: ``positions x RF`` (its initiation interval)."""
    return facts.positions * (1 if strategy == "Latency" else reuse)


LEVEL_NS = {"7series": 3.4, "ultrascale": 1.25}
"""Nanoseconds that C-synthesis charges per level of an adder tree in Latency strategy (read off the shared table, see
:mod:`.calibrate`)."""

USABLE = 0.875
"""Share of the clock period that HLS schedules into: hls4ml's default clock uncertainty is 12.5 %."""


def levels_per_cycle(clock_ns: float, ultrascale: bool) -> float:
    """Adder-tree levels that C-synthesis chains into one cycle."""
    return USABLE * clock_ns / LEVEL_NS["ultrascale" if ultrascale else "7series"]


def tree_levels(facts: LayerFacts) -> int:
    """Levels of a Latency layer: ``ceil(log2)`` of the non-zero weights per output, and one for the products where there are any."""
    return math.ceil(math.log2(max(facts.nonzeros / facts.sums, 1))) + int(facts.products + facts.two_digit > 0)


def latency_depth(facts: LayerFacts, clock_ns: float, ultrascale: bool) -> int:
    """Cycles of a dense layer in Latency strategy, counted as C-synthesis does (0: the result is there in the cycle it starts in)."""
    return max(math.ceil(tree_levels(facts) / levels_per_cycle(clock_ns, ultrascale)) - 1, 0)


def registered(facts: LayerFacts, clock_ns: float, ultrascale: bool) -> float:
    """Partial sums that a Latency layer's pipeline registers hold: each cut after ``k`` cycles leaves ``nonzeros / 2**(levels per cycle x
    k)``."""
    per_cycle = levels_per_cycle(clock_ns, ultrascale)
    return sum(facts.nonzeros / 2.0 ** (per_cycle * k) for k in range(1, latency_depth(facts, clock_ns, ultrascale) + 1))


def resource_latency(reuse: list[int]) -> int:
    """Cycles of a chain of dense layers in Resource strategy with io_parallel: sum of the reuse factors + 3 n - 1."""
    return sum(reuse) + 3 * len(reuse) - 1
