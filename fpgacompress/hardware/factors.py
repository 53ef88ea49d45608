"""Reuse factors hls4ml accepts, and which ways of building a layer the HLS tool can really synthesise.

hls4ml (1.3.0, ``backends/fpga/fpga_backend.py`` and ``nnet_dense_resource.h``) silently replaces an illegal factor by the nearest legal
one, and takes factors for convolutions in arrays that their function computes wrongly (:func:`.kernels.reuse_limit`); here both are errors,
and a plan is legal before any tool is started.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from ..errors import HardwareError
from .facts import UNROLL_LIMIT, LayerFacts

UNROLLED = "Resource_Unrolled"


@dataclass(frozen=True)
class LayerPlan:
    """How one layer is built.

    Attributes:
        strategy: "Latency" (constants unrolled, zeros cost nothing), "Resource" (weights in ROM, zeros are stored and multiplied like
            others) or "Resource_Unrolled" (the same, but hls4ml writes one line of C++ for each weight that is not zero, and a multiplier
            whose weights are all zero is left out).
        reuse: reuse factor: how many products share one multiplier.
    """

    strategy: str
    reuse: int

    @property
    def shared(self) -> bool:
        """Weights in ROM that take turns on multipliers; with reuse factor 1 every strategy unrolls."""
        return self.strategy != "Latency" and self.reuse > 1


@lru_cache(maxsize=1024)
def valid_reuse_factors(n_in: int, n_out: int) -> tuple[int, ...]:
    """Reuse factors hls4ml allows for a dense kernel of ``n_in x n_out`` weights in Resource strategy, ascending.

    Its three conditions (the multipliers divide evenly over the outputs or the factor is at least ``n_in``; a factor of at least ``n_in``
    is a multiple of it; the factor divides the number of weights) come down to: the divisors of ``n_in``, and ``n_in`` times the divisors
    of ``n_out``.
    """
    if n_in < 1 or n_out < 1:
        raise HardwareError(f"a layer of {n_in} x {n_out} weights has no reuse factor", expected="at least one input and one output")
    below = [d for d in range(1, n_in) if n_in % d == 0]
    return tuple(below + [n_in * d for d in range(1, n_out + 1) if n_out % d == 0])


def legal_factors(facts: LayerFacts) -> tuple[int, ...]:
    """Reuse factors with which hls4ml builds a layer in Resource strategy and computes it right, ascending."""
    limit = facts.n_weights if facts.reuse_limit is None else facts.reuse_limit
    return tuple(factor for factor in valid_reuse_factors(facts.n_in, facts.n_out) if factor <= limit)


def neighbours(valid: tuple[int, ...], reuse: int) -> tuple[int, ...]:
    """Those of the ascending factors ``valid`` next to ``reuse``: the nearest below and above (one at the ends, itself when valid)."""
    if reuse in valid:
        return (reuse,)
    at = bisect_left(valid, reuse)
    return valid[max(at - 1, 0) : at + 1]


def check_layer(facts: LayerFacts, layer: LayerPlan) -> None:
    """Refuse a strategy or reuse factor that hls4ml would change, or that HLS could not unroll.

    Raises:
        HardwareError: with the nearest legal factors, or the strategy that would do.
    """
    where = f"layer '{facts.name}' ({facts.n_in} x {facts.n_out} weights)"
    if layer.strategy == "Latency":
        if layer.reuse != 1:
            raise HardwareError(
                f"{where}: Latency strategy with reuse factor {layer.reuse}",
                expected="reuse factor 1, the only one at which it unrolls",
                do="take strategy 'resource' to share multipliers",
            )
        if facts.n_weights > UNROLL_LIMIT:
            raise HardwareError(
                f"{where} in Latency strategy unrolls {facts.n_weights} products",
                expected=f"at most {UNROLL_LIMIT}, the partition limit of Vivado HLS and Vitis HLS",
                do="take strategy 'auto' or 'resource', or a smaller layer",
            )
        return
    if facts.latency_only:
        raise HardwareError(
            f"{where}: {facts.op} in {layer.strategy} strategy",
            expected="Latency, the only way a layer per channel or with saturating sums is built",
        )
    if layer.strategy not in ("Resource", UNROLLED):
        raise HardwareError(f"{where}: there is no strategy '{layer.strategy}'", expected=f"'Latency', 'Resource' or '{UNROLLED}'")
    if layer.strategy == UNROLLED:
        _check_unrolled(facts, layer, where)
    legal = legal_factors(facts)
    if facts.reuse_limit is not None and layer.reuse > facts.reuse_limit:
        raise HardwareError(
            f"{where}: hls4ml computes a convolution in io_parallel wrongly at reuse factor {layer.reuse}",
            expected=f"at most {facts.reuse_limit}, the weights of one filter",
            do=f"give {legal[-1]} or reuse 'auto', or take io_stream, which has larger factors",
        )
    if layer.reuse not in legal:
        near = " and ".join(str(n) for n in neighbours(legal, layer.reuse))
        raise HardwareError(
            f"{where}: hls4ml cannot use reuse factor {layer.reuse}",
            expected=f"a legal factor; the nearest are {near}",
            do="give one of those, or reuse 'auto'",
        )
    if facts.n_weights // layer.reuse > UNROLL_LIMIT:
        least = [f for f in legal if facts.n_weights // f <= UNROLL_LIMIT]
        raise HardwareError(
            f"{where} at reuse factor {layer.reuse} unrolls {facts.n_weights // layer.reuse} products",
            expected=f"at most {UNROLL_LIMIT}; " + (f"the smallest factor that keeps to it is {least[0]}" if least else "no factor does"),
        )


def unrolled_factors(facts: LayerFacts) -> tuple[int, ...]:
    """Reuse factors of a dense layer in Resource_Unrolled strategy, ascending: those of at most ``n_in``, with which hls4ml's code has as many
    multipliers as there are groups of ``reuse`` weights that are not all zero. Empty for other layers."""
    if not facts.is_dense:
        return ()
    return tuple(f for f in legal_factors(facts) if 2 <= f <= facts.n_in and f < facts.n_weights)


def _check_unrolled(facts: LayerFacts, layer: LayerPlan, where: str) -> None:
    factors = unrolled_factors(facts)
    if layer.reuse not in factors:
        near = " and ".join(str(n) for n in neighbours(factors, layer.reuse)) if factors else ""
        raise HardwareError(
            f"{where}: {facts.op} in {UNROLLED} strategy with reuse factor {layer.reuse}",
            expected=f"a factor from 2 to the {facts.n_in} inputs; the nearest are {near}"
            if factors
            else "a dense layer with a factor above 1",
            do="take one of those, or strategy 'resource'" if factors else "take strategy 'resource', or 'latency'",
        )


def legal_plans(facts: LayerFacts, strategy: str = "auto") -> list[LayerPlan]:
    """Every legal way to build a layer, fastest first. ``strategy`` is "auto", "latency", "resource" or "resource_unrolled"
    (dense layers that have such a factor; others have "resource")."""
    options = []
    if strategy in ("auto", "latency") and facts.n_weights <= UNROLL_LIMIT:
        options.append(LayerPlan("Latency", 1))
    if facts.latency_only and facts.n_weights <= UNROLL_LIMIT:
        return [LayerPlan("Latency", 1)]
    unrolled = [LayerPlan(UNROLLED, f) for f in unrolled_factors(facts) if facts.n_weights // f <= UNROLL_LIMIT]
    if strategy == "resource_unrolled" and unrolled:
        return unrolled
    if strategy != "latency":
        start = 2 if strategy == "auto" else 1
        options += [LayerPlan("Resource", f) for f in legal_factors(facts) if f >= start and facts.n_weights // f <= UNROLL_LIMIT]
    return options
