"""Layers share the zeros as their sensitivity says: where the loss rises least, most weights go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..keras_stack import load
from .held import Held, Rule, largest
from .probe import Arrays, Probe
from .schedules import Schedule
from .targets import kept

_DENSITIES = tuple(2.0 ** (-k / 2) for k in range(15))
"""Shares of a layer's weights that are tried, the smallest below one in a hundred."""
_BATCHES = 8


class Sensed(Held):
    """At the first change each layer is pruned alone, by magnitude, to several shares, and the loss is measured on training batches; the zeros
    wanted altogether are then allotted to the layers where they cost least.

    Args:
        kernels: layer name to kernel variable, of the layers in ``final``.
        schedule: when masks change.
        final: sparsity of each layer, whose sum in weights is what is wanted.
        rule: which weights live.
        seed: of what the rule draws.
    """

    def __init__(self, kernels: Mapping[str, Any], schedule: Schedule, final: Mapping[str, float], rule: Rule, seed: int = 0) -> None:
        super().__init__(kernels, schedule, final, rule, seed)
        tf, self._wanted = load().tf, dict(final)
        self.shares = {n: tf.Variable(-1.0, dtype=tf.float64, trainable=False, name=f"{n}/sparsity") for n in self.final}

    @property
    def variables(self) -> list[Any]:
        """And the layers' sparsities."""
        return [*super().variables, *self.shares.values()]

    def begin(self) -> None:
        """Nothing is known."""
        super().begin()
        for share in self.shares.values():
            share.assign(-1.0)

    def change(self, step: int, probe: Probe) -> None:
        """Measure at first."""
        if any(float(share) < 0 for share in self.shares.values()):
            kernels = {n: k for n, k in probe.kernels().items() if n in self._wanted}
            sizes = {n: k.size for n, k in kernels.items()}
            gone = sum(self._wanted[n] * sizes[n] for n in sizes)
            for name, sparsity in allotted(curves(kernels, probe), sizes, gone).items():
                self.shares[name].assign(sparsity)
        self.final = {n: float(share) for n, share in self.shares.items()}
        super().change(step, probe)


def curves(kernels: Arrays, probe: Probe) -> dict[str, np.ndarray]:
    """Rise of the loss (nats) with each layer alone pruned to each of the shares, never falling."""
    plain, found = probe.loss({}, _BATCHES), {}
    for name, kernel in kernels.items():
        masks = [largest(np.abs(kernel), kept(kernel.size, 1 - d)) for d in _DENSITIES]
        losses = [probe.loss({name: kernel * mask}, _BATCHES) - plain for mask in masks]
        found[name] = np.maximum.accumulate(np.maximum(losses, 0.0))
    return found


def allotted(rises: Mapping[str, np.ndarray], sizes: Mapping[str, int], gone: float) -> dict[str, float]:
    """Sparsity of each layer, ``gone`` weights altogether: the step down that costs least for each weight comes first, the last one in part.

    Args:
        rises: layer name to the rise of the loss at each of the shares.
        sizes: weights of each layer.
        gone: how many weights go; at most what the smallest shares leave out.
    """
    at = dict.fromkeys(rises, 0)
    now = dict.fromkeys(rises, 1.0)
    left = gone
    while left > 1e-9:
        prices = {}
        for name, curve in rises.items():
            for target in range(at[name] + 1, len(curve)):  # a step may pass over a bump
                weights = (_DENSITIES[at[name]] - _DENSITIES[target]) * sizes[name]
                prices[name, target] = (curve[target] - curve[at[name]]) / weights
        if not prices:
            break
        name, target = min(prices, key=lambda key: prices[key])
        weights = min((_DENSITIES[at[name]] - _DENSITIES[target]) * sizes[name], left)
        now[name] = _DENSITIES[at[name]] - weights / sizes[name]
        at[name], left = target, left - weights
    return {name: 1 - density for name, density in now.items()}
