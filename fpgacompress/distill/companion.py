"""What lives beside a student while it trains: an average of itself, peers, a teacher that learns. Never saved with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Companion:
    """Something beside the student, which a :class:`fpgacompress.distill.Term` brings along. Each method may be left as it is."""

    def meet(self, model: Any, pruned: Sequence[tuple[Any, Any]] = ()) -> None:
        """See the model that will be trained: before its first update, and again whenever a training goes on with it.

        Args:
            model: the student.
            pruned: (kernel variable, mask variable) of what is held at zero.
        """

    def answers(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """What it adds to a batch for the terms, by names of its own; called within each update, before the loss.

        Args:
            batch: as :class:`fpgacompress.distill.Term` tells.
        """
        return {}

    def after_update(self, step: Any) -> None:
        """Act behind the optimizer and the masks; ``step`` (int64 tensor) counts the updates done, from 1 in each training."""

    @property
    def kept(self) -> tuple[Any, ...]:
        """Variables that no gradient moves, for the checkpoint; those that learn are ``variables`` of a term."""
        return ()
