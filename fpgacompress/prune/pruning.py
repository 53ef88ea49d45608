"""What prunes a model in one training: masks, and when they change. The training step holds them after every update."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .masks import Masks
from .probe import Probe
from .schedules import Schedule


class Pruning:
    """Prunes nothing. What does differs in one or two of these methods.

    A training calls :meth:`begin` once, :meth:`change` in front of every update that :meth:`due` names, and :meth:`after_update` within
    each update, behind the optimizer. What a checkpoint needs is in :attr:`variables`.

    Args:
        masks: of the model.
        schedule: when the masks change.
    """

    def __init__(self, masks: Masks, schedule: Schedule) -> None:
        self.masks, self.schedule = masks, schedule

    @property
    def variables(self) -> list[Any]:
        """Masks and whatever else goes on where a training is resumed."""
        return list(self.masks.alive.values())

    @property
    def trained(self) -> list[Any]:
        """Variables that learn with the model's, such as thresholds."""
        return []

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """(kernel variable, mask variable): weights that are held at zero."""
        return self.masks.pairs

    def begin(self) -> None:
        """Start from nothing pruned, or from what the model is pruned to; called before the first update of a new training."""

    def due(self, step: int) -> bool:
        """Whether masks change in front of update ``step`` (from 0)."""
        return step in self.schedule.updates

    def until_due(self, step: int) -> int | None:
        """Updates from ``step`` to the next change behind it; None: there is none."""
        later = [u - step for u in self.schedule.updates if u > step]
        return min(later, default=None)

    def change(self, step: int, probe: Probe) -> None:
        """Change the masks in front of update ``step``, looking at the model and the training samples through ``probe``."""

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Around the forward pass of an update, while it is traced."""
        yield

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Around everything that looks at the model between updates: it computes pruned."""
        yield

    def penalty(self) -> Any:
        """What the loss has in addition; scalar, inside a TensorFlow function."""
        return 0.0

    def after_update(self) -> None:
        """Hold what is pruned at zero; inside the training function, behind the optimizer."""

    def taken(self, variable: Any, gradient: Any) -> Any:
        """What the optimizer gets of a variable's gradient; inside the training function."""
        return gradient

    def at_rest(self) -> Pruning:
        """The same pruning in a further training, in which masks do not change any more.

        Raises:
            ModelError: it needs more than masks, and cannot be had there (where bits are learned).
        """
        return self

    def alive(self) -> dict[str, np.ndarray]:
        """Which weights are not held at zero, by layer name."""
        return self.masks.arrays()

    def sparsity(self) -> float:
        """Zeros in all masks together, as a fraction."""
        return self.masks.sparsity()


class Resting(Pruning):
    """Masks that are held and do not change.

    Args:
        masks: of the model.
        schedule: of a subclass that changes them.
    """

    def __init__(self, masks: Masks, schedule: Schedule | None = None) -> None:
        super().__init__(masks, schedule or Schedule((), ()))
        self._by_kernel = {id(kernel): mask for kernel, mask in masks.pairs}

    def after_update(self) -> None:
        """Hold the pruned weights at zero."""
        self.masks.hold()

    def taken(self, variable: Any, gradient: Any) -> Any:
        """Nothing of pruned weights, so that one that comes back starts with no momentum."""
        mask = self._by_kernel.get(id(variable))
        return gradient if mask is None else gradient * mask

    def at_rest(self) -> Pruning:
        """The same masks, which do not change any more."""
        return Resting(self.masks)


class Nothing(Pruning):
    """No masks at all."""

    def __init__(self) -> None:
        super().__init__(Masks({}), Schedule((), ()))
