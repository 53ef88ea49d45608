"""Closed laws of what hls4ml's dense kernels become: DSP slices, block RAM, latency and initiation interval.

They restate what the C++ templates say to the HLS tool and were checked against real C-synthesis results (:mod:`.calibrate` prints how
well they hold). Nothing here is fitted except :data:`LEVEL_NS`; :data:`ONE_MORE`, :func:`stream_cycles` and the chain of large sums are read off
the shared table.
"""

from __future__ import annotations

import math

from .facts import UNROLL_LIMIT, LayerFacts

DSP_BITS = {"Vitis": 24, "Vivado": 22}
"""Resource strategy: the tool maps a product to a DSP slice when input plus weight width reach this many bits (auto mapping)."""

LATENCY_DSP_BITS = 20
"""Latency strategy: the same for a product with a constant, counted with the constant's span of set bits (its odd part, without sign). Vitis HLS 2025.2
makes a DSP slice of every product of 16-bit inputs with a constant of three digits, however short, Vivado HLS 2019.2 of nearly all (two designs of
``data/validation.csv``)."""

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


def multiplier_limit(facts: LayerFacts, reuse: int) -> int:
    """Multipliers that hls4ml's Latency strategy allows a layer with a reuse factor (``multiplier_limit`` of its configuration):
    ``ceil(n_weights / RF) - floor(zeros / RF)``, at least one. From :data:`ONE_MORE` on C-synthesis takes one more than it is allowed."""
    limit = max(-(-facts.n_weights // reuse) - (facts.n_weights - facts.nonzeros) // reuse, 1)
    return limit + (reuse >= ONE_MORE)


ONE_MORE = 1024
"""Reuse factor in Latency strategy from which all 23 designs of the table have one multiplier more than hls4ml asks for (none of the 23 at 512 has)."""


def wide_products(facts: LayerFacts, mapping: str = "auto") -> int:
    """Distinct products with a constant that go to DSP slices: those that are wide enough, or all or none where the project forces it
    (``mapping`` "auto", "dsp" or "fabric")."""
    return {"auto": facts.wide_products(LATENCY_DSP_BITS), "dsp": facts.products, "fabric": 0}[mapping]


DSP_PORTS = {"7series": (25, 18), "ultrascale": (27, 18)}
"""Widths of the two signed inputs of a DSP48E1 (UG479) and DSP48E2 (UG579) multiplier, bits."""


def slices_per_product(facts: LayerFacts, ultrascale: bool) -> int:
    """DSP slices that one product of input and weight takes: as many as its wider operand fills the wide port times, and the other the narrow one.

    A 28-bit input times a 12-bit weight takes two, which all products of the table show that are so wide.
    """
    wide, narrow = DSP_PORTS["ultrascale" if ultrascale else "7series"]
    long, short = max(facts.x_bits, facts.w_bits), min(facts.x_bits, facts.w_bits)
    return -(-long // wide) * -(-short // narrow)


def dsp(facts: LayerFacts, strategy: str, reuse: int, backend: str = "Vitis", mapping: str = "auto") -> int:
    """Products of a layer that DSP slices make, one slice each unless they are wide (:func:`slices_per_product`).

    Latency: one per input and distinct signed weight with three or more CSD digits, where the product is wide enough
    (:data:`LATENCY_DSP_BITS`), and not more than :func:`multiplier_limit`. Resource: every one of the multipliers when wide enough, else
    none. ``mapping``: see :func:`wide_products`.
    """
    if strategy != "Latency" and reuse > 1:
        wide = facts.x_bits + facts.w_bits >= dsp_bits(backend) if mapping == "auto" else mapping == "dsp"
        return multipliers(facts, strategy, reuse) if wide else 0
    return min(wide_products(facts, mapping), multiplier_limit(facts, reuse))


def rom_bram18(facts: LayerFacts, strategy: str, reuse: int) -> int:
    """18 Kb block RAMs of a layer's weight ROM: one word of ``n_weights / RF`` weights per cycle, ``RF`` words deep; 0 in Latency
    strategy. Resource_Unrolled keeps the whole ROM in its C++, too; what synthesis leaves out of it is not known."""
    if strategy == "Latency" or reuse <= 1:
        return 0
    return memory_blocks(multipliers(facts, "Resource", reuse) * facts.w_bits, reuse) + 1


def memory_blocks(word_bits: int, depth: int) -> int:
    """18 Kb blocks of a memory: at one aspect ratio, or a power-of-two deep part beside the rest, whichever takes fewer."""
    whole = math.ceil(word_bits / port_bits(depth))
    if depth <= 512:
        return whole
    if depth > DEEPEST:
        return word_bits * (depth // DEEPEST) + (memory_blocks(word_bits, depth % DEEPEST) if depth % DEEPEST else 0)
    lower = 1 << ((depth - 1).bit_length() - 1)
    return min(whole, math.ceil(word_bits / port_bits(lower)) + memory_blocks(word_bits, depth - lower))


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


def stream_cycles(facts: LayerFacts, strategy: str, reuse: int, vivado: bool) -> tuple[int, int, int, int]:
    """Cycles of a convolution in a stream: at least, where every element is only shifted in, and as a whole: low, most likely, high.

    Read off the eight designs of the table that have such layers. Resource strategy: ``RF`` + 6 to 12 cycles for each element that comes in
    (2 to 8 where no window is ready). Latency strategy: 1 to 2 in Vivado HLS, 3 to 6 in Vitis HLS.
    """
    if strategy == "Latency" or reuse == 1:
        each = (1, 1, 1, 2) if vivado else (2, 2, 3, 6)
    else:
        each = (2, reuse + 5, reuse + 10, reuse + 12)
    return tuple(facts.beats * e + (9 if i == 3 else 0) for i, e in enumerate(each))  # type: ignore[return-value]


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
    """Cycles of a dense layer in Latency strategy, counted as C-synthesis does (0: the result is there in the cycle it starts in).

    Beyond the unroll limit sums are a chain: half a cycle for each term, which two layers of the table show (11220 and 10976 weights).
    """
    if facts.n_weights > UNROLL_LIMIT:
        return round(0.5 * facts.nonzeros / facts.sums)
    return max(math.ceil(tree_levels(facts) / levels_per_cycle(clock_ns, ultrascale)) - 1, 0)


def latency_cycles(facts: LayerFacts, reuse: int, clock_ns: float, ultrascale: bool, spare: int = 0) -> int:
    """The same with a reuse factor: the products take turns on the multipliers that are allowed, then the last ones are added (up to two
    cycles); ``spare``: were there so many multipliers more."""
    depth = latency_depth(facts, clock_ns, ultrascale)
    if reuse == 1:
        return depth
    return max(depth, math.ceil(facts.products / (multiplier_limit(facts, reuse) + spare)) + min(depth, 2) if facts.products else 0)


def registered(facts: LayerFacts, clock_ns: float, ultrascale: bool) -> float:
    """Partial sums that a Latency layer's pipeline registers hold: each cut after ``k`` cycles leaves ``nonzeros / 2**(levels per cycle x
    k)``; a chain holds every term."""
    if facts.n_weights > UNROLL_LIMIT:
        return float(facts.nonzeros)
    per_cycle = levels_per_cycle(clock_ns, ultrascale)
    return sum(facts.nonzeros / 2.0 ** (per_cycle * k) for k in range(1, latency_depth(facts, clock_ns, ultrascale) + 1))


def resource_latency(reuse: list[int]) -> int:
    """Cycles of a chain of dense layers in Resource strategy with io_parallel: sum of the reuse factors + 3 n - 1."""
    return sum(reuse) + 3 * len(reuse) - 1
