"""Resources against speed: the plans that nothing beats on a board, and the cheapest that is quick enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import HardwareError
from ..figures import Figure
from ..integer.network import IntegerNetwork
from .board import RESOURCES, Board
from .estimate import Estimate, estimate
from .factors import LayerPlan
from .reuse import plan as make_plan
from .reuse import weighted_facts
from .setting import Setting
from .ways import Way, allowed_plans, way

MOST = 120
"""Initiation intervals looked at, spread evenly over those that are possible."""

PRICES = np.geomspace(1e-8, 1e-1, 60)
"""What one cycle more may cost, as a share of the board."""


@dataclass(frozen=True)
class Point:
    """One plan and its estimate.

    Attributes:
        plan: strategy and reuse factor by layer.
        estimate: of the whole network.
        share: of the scarcest resource by the central estimate (post-synthesis LUT and FF; layers with weights only where those cannot be had).
    """

    plan: dict[str, LayerPlan]
    estimate: Estimate
    share: float

    @property
    def cycles(self) -> Figure:
        """Latency of an inference, cycles."""
        return self.estimate.total["latency_cycles"]


def trade(
    network: IntegerNetwork,
    *,
    board: Board,
    clock_ns: float | None = None,
    io: str = "io_parallel",
    strategy: str = "auto",
    backend: str = "Vitis",
    everything: bool = True,
) -> list[Point]:
    """Plans in order of latency, each cheaper than every quicker one.

    Looked at are: below each possible initiation interval every layer's cheapest way (a stream's throughput), and at each of many prices of a cycle
    every layer's best way (latency is a sum over layers, so these are on the lower convex hull), and the automatic plan.

    Args:
        everything: also reuse factors up to ``n_in``, whose LUT rest on one design of the table.

    Raises:
        HardwareError: a network without weights, or a layer that cannot be built in the strategy.
    """
    setting = Setting.of(board, clock_ns, backend)
    facts = weighted_facts(network, io)
    ways = {n: [way(f, p, board, setting) for p in allowed_plans(f, strategy, everything)] for n, f in facts.items()}
    bounds = sorted({w.cycles for own in ways.values() for w in own})
    chosen = [_best(ways, lambda w, bound=bound: (w.cycles > bound, w.worst, w.cycles)) for bound in bounds[:: -(-len(bounds) // MOST)]]
    chosen += [_best(ways, lambda w, price=price: (w.worst + price * w.cycles, w.cycles)) for price in PRICES]
    automatic = make_plan(network, board=board, clock_ns=clock_ns, io=io, strategy=strategy, backend=backend)
    chosen.append({n: way(f, automatic[n], board, setting) for n, f in facts.items()})
    different = {tuple(w.plan for w in one.values()): one for one in chosen}
    return _undominated([_point(network, one, board, clock_ns, io, backend) for one in different.values()])


def _best(ways: dict[str, list[Way]], key: Callable[[Way], tuple[float, ...]]) -> dict[str, Way]:
    return {name: min(own, key=key) for name, own in ways.items()}


def _point(network: IntegerNetwork, chosen: dict[str, Way], board: Board, clock_ns: float | None, io: str, backend: str) -> Point:
    plan = {name: w.plan for name, w in chosen.items()}
    told = estimate(network, board=board, plan=plan, clock_ns=clock_ns, io=io, backend=backend)
    shares = []
    for kind in RESOURCES:
        figure = told.total.get(f"{kind}_post_synth", told.total[kind])
        known = figure.available and figure.value is not None
        shares.append(figure.value / max(board.capacity(kind), 1e-9) if known else sum(w.share[kind] for w in chosen.values()))
    return Point(plan, told, max(shares))


def _undominated(points: list[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cycles.value, p.share)):
        if not kept or point.share < kept[-1].share:
            kept.append(point)
    return kept


def cheapest(points: list[Point], latency_cycles: float) -> Point:
    """The cheapest plan whose latency stays within a budget by the upper end of its interval; those that fit the board go before others.

    Raises:
        HardwareError: none does; tells the quickest.
    """
    quick = [p for p in points if (p.cycles.high or p.cycles.value or 0) <= latency_cycles]
    if not quick:
        first = points[0]
        raise HardwareError(
            f"no plan is within {latency_cycles:,.0f} cycles; the quickest takes {first.cycles.text()}",
            expected="a budget that the upper end of a plan's latency keeps",
            do="give the network a larger budget, fewer or smaller layers, or a shorter clock period",
        )
    return min(quick, key=lambda p: (p.estimate.fits is False, p.share))
