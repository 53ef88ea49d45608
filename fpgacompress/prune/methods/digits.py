"""Bit-level pruning: signed digits of quantized weights go, not whole weights only; each digit is a shifted copy of the input and an adder."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...keras_stack import load
from ...metrics.csd import csd_digits
from ...recipe import PruneSection
from .. import METHODS, Pruning, check_quantizers, kernels_of, options_of
from ..held import Held
from ..probe import Probe
from ..schedules import schedule_of
from ..targets import PER_LAYER, shapes_of, targets


@METHODS.register("digits")
def digits(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """``sparsity`` of each layer's canonical signed digits, as they are at the first change, are gone at the last one.

    At each change the weights lose digits whose loss changes them least: every weight has a nearest value with fewer digits, and the cheapest
    steps down, in squared change over digits saved, are taken in the whole layer. A weight that lost a digit stays at its value from then on,
    and the others learn on (incremental quantization: Zhou et al., arXiv:1702.03044); behind the last change all stay, and biases learn.

    Options:
        value (default "magnitude"): a change counts as its square; "fisher": times the mean squared gradient (16 batches).
    """
    options = options_of(section, value="magnitude")
    if options["value"] not in ("magnitude", "fisher"):
        raise ModelError(f"prune.options.value is '{options['value']}'", expected="magnitude or fisher")
    kernels = kernels_of(model)
    final = targets(section, shapes_of(kernels), PER_LAYER)
    check_quantizers(model, final)
    return Digits(kernels, schedule_of(section, steps), final, options["value"])


class Digits(Held):
    """Weights that stay at values of few digits; see :func:`digits`. A mask of 0 says that a weight stays."""

    def __init__(self, kernels: Any, schedule: Any, final: Any, value: str) -> None:
        super().__init__(kernels, schedule, final, lambda moment: {})
        tf, self._value = load().tf, value
        self.values = {
            n: tf.Variable(np.zeros(k.shape, np.float32), trainable=False, name=f"{n}/value") for n, k in self.masks.kernels.items()
        }
        self.first = {n: tf.Variable(-1, dtype=tf.int64, trainable=False, name=f"{n}/digits") for n in self.values}

    @property
    def variables(self) -> list[Any]:
        """And the values, and the digits there were."""
        return [*super().variables, *self.values.values(), *self.first.values()]

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """Nothing is zero for being masked."""
        return []

    def begin(self) -> None:
        """Nothing stays."""
        super().begin()
        for name in self.values:
            self.values[name].assign(np.zeros(self.values[name].shape, np.float32))
            self.first[name].assign(-1)

    def change(self, step: int, probe: Probe) -> None:
        """Take digits away."""
        quantized, last = probe.quantized(), self.schedule.last(step)
        weight = probe.gradients(16, squared=True) if self._value == "fisher" else {}
        for name in self.values:
            found = quantized[name].astype(np.float64)
            if int(self.first[name]) < 0:
                self.first[name].assign(int(csd_digits(mantissas(found)).sum()))
            left = int(np.ceil(int(self.first[name]) * (1 - self.schedule.sparsity(self.final[name], step))))
            fewer = with_digits(found, left, weight.get(name))
            stays = (fewer != found) | (self.masks.alive[name].numpy() == 0) | last
            self.masks.alive[name].assign((~stays).astype(np.float32))
            self.values[name].assign(fewer.astype(np.float32))
        self.after_update()

    def after_update(self) -> None:
        """Put the weights that stay back to their values."""
        for name, kernel in self.masks.kernels.items():
            mask = self.masks.alive[name]
            kernel.assign(kernel * mask + self.values[name] * (1.0 - mask))

    def alive(self) -> dict[str, np.ndarray]:
        """Weights that are not zero for good."""
        return {n: (mask.numpy() > 0) | (self.values[n].numpy() != 0) for n, mask in self.masks.alive.items()}

    def sparsity(self) -> float:
        """Weights that are zero for good, as a fraction."""
        alive = self.alive().values()
        return 1 - sum(float(a.sum()) for a in alive) / sum(a.size for a in alive) if alive else 0.0

    def at_rest(self) -> Pruning:
        """Refused: values stay, not zeros."""
        raise ModelError(
            "pruning of digits, and learned bits", expected="a method that prunes whole weights by masks that are held, such as magnitude"
        )


def mantissas(values: np.ndarray) -> np.ndarray:
    """Values as whole numbers, each without its own power of two; int64 of the same shape, with the same signed digits."""
    return np.asarray(np.frexp(values)[0] * 2**24, np.int64)


def with_digits(values: np.ndarray, total: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Values near the given ones with at most ``total`` signed digits altogether.

    Each becomes another one on its own output's grid that is no larger than the largest of that output.

    Args:
        values: quantized weights, outputs along the last axis.
        total: digits that may be left.
        weight: how much a squared change counts, of the same shape; None: the same everywhere.
    """
    flat = values.reshape(-1, values.shape[-1])
    counts = csd_digits(mantissas(flat))
    most = int(counts.max(initial=0))
    nearest = np.stack([_nearest(flat, counts, digits) for digits in range(most + 1)])  # (digits, weights, outputs)
    scale = 1.0 if weight is None else weight.reshape(flat.shape)
    costs = np.square(nearest - flat) * scale
    now = counts.copy()
    rows, columns = np.indices(flat.shape)
    while (over := int(now.sum()) - total) > 0:
        candidates = np.where(
            np.arange(most + 1)[:, None, None] < now,
            (costs - costs[now, rows, columns]) / np.maximum(now - np.arange(most + 1)[:, None, None], 1),
            np.inf,
        )
        best, price = candidates.argmin(0), candidates.min(0)
        order = np.argsort(price, axis=None, kind="stable")
        saved = np.cumsum((now - best).ravel()[order])
        take = order[: max(1, int(np.searchsorted(saved, max(over // 2, 1))) + 1)]  # in a few passes, so that later steps are weighed anew
        now.flat[take] = best.flat[take]
    return nearest[now, rows, columns].reshape(values.shape)


def _nearest(flat: np.ndarray, counts: np.ndarray, digits: int) -> np.ndarray:
    """Nearest values with at most so many digits, column by column, on the column's own grid."""
    found = flat.copy()
    for column in range(flat.shape[1]):
        change = counts[:, column] > digits
        if not change.any():
            continue
        whole = np.round(flat[:, column] / (unit := _unit(flat[:, column]))).astype(np.int64)
        levels = np.arange(-np.abs(whole).max(), np.abs(whole).max() + 1)
        levels = levels[csd_digits(levels) <= digits]
        above = np.clip(np.searchsorted(levels, whole[change]), 1, len(levels) - 1) if len(levels) > 1 else np.zeros(change.sum(), int)
        below = np.maximum(above - 1, 0)
        nearer = np.where(whole[change] - levels[below] <= levels[above] - whole[change], levels[below], levels[above])
        found[change, column] = nearer * unit
    return found


def _unit(values: np.ndarray) -> float:
    """The largest power of two that divides all values."""
    some = values[values != 0]
    return float(2.0 ** np.min(np.log2(np.abs(some)) // 1 - _trailing(some))) if some.size else 1.0


def _trailing(values: np.ndarray) -> np.ndarray:
    """Places from the leading to the last set bit of each value."""
    whole = np.abs(mantissas(values))
    return np.asarray(np.floor(np.log2(whole)) - np.log2(whole & -whole))
