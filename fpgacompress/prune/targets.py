"""How many weights each layer may keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError
from ..quantize.policy import check_patterns, value_of
from ..recipe import PruneSection

Shapes = Mapping[str, tuple[int, ...]]


def kept(size: int, sparsity: float) -> int:
    """Weights of ``size`` that live at a sparsity, at least one: float32, as tensorflow-model-optimization counts."""
    return max(int(np.round(np.float32(size) * (np.float32(1) - np.float32(sparsity)))), 1)


PER_LAYER = ("uniform", "erk")
MOST_SENSED = 0.99
"""Largest sparsity of allocation sensitivity, which tries layers down to one weight in 128."""
EVERY = ("uniform", "erk", "global", "sensitivity")


def targets(section: PruneSection, shapes: Shapes, allocations: Sequence[str] = EVERY) -> dict[str, float]:
    """Final sparsity of each layer, of those above 0.

    ``uniform`` gives each layer ``sparsity``, ``erk`` what Erdos-Renyi-Kernel allots of as many weights altogether; ``layers`` overrides
    both (with ``global``, which has one threshold for all layers, and ``sensitivity`` (:mod:`.sensed`) only 0: a layer that is left alone).

    Args:
        section: of the recipe.
        shapes: layer name to shape of its kernel.
        allocations: those that the method knows.

    Raises:
        ModelError: an allocation that the method does not know, a pattern that matches no layer, or a sparsity that would leave a layer without weights.
    """
    if section.allocation not in allocations:
        raise ModelError(f"prune.allocation: {section.allocation} with '{section.method}'", expected=" or ".join(allocations))
    if section.allocation == "sensitivity" and section.sparsity > MOST_SENSED:
        raise ModelError(f"prune: {section.sparsity:g} with allocation sensitivity", expected=f"at most {MOST_SENSED}", do="use global")
    check_patterns(section.layers, shapes, "prune.layers")
    own = {name: value_of(name, np.nan, section.layers) for name in shapes}
    given = {name: value for name, value in own.items() if not np.isnan(value)}
    free = {name: shape for name, shape in shapes.items() if name not in given}
    if section.allocation in ("global", "sensitivity") and any(given.values()):
        name = next(n for n, v in given.items() if v)
        raise ModelError(
            f"prune.layers: {given[name]:g} for '{name}', and allocation {section.allocation}, which finds the layers' own",
            expected="0 for layers that are left alone",
            do="use allocation: uniform or erk",
        )
    shares = erk(free, section.sparsity) if section.allocation == "erk" and free else dict.fromkeys(free, section.sparsity)
    found = {name: given.get(name, shares.get(name, 0.0)) for name in shapes}
    for name, sparsity in found.items():
        size = int(np.prod(shapes[name]))
        if sparsity and round(size * (1 - sparsity)) < 1:
            raise ModelError(
                f"prune: {sparsity:.4g} of the {size} weights of '{name}' leaves none",
                do=f"ask for at most {(size - 1) / size:.4f}, or give the layer its own value under prune.layers",
            )
    return {name: sparsity for name, sparsity in found.items() if sparsity}


def erk(shapes: Shapes, sparsity: float) -> dict[str, float]:
    """Erdos-Renyi-Kernel sparsities (Mocanu et al., arXiv:1707.04780; Evci et al., arXiv:1911.11134).

    The density of a layer is proportional to ``sum(shape) / prod(shape)``; layers for which that is more than 1 stay dense, and the others
    share what is left, so that ``sparsity`` of all weights together are zero.
    """
    dense: set[str] = set()
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    raw = {name: sum(shape) / sizes[name] for name, shape in shapes.items()}
    while True:
        budget = (1 - sparsity) * sum(sizes.values()) - sum(sizes[n] for n in dense)
        factor = budget / sum(raw[n] * sizes[n] for n in shapes if n not in dense)
        full = {n for n in shapes if n not in dense and factor * raw[n] > 1}
        if not full:
            return {n: 0.0 if n in dense else 1 - factor * raw[n] for n in shapes}
        dense |= full


def shapes_of(kernels: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of kernel variables or arrays."""
    return {name: tuple(int(n) for n in kernel.shape) for name, kernel in kernels.items()}
