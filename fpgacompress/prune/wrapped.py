"""tensorflow-model-optimization's pruning wrappers, for models that bring them along: their masks, changed by their own schedules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..keras_stack import load_tfmot
from .pruning import Nothing


class Wrapped(Nothing):
    """The wrappers of a model, or none.

    A wrapper changes its mask in its forward pass on its schedule's updates. tfmot counts updates by a callback; here the wrappers start
    at 0 with the training, and masks are multiplied in behind each update, so that a pruned weight is zero whenever anybody looks.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        kind = load_tfmot().PruneLowMagnitude
        self.wrappers = [layer for layer in model.layers if isinstance(layer, kind)]

    @property
    def variables(self) -> list[Any]:
        """Masks, thresholds and step counters."""
        return [v for w in self.wrappers for v in (w.pruning_step, *(x for _, m, t in w.pruning_vars for x in (m, t)))]

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """(kernel variable, mask variable)."""
        return [(weight, mask) for w in self.wrappers for weight, mask, _ in w.pruning_vars]

    def begin(self) -> None:
        """Tell the wrappers that update 0 is next."""
        for wrapper in self.wrappers:
            wrapper.pruning_step.assign(np.int64(0))

    def after_update(self) -> None:
        """Multiply the masks into the weights."""
        for wrapper in self.wrappers:
            wrapper.pruning_obj.weight_mask_op()

    def sparsity(self) -> float:
        """Zeros in all masks together, as a fraction."""
        masks = [mask.numpy() for _, mask in self.pairs]
        total = sum(m.size for m in masks)
        return 1.0 - sum(float(m.sum()) for m in masks) / total if total else 0.0


def strip(model: Any) -> Any:
    """The model without wrappers, masked weights exactly zero."""
    for weight, mask in Wrapped(model).pairs:
        weight.assign(weight * mask)
    return load_tfmot().strip_pruning(model)
