"""Magnitude pruning: the smallest weights become zero (Han et al., arXiv:1506.02626; Zhu and Gupta, arXiv:1710.01878)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("magnitude")
def magnitude(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``|w|``. On the same schedule the masks are those of tensorflow-model-optimization's wrappers.

    Options:
        adaptive (default False): LAMP, ``w^2 / sum of the squares of the layer's weights that are not smaller`` (Lee et al.,
            arXiv:2010.07611), which compares weights of different layers; for ``allocation: global``.
    """
    adaptive = options_of(section, adaptive=False)["adaptive"]

    def score(moment: Moment) -> Arrays:
        return {name: lamp(kernel) if adaptive else np.abs(kernel) for name, kernel in moment.kernels().items()}

    return scored(score, model, section, steps, seed)


def lamp(kernel: np.ndarray) -> np.ndarray:
    """LAMP scores of a kernel, float64."""
    squares = np.square(kernel.astype(np.float64)).ravel()
    order = np.argsort(squares, kind="stable")
    above = np.cumsum(squares[order][::-1])[::-1]  # of each and all that are larger
    scores = np.zeros_like(squares)
    scores[order] = squares[order] / np.maximum(above, np.finfo(float).tiny)
    return scores.reshape(kernel.shape)
