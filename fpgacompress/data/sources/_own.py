"""Shared by your own data: class numbers from labels, preprocessing from the kind of array, a test split where none is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError
from ...integer.types import FixedType
from ..checks import class_numbers
from ..dataset import Split
from ..preprocessing import PIXEL_TYPE, TABLE_TYPE, Preprocessing, pixels, standardised
from ..splitting import TEST_SEED, sample_count, split_indices

TEST_OPTION = {"test": "fraction or number of samples of the test split, where the data has none (default 0.2); the same for every seed"}


def preprocess(x: np.ndarray, input_type: FixedType | None = None) -> Preprocessing:
    """uint8: pixel / 256. Tables (n, features): standardised per feature. Other arrays: standardised with one mean and one scale."""
    if x.dtype == np.uint8:
        return pixels(input_type or PIXEL_TYPE)
    return standardised(x, input_type or TABLE_TYPE, per_feature=x.ndim == 2)


def encode(labels: np.ndarray, where: str, classes: tuple[str, ...] | None = None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Class numbers and names of labels that may be texts; whole numbers stay what they are.

    Args:
        labels: shape (n,), numbers or texts.
        where: for messages.
        classes: known names (of the training split), or None: sorted.
    """
    if labels.dtype.kind in "SU":
        texts = np.char.strip(labels.astype(str)).reshape(len(labels), -1)[:, 0]
        try:
            numbers = texts.astype(np.float64)
        except ValueError:
            numbers = None
        if numbers is None:
            classes = classes or tuple(np.unique(texts).tolist())
            if len(classes) > max(2, len(texts) // 2):
                raise DataError(f"{where}: {len(classes)} different labels in {len(texts)} samples", expected="a label column of classes")
            unknown = ~np.isin(texts, classes)
            if unknown.any():
                raise DataError(f"{where}: unknown class '{texts[unknown][0]}'", expected=f"one of {', '.join(classes)}")
            return np.searchsorted(classes, texts) if list(classes) == sorted(classes) else np.array(
                [classes.index(t) for t in texts]
            ), classes
        labels = numbers
    return class_numbers(labels, classes and len(classes), where), classes


def test_rows(y: np.ndarray, options: dict[str, Any], groups: np.ndarray | None = None) -> np.ndarray:
    """Sorted rows of the test split of data that has none; by a fixed seed."""
    count = sample_count(options.get("test", 0.2), len(y), len(np.unique(y)), "test")
    return split_indices(y, count, TEST_SEED, groups)[1]


def divided(split: Split, test: np.ndarray) -> Split:
    """All but the test rows."""
    return split.take(np.setdiff1d(np.arange(len(split)), test))
