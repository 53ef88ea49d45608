"""When masks change, and how far sparsity has come by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..recipe import PruneSection


@dataclass(frozen=True)
class Schedule:
    """Changes of the masks.

    Attributes:
        updates: numbers of the updates in front of which masks change, rising from 0.
        left: float32 fraction of the final sparsity that is still missing then; 0 at the end.
    """

    updates: tuple[int, ...]
    left: tuple[float, ...]

    def sparsity(self, final: float, update: int) -> float:
        """Sparsity wanted from ``update`` on, computed in float32 as tensorflow-model-optimization's schedules do."""
        left, wanted = np.float32(self.left[self.updates.index(update)]), np.float32(final)
        return float((np.float32(0) - wanted) * left + wanted)

    def aligned(self, every: int) -> Schedule:
        """The same with changes in front of multiples of ``every`` updates only."""
        rounded = {update // every * every: left for update, left in zip(self.updates, self.left)}
        return Schedule(tuple(rounded), tuple(rounded.values()))

    def last(self, update: int) -> bool:
        """Whether nothing changes behind ``update``."""
        return update == self.updates[-1]


def bounds(section: PruneSection, steps: int) -> tuple[int, int, int]:
    """First and last change of a training of ``steps`` updates, counted from 1 as tensorflow-model-optimization does, and the updates between
    two changes; the last change falls on one."""
    begin, end = int(section.begin * steps), max(int(section.end * steps), int(section.begin * steps) + 1)
    frequency = max(1, min(section.frequency, end - begin))
    return begin, begin + (end - begin) // frequency * frequency, frequency


def counted(places: np.ndarray, left: Sequence[float]) -> Schedule:
    """A schedule of updates counted from 1; 0 is the first, too, and of two changes in front of one update the later one counts."""
    found = {int(place): value for place, value in zip(np.maximum(places - 1, 0), left, strict=True)}
    return Schedule(tuple(found), tuple(found.values()))


def _powers(progress: np.ndarray, power: int) -> tuple[float, ...]:
    return tuple(float(v) for v in np.power(np.float32(1) - progress.astype(np.float32), np.float32(power)))


def schedule_of(section: PruneSection, steps: int) -> Schedule:
    """The schedule of a recipe in a training of ``steps`` updates.

    ``polynomial`` is Zhu and Gupta's cubic one (arXiv:1710.01878), ``linear`` the same with power 1; ``constant`` wants everything from the
    first change on and looks again at each later one; ``one-shot`` changes once, at ``begin``; ``steps`` takes ``rounds`` equal steps with
    training between them; ``cyclic`` goes through the cubic one ``rounds`` times and lets all weights live again in between (Srinivas et
    al., arXiv:2202.01290).
    """
    begin, end, frequency = bounds(section, steps)
    updates = np.arange(begin, end + 1, frequency)
    progress = (updates - begin).astype(np.float32) / np.float32(max(end - begin, 1))
    if section.schedule in ("polynomial", "linear"):
        left = _powers(progress, 3 if section.schedule == "polynomial" else 1)
        return counted(updates, (*left[:-1], 0.0))
    if section.schedule == "constant":
        return counted(updates, (0.0,) * len(updates))
    if section.schedule == "one-shot":
        return counted(np.array([begin]), (0.0,))
    if section.schedule == "steps":
        places = np.unique(np.linspace(begin, end, section.rounds).astype(int))
        return counted(places, tuple(1.0 - (i + 1) / len(places) for i in range(len(places))))
    return _cyclic(updates, section.rounds)


def _cyclic(updates: np.ndarray, rounds: int) -> Schedule:
    parts = [p for p in np.array_split(updates, rounds) if len(p)]
    left: list[float] = []
    for part in parts:
        left += _powers(np.linspace(0, 1, len(part)) if len(part) > 1 else np.ones(1), 3)
    return counted(updates, left)
