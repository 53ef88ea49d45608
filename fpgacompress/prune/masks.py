"""Masks of a model under training, on tensorflow-model-optimization's wrappers and schedules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..keras_stack import load_tfmot


class Masks:
    """The pruning wrappers of a model.

    The wrapper changes its mask in the forward pass on the schedule's steps; :meth:`after_update` multiplies it into the weights after
    each optimizer update, so that a pruned weight is exactly zero whenever anybody looks.
    """

    def __init__(self, model: Any) -> None:
        kind = load_tfmot().PruneLowMagnitude
        self.wrappers = [layer for layer in model.layers if isinstance(layer, kind)]

    def before_training(self) -> None:
        """Tell the wrappers that step 0 is next (tfmot counts from its callback; we count ourselves)."""
        for wrapper in self.wrappers:
            wrapper.pruning_step.assign(np.int64(0))

    def after_update(self) -> None:
        """Multiply the masks into the weights; call inside the training function, after the optimizer."""
        for wrapper in self.wrappers:
            wrapper.pruning_obj.weight_mask_op()

    @property
    def variables(self) -> list[Any]:
        """Masks, thresholds and step counters, for checkpoints."""
        return [v for w in self.wrappers for v in (w.pruning_step, *(x for _, m, t in w.pruning_vars for x in (m, t)))]

    def sparsity(self) -> float:
        """Zeros in all masks together, as a fraction."""
        masks = [m.numpy() for w in self.wrappers for _, m, _ in w.pruning_vars]
        total = sum(m.size for m in masks)
        return 1.0 - sum(float(m.sum()) for m in masks) / total if total else 0.0


def strip(model: Any) -> Any:
    """The model without wrappers, masked weights exactly zero."""
    masks = Masks(model)
    for wrapper in masks.wrappers:
        for weight, mask, _ in wrapper.pruning_vars:
            weight.assign(weight * mask)
    return load_tfmot().strip_pruning(model)


def zero_fraction(kernel: np.ndarray) -> float:
    """Fraction of exact zeros."""
    return float(np.mean(np.asarray(kernel) == 0))
