"""The plan: for every weighted layer a strategy and a reuse factor that HLS can synthesise and that fit the board."""

from __future__ import annotations

import math

from ..errors import HardwareError
from ..integer.network import IntegerNetwork
from .board import RESOURCES, Board
from .calibration import ZERO
from .factors import UNROLLED, LayerPlan, check_layer, legal_factors, legal_plans, neighbours, unrolled_factors, valid_reuse_factors
from .facts import UNROLL_LIMIT, LayerFacts, network_facts
from .layer import activation_area
from .setting import Setting
from .ways import CEILING, COMFORT, Way, allowed_plans, way

__all__ = [
    "COMFORT",
    "LayerPlan",
    "check_layer",
    "check_plan",
    "io_type",
    "legal_factors",
    "legal_plans",
    "neighbours",
    "plan",
    "valid_reuse_factors",
]


def _fixed(network: IntegerNetwork, board: Board) -> tuple[dict[str, float], dict[str, float]]:
    """Shares that the plan cannot change: activations."""
    share, high = dict.fromkeys(RESOURCES, 0.0), dict.fromkeys(RESOURCES, 0.0)
    for kind in ("lut", "ff"):
        area = sum((activation_area(n, network, kind, "post-synth") for n in network.nodes), ZERO)
        share[kind], high[kind] = area.value / board.capacity(kind), area.high / board.capacity(kind)
    return share, high


def _tiers(comfort: float) -> tuple[tuple[float, float], ...]:
    """What a plan may take, from cautious to bold: share by the central estimate, share by the upper end."""
    return (comfort, CEILING), (comfort, float("inf")), (CEILING, float("inf"))


PATIENCE = 4
"""How many times slower a more cautious plan may be than the next bolder one before it is given up."""

NEARLY = 1.25
"""Where nothing fits, a layer takes its quickest way within this factor of its cheapest."""


def _fits(chosen: list[Way], fixed: tuple[dict[str, float], dict[str, float]], tier: tuple[float, float]) -> bool:
    central = all(fixed[0][k] + sum(c.share[k] for c in chosen) <= tier[0] for k in RESOURCES)
    return central and all(_upper(chosen, fixed, k) <= tier[1] for k in RESOURCES)


def _upper(chosen: list[Way], fixed: tuple[dict[str, float], dict[str, float]], kind: str) -> float:
    """Upper end of a resource's share, put together as :func:`.estimate.estimate` does: activations have an error of their own."""
    value, beyond = sum(c.share[kind] for c in chosen), sum(c.share_high[kind] - c.share[kind] for c in chosen)
    return value + fixed[0][kind] + math.hypot(beyond, fixed[1][kind] - fixed[0][kind])


def _balanced(options: list[list[Way]], fixed: tuple[dict[str, float], dict[str, float]], tier: tuple[float, float]) -> list[Way] | None:
    """The plan with the smallest initiation interval that fits: below each bound every layer takes its cheapest way (to 1 %), or None."""
    for bound in sorted({c.cycles for layer in options for c in layer}):
        chosen = []
        for layer in options:
            allowed = [c for c in layer if c.cycles <= bound]
            if not allowed:
                break
            chosen.append(min(allowed, key=lambda c: (round(c.worst, 2), c.cycles)))
        if len(chosen) == len(options) and _fits(chosen, fixed, tier):
            return chosen
    return None


def _quicker(
    chosen: list[Way], options: list[list[Way]], fixed: tuple[dict[str, float], dict[str, float]], tier: tuple[float, float]
) -> list[Way]:
    """Spend what is left: give layers, the slowest first, the quickest way that still fits."""
    chosen = list(chosen)
    for at in sorted(range(len(chosen)), key=lambda i: -chosen[i].cycles):
        for option in sorted(options[at], key=lambda c: c.cycles):
            if option.cycles >= chosen[at].cycles:
                break
            if _fits(chosen[:at] + [option] + chosen[at + 1 :], fixed, tier):
                chosen[at] = option
                break
    return chosen


def weighted_facts(network: IntegerNetwork, io: str) -> dict[str, LayerFacts]:
    """Facts of the layers with weights by name; ``io`` as in :func:`io_type`.

    Raises:
        HardwareError: there is none, or no such io type.
    """
    facts = network_facts(network, io_type(io))
    if not facts:
        raise HardwareError(f"the network '{network.name}' has no layer with weights", expected="at least one dense or convolution layer")
    return facts


def check_plan(network: IntegerNetwork, plan: dict[str, LayerPlan], io: str = "io_parallel") -> None:
    """Refuse a plan that leaves out a layer or names one that hls4ml or HLS could not build with this io type.

    Raises:
        HardwareError: the layer and the nearest legal choice.
    """
    facts = weighted_facts(network, io)
    for name in plan:
        if name not in facts:
            raise HardwareError(f"the plan names a layer '{name}' that has no weights", expected=f"one of {', '.join(facts)}")
    for name, layer in facts.items():
        if name not in plan:
            raise HardwareError(
                f"the plan says nothing about layer '{name}'", expected="a strategy and a reuse factor for every layer with weights"
            )
        check_layer(layer, plan[name])


def _named(value: str, allowed: dict[str, str], what: str) -> str:
    name = allowed.get(str(value).lower())
    if name is None:
        raise HardwareError(f"{what} is '{value}'", expected=f"one of {', '.join(allowed)}")
    return name


def io_type(io: str) -> str:
    """hls4ml's name of an io type: "io_parallel" or "io_stream", also for "parallel" and "stream"."""
    return _named(io, {name: f"io_{name.removeprefix('io_')}" for name in ("io_parallel", "io_stream", "parallel", "stream")}, "io")


def plan(
    network: IntegerNetwork,
    *,
    board: Board,
    clock_ns: float | None = None,
    io: str = "io_parallel",
    strategy: str = "auto",
    reuse: str | int | dict[str, int] = "auto",
    latency_budget_cycles: int | None = None,
    backend: str = "Vitis",
    share: float | None = None,
) -> dict[str, LayerPlan]:
    """A strategy and a reuse factor for every layer with weights, by layer name.

    "auto" takes reuse factors above ``n_in`` only (below, C-synthesis gives every multiplier a multiplexer of its own and the
    estimate rests on one design), unless a latency budget asks for more. It takes the smallest initiation interval at which the
    central post-synthesis estimate stays within 70 % of every resource and its upper end within 100 %, then spends what is left on
    latency; where that makes it more than four times slower, the central estimate alone decides. Where nothing fits, nearly the
    cheapest legal plan is returned. :func:`.estimate.estimate` says what does not fit. Latency strategy is taken only for kernels of
    at most 4096 weights; Resource keeps ``n_weights / RF`` below it.

    Args:
        io: "io_parallel" or "io_stream" (or without "io_"); convolutions have fewer legal reuse factors in the first.
        strategy: "auto", "latency" (every layer unrolled, reuse 1), "resource" or "resource_unrolled" (dense layers whose multipliers without
            weights are left out; other layers in "resource"); "auto" never takes the last, whose LUT are not known.
        reuse: "auto", one factor for all layers in Resource strategy, or one per layer name (other layers automatic).
        latency_budget_cycles: refuse a plan whose layers together take more cycles.
        share: of each resource that the plan may take by the central estimate (0 to 1); without one 0.7 where that is possible.

    Raises:
        HardwareError: an illegal factor (with the nearest legal ones), a layer that cannot be unrolled, an unmet budget, a share that no plan keeps.
    """
    kind = _named(strategy, {name: name for name in ("auto", "latency", "resource", "resource_unrolled")}, "strategy")
    facts = weighted_facts(network, io)
    setting = Setting.of(board, clock_ns, backend)
    given = _given(reuse, facts, kind)
    fixed = _fixed(network, board)
    for everything in (False, True):
        chosen = _choose([_options(f, given.get(n), kind, everything, board, setting) for n, f in facts.items()], fixed, share, board)
        total = sum(c.cycles for c in chosen)
        if latency_budget_cycles is None or total <= latency_budget_cycles:
            return {name: c.plan for name, c in zip(facts, chosen)}
    raise HardwareError(
        f"the quickest plan that fits {board.name} takes {total} cycles in its layers",
        expected=f"at most {latency_budget_cycles}",
        do="take a larger board, a smaller student or a larger budget",
    )


def _options(facts: LayerFacts, given: LayerPlan | None, strategy: str, everything: bool, board: Board, setting: Setting) -> list[Way]:
    """Ways to build a layer that a plan may choose from; one when the user fixed it."""
    if given is not None:
        check_layer(facts, given)
        return [way(facts, given, board, setting)]
    return [way(facts, one, board, setting) for one in allowed_plans(facts, strategy, everything)]


def _choose(options: list[list[Way]], fixed: tuple[dict[str, float], dict[str, float]], share: float | None, board: Board) -> list[Way]:
    """The quickest plan of the most cautious tier that is not much slower than the next; without any, nearly the cheapest.

    Only a plan that surely fits spends what is left on latency. A share that is asked for is kept, or refused.
    """
    tiers = _tiers(COMFORT) if share is None else _tiers(share)[:2]
    plans = [(tier, found) for tier in tiers if (found := _balanced(options, fixed, tier))]
    if not plans and share is not None:
        least = max(fixed[0][k] + sum(min(w.share[k] for w in layer) for layer in options) for k in RESOURCES)
        raise HardwareError(
            f"no plan keeps to {100 * share:.0f} % of {board.name}",
            expected=f"a share of at least {100 * least:.0f} %, or a smaller network",
        )
    if not plans:
        return [min((c for c in layer if c.worst <= NEARLY * min(o.worst for o in layer)), key=lambda c: c.cycles) for layer in options]
    while share is None and len(plans) > 1 and _slowest(plans[0][1]) > PATIENCE * _slowest(plans[1][1]):
        plans.pop(0)
    tier, found = plans[0]
    return _quicker(found, options, fixed, tier) if tier[1] == CEILING else found


def _slowest(chosen: list[Way]) -> int:
    return max(c.cycles for c in chosen)


def _given(reuse: str | int | dict[str, int], facts: dict[str, LayerFacts], strategy: str) -> dict[str, LayerPlan]:
    """Plans that the user fixed."""
    if isinstance(reuse, dict):
        unknown = [name for name in reuse if name not in facts]
        if unknown:
            raise HardwareError(
                f"a reuse factor is given for layer '{unknown[0]}', which has no weights", expected=f"one of {', '.join(facts)}"
            )
        wanted = reuse
    elif str(reuse) == "auto":
        return {}
    else:
        try:
            wanted = {name: 1 if f.latency_only else int(reuse) for name, f in facts.items()}
        except ValueError:
            raise HardwareError(f"reuse is '{reuse}'", expected="'auto' or a whole number") from None
    given = {}
    for name, factor in wanted.items():
        if factor < 1:
            raise HardwareError(f"layer '{name}': reuse factor {factor}", expected="a whole number of at least 1")
        unroll = strategy == "latency" or (strategy == "auto" and factor == 1 and facts[name].n_weights <= UNROLL_LIMIT)
        unroll = unroll or (facts[name].latency_only and factor == 1)
        sparse = strategy == "resource_unrolled" and factor > 1 and bool(unrolled_factors(facts[name]))
        given[name] = LayerPlan("Latency" if unroll else UNROLLED if sparse else "Resource", int(factor))
    return given
