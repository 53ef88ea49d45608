"""Is it data? Checks every split passes before anything is trained on it."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from .dataset import Split


def class_numbers(y: np.ndarray, classes: int | None, where: str) -> np.ndarray:
    """Labels as int64, shape (n,).

    Args:
        y: labels, shape (n,) or (n, 1), integers or whole floats.
        classes: number of classes, or None when it is not known yet.
        where: file and key, for messages.

    Raises:
        DataError: labels that are not whole numbers, negative, or not below ``classes``.
    """
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1:
        raise DataError(
            f"{where}: labels have shape {y.shape}", expected="one class number a sample, shape (n,)", do="np.argmax one-hot labels"
        )
    if y.dtype.kind not in "biuf":
        raise DataError(f"{where}: labels are {y.dtype}", expected="class numbers 0, 1, 2, ...")
    if y.dtype.kind == "f":
        _first(~(np.isfinite(y) & (y == np.rint(y))), y, where, "labels that are not whole numbers", "class numbers 0, 1, 2, ...")
    allowed = "class numbers 0, 1, 2, ..." if classes is None else f"class numbers 0 to {classes - 1}"
    _first((y < 0) | (y >= (classes or 1 << 16)), y, where, "labels out of range", allowed)
    return y.astype(np.int64)


def _first(bad: np.ndarray, values: np.ndarray, where: str, what: str, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{where}: {int(bad.sum())} {what}, the first is {values[row]} in sample {row}", expected=expected)


def finite(x: np.ndarray, where: str) -> None:
    """Raise DataError with count and first place of NaN or infinity in ``x``."""
    if x.dtype.kind != "f":
        return
    bad = ~np.isfinite(x)
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), x.shape)
        inside = f", position {tuple(map(int, place[1:]))}" if len(place) > 1 else ""
        raise DataError(
            f"{where}: {int(bad.sum())} of {x.size} values are NaN or infinite, the first is {x[place]} in sample {place[0]}{inside}",
            expected="finite numbers",
            do="remove these samples or fill in the missing values",
        )


def checked(split: Split, where: str, classes: int | None = None, shape: tuple[int, ...] | None = None) -> Split:
    """The split with int64 labels, if it is sound.

    Args:
        split: what a source read.
        where: file or source and the split's name, for messages.
        classes: number of classes, or None when it is not known yet.
        shape: expected shape of one sample.

    Raises:
        DataError: empty, lengths that differ, not numbers, NaN or infinite values, wrong labels, wrong sample shape.
    """
    x, groups = split.x, split.groups
    if x.ndim < 2 or x.size == 0:
        raise DataError(f"{where}: x has shape {x.shape}", expected="samples of shape (n, ...), n at least 1")
    if len(x) != len(split.y) or (groups is not None and len(groups) != len(x)):
        lengths = f"{len(x)} samples but {len(split.y)} labels" + ("" if groups is None else f" and {len(groups)} groups")
        raise DataError(f"{where}: {lengths}", expected="as many labels as samples")
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: x is {x.dtype}", expected="numbers")
    if shape is not None and x.shape[1:] != shape:
        raise DataError(f"{where}: samples have shape {x.shape[1:]}", expected=f"{shape}, as in the training split")
    y = class_numbers(split.y, classes, where)
    finite(x, where)
    return Split(x, y, groups)


def every_class(y: np.ndarray, classes: tuple[str, ...], where: str) -> None:
    """Raise DataError when a class has no sample or there are fewer than two classes."""
    if len(classes) < 2:
        raise DataError(f"{where}: only one class ({', '.join(classes)})", expected="at least two classes")
    missing = [f"{i} ({c})" if str(i) != c else c for i, c in enumerate(classes) if not (y == i).any()]
    if missing:
        raise DataError(
            f"{where}: no training sample of class {', '.join(missing[:8])}{', ...' if len(missing) > 8 else ''}",
            expected=f"samples of all {len(classes)} classes; class numbers without gaps",
            do="renumber the labels 0, 1, 2, ... or add samples",
        )
