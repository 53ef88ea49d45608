"""Coordinate descent over the exact weights and bits of a small dense network whose bits were learned.

Where a network has a few hundred bit operations, every update of its weights flips whole levels, and gradients through rounding are a poor
guide: the loss jumps from epoch to epoch and never settles. But such a network is small enough to try changes one by one, on all samples: one
more or one less in the last place, twice, half, the negative, no weight at all, a new one, other bits of a value, no such value. What is tried
changes what one layer reads or gives in one place, so that only the layers behind it are computed again. A change stays if ``loss + price * cost`` falls. The cost stands for
cells of an adder graph: the EBOPs, the bits of the biases, because a constant takes an adder, and the bits of hidden values, because a ReLU and
a saturation take gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..metrics.csd import span_bits
from .chain import Chain, Dense, Rounding, layers_of, places, put_back, whole, without_dead

_WIDTH = 10
"""Values tried at a time; a list of fewer is filled up, so that each layer is compiled once."""
_REACH = 2
"""A new weight is a power of two, up to this many octaves from the usual size of the layer's weights."""
_LARGEST, _FINEST = 2.0**6, 2.0**-10
_BIAS, _VALUE = 1.3, 1.7
"""Cells of a bit of a bias and of a hidden value in units of those of an EBOP: least squares over 86 dense students of 40 to 2,500 cells
(da4ml 0.6.0; earlier fronts of MAGIC and Dry Bean, neurons that nothing reads left out), whose cells this cost tells within 7 %
(root mean square), EBOPs alone within 15 %. Students made with this cost (``make bench-learned-bits``, 92 of 40 to 2,500 cells) are told best by
0.0 and 1.8, within 6 % (EBOPs alone 12 %): their biases are short already."""
_LEAST = 1e-7
"""Smallest gain worth a change."""
SAMPLES = 16_384
"""Training samples on which changes are tried, at most."""
WORK = 2e10
"""Multiplications of one sweep that are worth it, about a minute; networks that need more are guided well enough by gradients."""


def used_bits(values: Any) -> np.ndarray:
    """Bits of numbers from their leading ones to their last ones, int64; 0 for 0."""
    return span_bits(whole(values))


def neighbours(weight: float, around: int) -> list[float]:
    """Values to try in place of a weight; in place of 0 powers of two around ``2**around``."""
    if weight == 0:
        found = [side * 2.0**k for k in range(around - _REACH, around + _REACH + 1) for side in (1, -1)]
    else:
        step = 2.0 ** -float(places(weight))
        found = [0.0, weight + step, weight - step, weight * 2, weight / 2, -weight, weight + step / 2, weight - step / 2]
    return [v for v in found if abs(v) <= _LARGEST and (v / _FINEST).is_integer()]


Pairs = Sequence[tuple[Any, Any]]


class Descent:
    """One model, improved in place.

    Args:
        model: made by :func:`fpgacompress.quantize.learned.learned_twin`.
        x: training samples, preprocessed, (n, ...).
        loss: of logits (n, classes) of these samples, a scalar tensor.
        input_bits: width of the network's input where the model does not quantize it itself.
        truncate: the student's activations will be truncated, with half a step in the biases, which their bits are counted with.
        pruned: (kernel variable, mask variable) of weights that stay 0.

    Raises:
        UnsupportedError: the model is no chain of dense layers.
    """

    def __init__(
        self, model: Any, x: np.ndarray, loss: Callable[[Any], Any], input_bits: int, truncate: bool = True, pruned: Pairs = ()
    ) -> None:
        self.model, self.input_bits, self.truncate, self._pruned = model, input_bits, truncate, pruned
        self._x, self._of = x, loss
        self._chains: dict[tuple[tuple[int, ...], ...], Chain] = {}
        self.layers = layers_of(model, input_bits, pruned)

    def read(self) -> None:
        """Take over what the model's variables hold now."""
        self.layers = without_dead(layers_of(self.model, self.input_bits, self._pruned))
        for place, dense in enumerate(self.layers):
            dense.kernel[:, ~self.heard(place)] = 0

    @property
    def work(self) -> float:
        """Multiplications of one sweep."""
        total = 0.0
        for place, dense in enumerate(self.layers):
            later = [d.kernel.size for d in self.layers[place + 2 :]]
            behind = self.layers[place + 1].kernel.shape[1] if place + 1 < len(self.layers) else 1
            tried = np.count_nonzero(dense.free[:, self.heard(place)])
            total += tried * (behind + sum(later))
        return total * len(self._x) * _WIDTH

    def _chain(self) -> Chain:
        """The compiled computation of networks of this size."""
        key = tuple(d.kernel.shape for d in self.layers)
        if key not in self._chains:
            self._chains[key] = Chain(self.layers, self._x, self._of)
        self._chains[key].layers = self.layers
        return self._chains[key]

    @property
    def ebops(self) -> float:
        """EBOPs, trailing zeros left out."""
        return float(sum(d.reads.bits @ used_bits(d.kernel[:-1]).sum(1) for d in self.layers))

    @property
    def cost(self) -> float:
        """EBOPs, bits of the biases that are heard and of the hidden values that are read, weighted by what they take."""
        biases = sum(used_bits(d.kernel[-1] + self._halves(place))[self.heard(place)].sum() for place, d in enumerate(self.layers))
        values = sum(d.reads.bits @ np.any(d.kernel[:-1] != 0, axis=1) for d in self.layers[1:])
        return self.ebops + _BIAS * float(biases) + _VALUE * float(values)

    def heard(self, place: int) -> np.ndarray:
        """Which results of a layer have bits in the activation behind it, (n_out,) bool."""
        last = place + 1 == len(self.layers)
        return np.ones(self.layers[place].kernel.shape[1], bool) if last else self.layers[place + 1].reads.bits > 0

    def _halves(self, place: int) -> np.ndarray:
        """What is added to a layer's biases when the activation behind it is truncated in place of rounded, (n_out,)."""
        if place + 1 == len(self.layers):
            return np.zeros(self.layers[place].kernel.shape[1])
        reads = self.layers[place + 1].reads
        return self._half(reads, reads.fraction)

    def _half(self, reads: Rounding, fraction: np.ndarray) -> np.ndarray:
        added = reads.quantizer.rounding == "nearest" and (self.truncate or reads.each)
        return 2.0 ** -(fraction + 1) if added else np.zeros_like(fraction)

    @property
    def loss(self) -> float:
        """On the samples."""
        return self._chain().refresh()

    def write(self) -> None:
        """Give the model's variables what was found."""
        put_back(self.layers)

    def sweep(self, price: float, rng: np.random.Generator, visited: Callable[[float], None] = lambda share: None) -> int:
        """Visit each place once, in random order; returns how many changed.

        Args:
            price: of one EBOP, in units of the loss.
            rng: draws the order.
            visited: told the share of the places that were visited, after each.
        """
        self.chain = self._chain()
        self._loss = self.chain.refresh()
        visits = [(self._try_weight, place, i, j) for place, d in enumerate(self.layers) for i, j in np.argwhere(d.free)]
        visits += [(self._try_bits, place, i, 0) for place, d in enumerate(self.layers) if d.reads.each for i in range(len(d.kernel) - 1)]
        changed = 0
        for done, k in enumerate(rng.permutation(len(visits)), 1):
            visit, *place = visits[k]
            changed += visit(*place, price)
            visited(done / len(visits))
        return changed

    def _best(self, losses: np.ndarray, costs: np.ndarray, price: float) -> int | None:
        """Place of the best of the values tried, where one is better than what there is."""
        gains = self._loss - losses[: len(costs)] - price * costs
        best = int(np.argmax(gains))
        return best if gains[best] > _LEAST else None

    def _try_weight(self, place: int, row: int, column: int, price: float) -> bool:
        dense = self.layers[place]
        bias, now = row == len(dense.kernel) - 1, float(dense.kernel[row, column])
        if now == 0 and (not self.heard(place)[column] or not bias and dense.reads.bits[row] == 0):
            return False
        if bias:
            half = float(self._halves(place)[column])
            values = self._biases(now, half, float(dense.bias_step[column]))
            costs = _BIAS * (used_bits(np.add(values, half)) - used_bits(now + half))
        else:
            values = neighbours(now, self._usual(dense))
            costs = (used_bits(values) - used_bits(now)) * dense.reads.bits[row]
            if place and np.count_nonzero(dense.kernel[row]) == (now != 0):  # the only weight that reads this value, or none does
                costs = costs + _VALUE * dense.reads.bits[row] * (np.array(values) != 0) - _VALUE * dense.reads.bits[row] * (now != 0)
        filled = np.full(_WIDTH, now)
        filled[: len(values)] = values
        best = self._best(self.chain.weights(place, row, column, filled), costs, price)
        if best is not None:
            dense.kernel[row, column] = values[best]
            self._loss = self.chain.refresh()
        return best is not None

    @staticmethod
    def _biases(now: float, half: float, step: float) -> list[float]:
        """Biases to try, on the bias's own grid, from which finer activations may have moved away: what has fewer bits with the half step, too."""
        found = [now + k * step for k in (1, -1, 4, -4)]
        if now + half:
            last = 2.0 ** -float(places(now + half))
            found += [now + last, now - last, -half]
        return [v for v in found if (v / step).is_integer()]

    @staticmethod
    def _usual(dense: Dense) -> int:
        sizes = np.abs(dense.kernel[:-1][dense.kernel[:-1] != 0])
        return round(float(np.median(np.log2(sizes)))) if len(sizes) else 0

    def _try_bits(self, place: int, row: int, _: int, price: float) -> bool:
        dense = self.layers[place]
        reads, fraction, integer = dense.reads, dense.reads.fraction[row], dense.reads.integer[row]
        tried = [(fraction + f, integer + i) for f, i in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))]
        none = -integer - reads.signed, integer
        tried = [(f, i) for f, i in [none, *tried] if -8 <= f <= 12 and -8 <= i <= 12 and (f, i) != (fraction, integer)]
        weights = used_bits(dense.kernel[row]).sum() + _VALUE * bool(place and np.any(dense.kernel[row]))
        fractions, integers = np.transpose([(fraction, integer), *tried])
        bits = reads.bits_of(fractions, integers)
        paid = bits * weights
        if place:
            bias = float(self.layers[place - 1].kernel[-1, row])
            paid = paid + _BIAS * used_bits(bias + self._half(reads, fractions)) * (bits > 0)
            paid = paid + self._incoming(place - 1, row) * (fractions + integers + reads.signed > 0)
        filled = np.array(tried + [(fraction, integer)] * (_WIDTH - len(tried)), float)
        best = self._best(self.chain.activations(place, row, filled[:, 0], filled[:, 1]), paid[1:] - paid[0], price)
        if best is not None:
            reads.fraction[row], reads.integer[row] = tried[best]
            if reads.bits[row] == 0:
                dense.kernel[row] = 0
                if place:
                    self.layers[place - 1].kernel[:, row] = 0
            self._loss = self.chain.refresh()
        return best is not None

    def _incoming(self, place: int, column: int) -> float:
        """Cost of the weights of one result of a layer, and of the values that nothing else reads; its bias left out."""
        dense = self.layers[place]
        used = dense.kernel[:-1, column] != 0
        alone = used & (np.count_nonzero(dense.kernel[:-1], axis=1) == 1)
        return float(dense.reads.bits @ used_bits(dense.kernel[:-1, column]) + _VALUE * bool(place) * (dense.reads.bits @ alone))


def can_descend(model: Any, input_bits: int) -> bool:
    """Whether :class:`Descent` takes a model."""
    try:
        layers_of(model, input_bits)
    except UnsupportedError:
        return False
    return True
