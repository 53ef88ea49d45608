"""Magnitude pruning, layer by layer: the smallest weights of each kernel become zero (Zhu and Gupta, arXiv:1710.01878)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...keras_stack import load, load_tfmot
from ...quantize.policy import check_patterns, value_of
from ...recipe import PruneSection
from .. import METHODS


def _schedule(section: PruneSection, sparsity: float, steps: int) -> Any:
    schedules = load_tfmot().schedules
    begin, end = int(section.begin * steps), max(int(section.end * steps), int(section.begin * steps) + 1)
    frequency = max(1, min(section.frequency, end - begin))
    end = begin + (end - begin) // frequency * frequency  # the last change must fall on an update, or the target is missed
    if section.schedule == "constant":
        return schedules.ConstantSparsity(sparsity, begin, end, frequency)
    return schedules.PolynomialDecay(0.0, sparsity, begin, end, power=3, frequency=frequency)


@METHODS.register("magnitude")
def magnitude(model: Any, section: PruneSection, steps: int) -> Any:
    """A copy of ``model`` with a pruning wrapper around each weighted layer that gets a sparsity above 0.

    Args:
        model: QKeras or Keras model.
        section: recipe section ``prune``.
        steps: number of updates of the whole training.

    Raises:
        ModelError: a pattern that matches no layer, or a sparsity that would leave a layer without weights.
    """
    prunable = {layer.name: layer for layer in model.layers if hasattr(layer, "kernel")}
    check_patterns(section.layers, prunable, "prune.layers")
    targets = {name: value_of(name, section.sparsity, section.layers) for name in prunable}
    for name, sparsity in targets.items():
        size = int(np.prod(prunable[name].kernel.shape))
        if sparsity and round(size * (1 - sparsity)) < 1:
            raise ModelError(
                f"prune: {sparsity:.4g} of the {size} weights of '{name}' leaves none",
                do=f"ask for at most {(size - 1) / size:.4f}, or give the layer its own value under prune.layers",
            )
    tfmot, keras = load_tfmot(), load().keras

    def clone(layer: Any) -> Any:
        copy = type(layer).from_config(layer.get_config())
        sparsity = targets.get(layer.name, 0.0)
        return tfmot.prune_low_magnitude(copy, pruning_schedule=_schedule(section, sparsity, steps)) if sparsity else copy

    wrapped = keras.models.clone_model(model, clone_function=clone)
    by_name = {getattr(layer, "layer", layer).name: layer for layer in wrapped.layers}
    for layer in model.layers:
        if layer.weights:
            by_name[layer.name].set_weights(layer.get_weights())
    return wrapped
