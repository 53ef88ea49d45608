"""Learned thresholds: dynamic sparse training (Liu et al., arXiv:2005.06870)."""

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

_GAIN, _MOST = 4.0, 3.0
"""Of the steering: exponent per share of the weights that is missing, and its largest value in one change."""


@METHODS.register("threshold")
def threshold(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """A weight lives where ``|w| > t``, t a learned threshold for each output; the loss has ``price * sum(exp(-t))`` in addition.

    The gradient passes the step as in the paper (2 - 4 |x| up to 0.4, 0.4 up to 1). The paper's price is a constant, and sparsity is what
    comes of it; here the price is steered at each of the schedule's changes, so that the network comes to have the wanted zeros altogether,
    and at the last one exactly so many weights with the smallest ``|w| - t`` stay zero. Layers share them as the thresholds say.

    Options:
        price (default 0.001): at the start.
    """
    price = options_of(section, price=1e-3)["price"]
    kernels = kernels_of(model)
    return Thresholds(model, kernels, schedule_of(section, steps), targets(section, shapes_of(kernels), (*PER_LAYER, "global")), price)


class Thresholds(Gated):
    """Learned thresholds; see :func:`threshold`."""

    def __init__(self, model: Any, kernels: Any, schedule: Any, final: dict[str, float], price: float) -> None:
        super().__init__(model, kernels, schedule, final)
        tf, self._first = load().tf, price
        self.thresholds = {n: tf.Variable(np.zeros(k.shape[-1], np.float32), name=f"{n}/threshold") for n, k in self.masks.kernels.items()}
        self.price = tf.Variable(price, dtype=tf.float32, trainable=False, name="pruning/price")

    @property
    def trained(self) -> list[Any]:
        """The thresholds."""
        return list(self.thresholds.values())

    @property
    def variables(self) -> list[Any]:
        """And the price."""
        return [*super().variables, self.price]

    def begin(self) -> None:
        """Thresholds are zero, and the price as it was given."""
        super().begin()
        self.price.assign(self._first)
        for value in self.thresholds.values():
            value.assign(np.zeros(value.shape, np.float32))

    def gate(self, name: str, kernel: Any, mask: Any) -> Any:
        """``kernel * step(|kernel| - t)``; the mask follows."""
        tf = load().tf

        @tf.custom_gradient
        def step(x: Any) -> Any:
            def gradient(upstream: Any) -> Any:
                size = tf.abs(x)
                return upstream * tf.where(size <= 0.4, 2.0 - 4.0 * size, tf.where(size <= 1.0, 0.4, 0.0))

            return tf.cast(x > 0, tf.float32), gradient

        return kernel * step(tf.abs(kernel) - self.thresholds[name])

    def penalty(self) -> Any:
        """``price * sum(exp(-t))`` until it is settled which weights live."""
        tf = load().tf
        return (1.0 - self.settled) * self.price * tf.add_n([tf.reduce_sum(tf.exp(-t)) for t in self.thresholds.values()])

    def after_update(self) -> None:
        """Masks follow the thresholds; those below zero, which mean nothing, go back to it, and ones that would prune all weights do, too."""
        super().after_update()
        tf, free = load().tf, 1.0 - self.settled
        for name, value in self.thresholds.items():
            kernel, mask = self.masks.kernels[name], self.masks.alive[name]
            value.assign(tf.maximum(value, 0.0))
            alive = tf.cast(tf.abs(kernel) > value, tf.float32)
            keep = tf.cast(tf.reduce_mean(alive) > 0.01 * (1.0 - self.final[name]), tf.float32)
            value.assign(value * (keep * free + self.settled))
            mask.assign(free * tf.cast(tf.abs(kernel) > value, tf.float32) + self.settled * mask)

    def change(self, step: int, probe: Probe) -> None:
        """Steer the price; at the last change the masks stay."""
        names = list(self.thresholds)
        margins = {n: np.abs(self.masks.kernels[n].numpy()) - self.thresholds[n].numpy() for n in names}
        sizes = {n: m.size for n, m in margins.items()}
        total = sum(sizes.values())
        wanted = sum(self.schedule.sparsity(self.final[n], step) * sizes[n] for n in names) / total
        if not self.schedule.last(step):
            missing = wanted - float(np.mean(np.concatenate([np.ravel(m) for m in margins.values()]) <= 0))
            self.price.assign(float(self.price) * float(np.exp(np.clip(_GAIN * missing, -_MOST, _MOST))))
            return
        for margin in margins.values():
            margin.flat[np.argmax(margin)] = np.inf  # no layer without weights
        whole = largest(np.concatenate([np.ravel(margins[n]) for n in names]), kept(total, wanted))
        parts = np.split(whole, np.cumsum([sizes[n] for n in names])[:-1])
        self.settle({n: part.reshape(margins[n].shape) for n, part in zip(names, parts)})
