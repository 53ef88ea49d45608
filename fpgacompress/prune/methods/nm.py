"""N:M sparsity: n weights live in every group of m inputs (Mishra et al., arXiv:2104.08378)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...recipe import PruneSection
from .. import METHODS, Pruning, held_by, kernels_of, options_of
from ..held import Moment
from ..probe import Arrays
from ..targets import shapes_of, targets


@METHODS.register("nm")
def nm(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """The n largest weights of every m consecutive inputs (channels of a convolution) of an output live.

    ``sparsity`` must be ``1 - n / m``; on the way there, groups lose one weight after the other. ``layers: {conv1: 0}`` leaves a layer alone.

    Options:
        n (default 2): that live.
        m (default 4): of so many.
    """
    options = options_of(section, n=2, m=4)
    n, m = options["n"], options["m"]
    if not 1 <= n < m or abs(section.sparsity - (1 - n / m)) > 1e-9:
        raise ModelError(f"prune: {n}:{m} and sparsity {section.sparsity:g}", expected=f"n below m, and sparsity {1 - n / max(m, 1):g}")
    shapes = shapes_of(kernels_of(model))
    for name, wanted in targets(section, shapes, ("uniform",)).items():
        if shapes[name][-2] % m:
            raise ModelError(
                f"prune: {n}:{m} for '{name}' with {shapes[name][-2]} inputs",
                expected=f"a multiple of {m}",
                do=f"leave it alone: prune.layers: {{{name}: 0}}",
            )
        if abs(wanted - section.sparsity) > 1e-9:
            raise ModelError(f"prune.layers: {wanted:g} for '{name}' under {n}:{m}", expected=f"0 or {section.sparsity:g}")

    def rule(moment: Moment) -> Arrays:
        return {name: _grouped(np.abs(k), m, max(n, round(m * (1 - moment.sparsity[name])))) for name, k in moment.kernels().items()}

    return held_by(rule, model, section, steps, seed)


def _grouped(scores: np.ndarray, m: int, alive: int) -> np.ndarray:
    """A mask of the ``alive`` largest scores of each ``m`` consecutive ones along the axis of the inputs."""
    groups = np.moveaxis(scores, -2, -1).reshape(-1, m)
    ranks = np.argsort(np.argsort(-groups, axis=1, kind="stable"), axis=1, kind="stable")
    turned = np.moveaxis(scores, -2, -1).shape
    return np.moveaxis((ranks < alive).reshape(turned), -1, -2)
