"""The operations of an integer network: one file per family, each with its exact ranges and its exact computation."""

from __future__ import annotations

from ...errors import UnsupportedError
from ..network import Node
from . import casts, merges, moves, pools, weighted
from .base import LARGEST, Apply, Edge, Operation, Range

OPERATIONS: dict[str, Operation] = {
    **moves.OPERATIONS,
    **merges.OPERATIONS,
    **pools.OPERATIONS,
    **casts.OPERATIONS,
    **weighted.OPERATIONS,
}


def operation(node: Node) -> Operation:
    """The operation of a node.

    Raises:
        UnsupportedError: nobody knows it.
    """
    if node.op not in OPERATIONS:
        raise UnsupportedError(
            f"layer '{node.name}': there is no operation '{node.op}'", expected=f"one of {', '.join(sorted(OPERATIONS))}"
        )
    return OPERATIONS[node.op]


__all__ = ["LARGEST", "OPERATIONS", "Apply", "Edge", "Operation", "Range", "operation"]
