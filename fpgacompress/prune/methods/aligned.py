"""Zeros that free multipliers: weights that share one under a reuse factor go together (Ramhorst et al., arXiv:2308.05170)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...recipe import PruneSection
from .. import METHODS, Pruning, held_by, kernels_of, options_of
from ..held import Moment, largest
from ..probe import Arrays
from ..targets import PER_LAYER, shapes_of, targets


@METHODS.register("aligned")
def aligned(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score of a group: root of the mean square of its weights.

    hls4ml's Resource strategy keeps a layer's weights output by output, and one multiplier takes ``reuse`` consecutive ones, one in each
    cycle: only where all of them are zero is it not needed. With ``word`` above 1 so many neighbouring multipliers go together, whose
    weights lie in one word of a block RAM.

    Options:
        reuse (default 4): reuse factor of all layers; must divide the number of weights of each.
        word (default 1): multipliers whose weights share a word (36 bits over the bits of a weight).
    """
    options = options_of(section, reuse=4, word=1)
    group = options["reuse"] * options["word"]
    if group < 1:
        raise ModelError(f"prune.options: reuse {options['reuse']}, word {options['word']}", expected="at least 1")
    shapes = shapes_of(kernels_of(model))
    for name, sparsity in targets(section, shapes, PER_LAYER).items():
        size = int(np.prod(shapes[name]))
        if size % group:
            raise ModelError(f"prune: groups of {group} of the {size} weights of '{name}'", expected="a reuse factor that divides them")
        if round(size // group * (1 - sparsity)) < 1:
            raise ModelError(f"prune: {sparsity:.4g} of the {size // group} groups of '{name}' leaves none", do="ask for less")

    def rule(moment: Moment) -> Arrays:
        return {n: _grouped(kernel, group, moment.count(n)) for n, kernel in moment.kernels().items()}

    return held_by(rule, model, section, steps, seed)


def _grouped(kernel: np.ndarray, group: int, alive: int) -> np.ndarray:
    """A mask of about ``alive`` weights in whole groups along the transposed kernel, at least one group."""
    turned = np.reshape(kernel, (-1, kernel.shape[-1])).T  # output by output, as hls4ml stores them
    scores = np.square(turned.reshape(-1, group).astype(np.float64)).mean(1)
    mask = np.repeat(largest(scores, max(round(alive / group), 1)), group)
    return np.ascontiguousarray(mask.reshape(turned.shape).T).reshape(kernel.shape)
