"""Activation-aware pruning: magnitude times what the weight is multiplied with (Wanda: Sun et al., arXiv:2306.11695)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...recipe import PruneSection
from .. import METHODS, Pruning, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("activation")
def activation(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``|w| * sqrt(mean square of its input)`` on training samples.

    The paper compares the weights of one output at a time: ``by_output``.

    Options:
        samples (default 1024): that are looked at.
        by_output (default False): the same number of weights lives in each output.
    """
    options = options_of(section, samples=1024, by_output=False)

    def score(moment: Moment) -> Arrays:
        squares = moment.probe.input_squares(options["samples"])
        found = {name: np.abs(kernel) * np.sqrt(squares[name]) for name, kernel in moment.kernels().items()}
        return {name: _ranked(v) for name, v in found.items()} if options["by_output"] else found

    return scored(score, model, section, steps, seed)


def _ranked(scores: np.ndarray) -> np.ndarray:
    """Ranks within each output (last axis): the largest ones of all outputs live together."""
    flat = scores.reshape(-1, scores.shape[-1])
    ranks = np.argsort(np.argsort(flat, axis=0, kind="stable"), axis=0, kind="stable")
    return ranks.reshape(scores.shape).astype(np.float64)
