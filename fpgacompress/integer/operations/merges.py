"""Operations with several inputs: exact sums and joins, brought to one binary point."""

from __future__ import annotations

import numpy as np

from ..network import Node
from ..types import FixedType
from .base import Edge, monotone, scaled


def _aligned(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> list[np.ndarray]:
    dtype = np.result_type(*inputs)
    return [scaled(x.astype(dtype, copy=False), node.out.fraction - t.fraction) for x, t in zip(inputs, types, strict=True)]


def _added(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return sum(_aligned(node, types, inputs))  # type: ignore[return-value]


def _concatenated(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(_aligned(node, types, inputs), axis=node.params["axis"] + 1)


def _sum_growth(node: Node, edges: list[Edge]) -> int:
    return sum(e.largest << max(node.out.fraction - e.type.fraction, 0) for e in edges)


OPERATIONS = {"add": monotone(_added, _sum_growth), "concatenate": monotone(_concatenated, _sum_growth)}
