"""Some classes of a data set, renumbered: a smaller task from a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Split


def class_selection(wanted: Any, classes: Sequence[str], name: str) -> tuple[int, ...]:
    """Class numbers that stay, in the order in which they are numbered anew.

    Args:
        wanted: class numbers, at least two; None: all, as they are.
        classes: names of all classes.
        name: of the data set, for messages.

    Raises:
        DataError: not a list of numbers, a class that there is not or that comes twice, or fewer than two.
    """
    if wanted is None:
        return tuple(range(len(classes)))
    listed = ", ".join(c if c == str(i) else f"{i} ({c})" for i, c in enumerate(classes[:20])) + (", ..." if len(classes) > 20 else "")
    if not isinstance(wanted, (list, tuple)) or any(isinstance(k, bool) or not isinstance(k, int) for k in wanted):
        raise DataError(f"classes is {wanted!r}", expected=f"a list of class numbers of {name}: {listed}")
    absent = [k for k in wanted if not 0 <= k < len(classes)]
    if absent:
        raise DataError(f"{name} has no class {', '.join(map(str, absent))}", expected=f"class numbers of it: {listed}")
    if len(set(wanted)) < max(2, len(wanted)):
        raise DataError(f"classes is {list(wanted)}", expected="at least two class numbers, each once")
    return tuple(wanted)


def select(split: Split, numbers: Sequence[int]) -> tuple[Split, np.ndarray]:
    """The samples of some classes, in their order.

    Args:
        split: samples with all classes.
        numbers: classes that stay; the first becomes class 0.

    Returns:
        The samples with new class numbers, and which they are (mask, shape (n,)).
    """
    renumbered = np.full(max(int(split.y.max()), *numbers) + 1, -1, np.int64)
    renumbered[list(numbers)] = np.arange(len(numbers))
    y = renumbered[split.y]
    stays = y >= 0
    kept = split if stays.all() else split.take(stays)
    return Split(kept.x, y[stays], kept.groups), stays
