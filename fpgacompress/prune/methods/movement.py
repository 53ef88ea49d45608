"""Movement pruning: weights that move away from zero live (Sanh, Wolf, Rush, arXiv:2005.07683)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...keras_stack import load
from ...recipe import PruneSection
from .. import METHODS, Pruning, kernels_of, options_of
from ..gated import Gated
from ..held import largest
from ..probe import Probe
from ..schedules import schedule_of
from ..targets import PER_LAYER, kept, shapes_of, targets


@METHODS.register("movement")
def movement(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``-sum over updates of gradient * w``, of weights behind their masks; the largest ones live.

    Pruned weights keep their value, and come back when their score does, until the schedule's last change. In the paper masks change in
    each update, here every ``frequency`` ones; its code moves the scores with Adam, here they are the sum itself, as in its equation 4.
    """
    options_of(section)
    kernels = kernels_of(model)
    return Movement(model, kernels, schedule_of(section, steps), targets(section, shapes_of(kernels), PER_LAYER))


class Movement(Gated):
    """Learned scores; see :func:`movement`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        tf = load().tf
        self.scores = {n: tf.Variable(np.zeros(k.shape, np.float32), name=f"{n}/score") for n, k in self.masks.kernels.items()}

    @property
    def trained(self) -> list[Any]:
        """The scores."""
        return list(self.scores.values())

    def begin(self) -> None:
        """No score knows anything."""
        super().begin()
        for score in self.scores.values():
            score.assign(np.zeros(score.shape, np.float32))

    def taken(self, variable: Any, gradient: Any) -> Any:
        """Scores take their gradient themselves."""
        if not any(variable is score for score in self.scores.values()):
            return gradient
        variable.assign_sub(gradient)
        return gradient * 0.0

    def gate(self, name: str, kernel: Any, mask: Any) -> Any:
        """``kernel * mask``, with the gradient of the mask for the scores."""
        score = self.scores[name]
        return kernel * (mask + score - load().tf.stop_gradient(score))

    def change(self, step: int, probe: Probe) -> None:
        """The largest scores live; where all are equal, the largest weights."""
        found = {}
        for name, score in self.scores.items():
            wanted = kept(int(np.prod(score.shape)), self.schedule.sparsity(self.final[name], step))
            values, size = score.numpy().astype(np.float64), np.abs(self.masks.kernels[name].numpy())
            found[name] = largest(values if np.ptp(values) else size, wanted)
        if self.schedule.last(step):
            self.settle(found)
        else:
            for name, mask in found.items():
                self.masks.alive[name].assign(mask.astype(np.float32))
