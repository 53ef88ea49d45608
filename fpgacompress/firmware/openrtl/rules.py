"""Rules by class of hls4ml's layers: each lowers one layer with exactly the numbers of hls4ml's C simulation (``io_parallel``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import activations, pooling, shapes, weighted
from .builder import GraphBuilder

Rule = Callable[[Any, list[str], GraphBuilder], str]
"""(layer, names of the nodes it reads, builder) -> name of the node that is its result."""

RULES: dict[str, Rule] = {**weighted.RULES, **activations.RULES, **pooling.RULES, **shapes.RULES}
