"""Weight sharing: the weights of a layer take few values (Han et al., Deep Compression, arXiv:1510.00149)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import PruneSection
from .. import METHODS, Pruning, kernels_of, options_of
from ..held import Held, Moment, by_layer
from ..probe import Arrays, Probe
from ..schedules import schedule_of
from ..targets import PER_LAYER, shapes_of, targets

_LLOYD = 50


@METHODS.register("clusters")
def clusters(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Magnitude pruning; at the schedule's last change the weights that live are grouped, and each group shares one weight from then on.

    Groups are those of k-means in one dimension, started evenly between the smallest and the largest weight as the paper does. A group's
    weight learns with the mean gradient of its members. Quantizers round it as they round any weight, so a layer has at most ``levels``
    values and zero.

    Options:
        levels (default 8): groups of each layer.
    """
    levels = options_of(section, levels=8)["levels"]
    if levels < 1:
        raise ModelError(f"prune.options.levels is {levels}", expected="at least 1")
    kernels = kernels_of(model)
    return Clusters(kernels, schedule_of(section, steps), targets(section, shapes_of(kernels), PER_LAYER), levels)


def _sizes(moment: Moment) -> Arrays:
    return {name: np.abs(kernel) for name, kernel in moment.kernels().items()}


class Clusters(Held):
    """Groups of weights; see :func:`clusters`."""

    def __init__(self, kernels: Any, schedule: Any, final: Any, levels: int) -> None:
        super().__init__(kernels, schedule, final, by_layer(_sizes))
        tf, self.levels = load().tf, levels
        self.groups = {n: tf.Variable(np.zeros(m.shape, np.int32), trainable=False, name=f"{n}/group") for n, m in self.masks.alive.items()}
        self.settled = tf.Variable(0.0, trainable=False, name="pruning/settled")

    @property
    def variables(self) -> list[Any]:
        """And the groups."""
        return [*super().variables, *self.groups.values(), self.settled]

    def begin(self) -> None:
        """No groups."""
        super().begin()
        self.settled.assign(0.0)

    def change(self, step: int, probe: Probe) -> None:
        """Prune, and group at last."""
        super().change(step, probe)
        if not self.schedule.last(step):
            return
        for name, kernel in self.masks.kernels.items():
            values, alive = kernel.numpy(), self.masks.alive[name].numpy() > 0
            groups = np.zeros(values.shape, np.int32)
            groups[alive] = 1 + grouped(values[alive], self.levels)
            self.groups[name].assign(groups)
        self.settled.assign(1.0)
        self._share()

    def after_update(self) -> None:
        """Hold the zeros, and share."""
        super().after_update()
        self._share()

    def at_rest(self) -> Pruning:
        """Refused: weights share values."""
        raise ModelError(
            "weights that share values, and learned bits",
            expected="a method that prunes whole weights by masks that are held, such as magnitude",
        )

    def _share(self) -> None:
        tf = load().tf
        for name, kernel in self.masks.kernels.items():
            groups = self.groups[name]
            means = tf.math.unsorted_segment_mean(tf.reshape(kernel, [-1]), tf.reshape(groups, [-1]), self.levels + 1)
            kernel.assign(tf.where(self.settled > 0, tf.gather(means, groups) * self.masks.alive[name], kernel))


def grouped(values: np.ndarray, levels: int) -> np.ndarray:
    """Numbers of the groups (from 0) of values ``(n,)`` under k-means in one dimension."""
    centres = np.linspace(values.min(), values.max(), levels) if levels > 1 else np.array([values.mean()])
    for _ in range(_LLOYD):
        labels = np.abs(values[:, None] - centres[None]).argmin(1)
        counts = np.bincount(labels, minlength=levels)
        moved = np.where(counts > 0, np.bincount(labels, values, levels) / np.maximum(counts, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.asarray(np.abs(values[:, None] - centres[None]).argmin(1), np.int32)
