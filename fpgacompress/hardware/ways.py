"""Ways to build one layer and what each takes of a board."""

from __future__ import annotations

from dataclasses import dataclass

from .board import RESOURCES, Board
from .factors import LayerPlan, check_layer, legal_plans
from .facts import LayerFacts
from .layer import layer_area, layer_counts
from .setting import Setting

COMFORT = 0.7
"""Share of each resource that an automatic plan may take by the central estimate; the rest is for the DMA, the interconnect and routing."""

CEILING = 1.0
"""Share that the upper end of the interval may take in an automatic plan."""


@dataclass(frozen=True)
class Way:
    """One way to build a layer and what it takes (post-synthesis LUT and FF, DSP and BRAM18 by law), as shares of the board."""

    plan: LayerPlan
    share: dict[str, float]
    share_high: dict[str, float]
    cycles: int

    @property
    def worst(self) -> float:
        """The scarcest resource's share; smaller is cheaper."""
        return max(max(self.share.values()), max(self.share_high.values()) * COMFORT / CEILING)


def way(facts: LayerFacts, plan: LayerPlan, board: Board, setting: Setting) -> Way:
    """What a layer built by a plan takes of a board."""
    counts = layer_counts(facts, plan, setting)
    share, high = {}, {}
    for kind in RESOURCES:
        capacity = max(board.capacity(kind), 1e-9)
        if kind in ("lut", "ff"):
            area = layer_area(facts, plan, kind, "post-synth", setting)
            share[kind], high[kind] = area.value / capacity, area.high / capacity
        else:
            share[kind] = high[kind] = counts[kind] / capacity
    return Way(plan, share, high, counts["ii"])


def allowed_plans(facts: LayerFacts, strategy: str, everything: bool) -> list[LayerPlan]:
    """Legal plans of a layer that an automatic choice looks at: reuse factors up to ``n_in`` only with ``everything``.

    Raises:
        HardwareError: the layer cannot be built in this strategy at all.
    """
    plans = legal_plans(facts, strategy)
    if not plans:
        check_layer(facts, LayerPlan("Latency", 1))
    known = [p for p in plans if p.strategy == "Latency" or p.reuse > facts.n_in or not facts.is_dense]
    return plans if everything or not known else known
