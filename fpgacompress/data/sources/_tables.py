"""Shared by sources that are tables of features: splits of one table, and preprocessing from training statistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...errors import DataError
from ...integer.types import FixedType
from ..dataset import Split
from ..formats import Table, npz
from ..preprocessing import TABLE_TYPE, Preprocessing, standardised
from ..source import Raw, Request
from ..splitting import TEST_SEED, equal_rows, split_indices

SUBSET = "part of the rows of the published table (the prepared .npz file); do not compare with figures for the complete table"


def preprocess(x: np.ndarray, input_type: FixedType | None = None) -> Preprocessing:
    """Standardised with power-of-two scales from training statistics, clipped to +-4, ``fixed<10,3>`` or the given type."""
    return standardised(x, input_type or TABLE_TYPE)


def numbered(labels: np.ndarray, classes: tuple[str, ...], where: str) -> np.ndarray:
    """Class numbers (int64) of label texts; DataError names a text that is no class."""
    lower = np.char.lower(np.char.strip(labels))
    y = np.full(len(labels), -1)
    for number, name in enumerate(classes):
        y[lower == name.lower()] = number
    if (y < 0).any():
        row = int(np.argmax(y < 0))
        raise DataError(f"{where}: label '{labels[row]}' in row {row}", expected=f"one of {', '.join(classes)}")
    return y


def read_prepared(request: Request, name: str, classes: tuple[str, ...]) -> Raw:
    """The .npz form with x_train, y_train, x_test, y_test."""
    train = _prepared(request, name, "train")
    load_test = partial(_prepared, request, name, "test")
    return Raw(train, load_test, classes, preprocess, split_groups=equal_rows(train.x), notes=(SUBSET,))


def _prepared(request: Request, name: str, which: str) -> Split:
    with npz(request[name].content(), request[name].path) as arrays:
        return Split(arrays[f"x_{which}"], arrays[f"y_{which}"])


def read_whole(
    table: Callable[[], Table], classes: tuple[str, ...], where: str, test_rows: Callable[[np.ndarray, Split], np.ndarray]
) -> Raw:
    """One table without an official split.

    Args:
        table: parses the file; called again when the test split is read, so no test sample stays in memory.
        classes: names in the order of the numbers.
        where: for messages.
        test_rows: chooses the sorted test rows, always the same ones.
    """
    split = _rows(table, classes, where)
    test = test_rows(split.y, split)
    train = split.take(np.setdiff1d(np.arange(len(split)), test))
    return Raw(train, partial(_rows, table, classes, where, test), classes, preprocess, split_groups=equal_rows(train.x))


def _rows(table: Callable[[], Table], classes: tuple[str, ...], where: str, rows: np.ndarray | None = None) -> Split:
    read = table()
    split = Split(read.x, numbered(read.labels, classes, where))
    return split if rows is None else split.take(rows)


def stratified_fifth(y: np.ndarray, split: Split) -> np.ndarray:
    """A fifth of the rows, stratified, equal rows on one side, by a fixed seed."""
    return split_indices(y, round(len(y) / 5), TEST_SEED, equal_rows(split.x))[1]
