"""Samples to look at or to verify a model with: arrays and files as the model reads them, or a split of a named data set, preprocessed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..integer.types import FixedType
from .files import read_bytes
from .formats import delimited, npz
from .loading import load
from .preprocessing import Preprocessing

SUFFIXES = (".npz", ".npy", ".csv", ".tsv", ".txt")
_PLAIN = ("x", "X", "images", "data", "inputs")
_NAMES = {
    "validation": ("x_val", "x_valid", "x_validation", "val_x", "val_images", *_PLAIN, "x_train", "train_x", "train_images"),
    "test": ("x_test", "X_test", "test_images", *_PLAIN, "x_val", "val_images", "x_train", "train_images"),
}
"""Arrays of a .npz in the order they are looked for."""


@dataclass(frozen=True)
class Samples:
    """Real samples as a model reads them.

    Attributes:
        x: numbers, (n, ...), not checked against any model.
        y: class numbers, (n,) int64, or None.
        origin: one line saying what they are.
        type: the input type their preprocessing delivers; None where there was none.
    """

    x: np.ndarray
    y: np.ndarray | None
    origin: str
    type: FixedType | None = None


def _npz(path: Path, split: str) -> tuple[Any, Any]:
    """Samples and, under the matching name, labels; a test split is looked at only when it is asked for."""
    with npz(path, path) as arrays:
        usable = [k for k in arrays.keys if split == "test" or "test" not in k]
        name = next((n for n in _NAMES[split] if n in usable), usable[0] if len(usable) == 1 else None)
        if name is None:
            note = "" if split == "test" else " (a test split is not looked at)"
            raise DataError(
                f"{path} has the arrays {', '.join(arrays.keys) or '(none)'}", expected=f"one called x or {_NAMES[split][0]}{note}"
            )
        label = name.replace("images", "labels").replace("x", "y", 1)
        return arrays[name], arrays[label] if label != name and label in arrays else None


def _npy(path: Path) -> tuple[Any, Any]:
    try:
        return np.load(path, allow_pickle=False), None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a readable .npy file ({error})", expected="a file written by numpy.save") from None


def _table(path: Path, size: int) -> tuple[Any, Any]:
    """All columns, or all but the label column, whichever the model's input has."""
    table = delimited(read_bytes(path), path)
    try:
        labels = table.labels.astype(np.float64)
    except ValueError:
        if table.x.shape[1] + 1 == size:
            raise DataError(
                f"{path} has {size} columns, one of them text", expected=f"{size} columns of numbers, or one more for the labels"
            ) from None
        return table.x, np.unique(table.labels, return_inverse=True)[1]
    return (np.column_stack([table.x, labels]), None) if table.x.shape[1] + 1 == size else (table.x, labels)


def _labels(y: Any, samples: int) -> np.ndarray | None:
    """Class numbers from numbers, one-hot rows or a column."""
    if y is None:
        return None
    y = np.asarray(y)
    if y.ndim == 2:
        y = y.argmax(1) if y.shape[1] > 1 else y[:, 0]
    return y.astype(np.int64) if y.shape == (samples,) and np.issubdtype(y.dtype, np.number) else None


def _plain(x: Any, y: Any, name: str, bytes_as_pixels: bool) -> Samples:
    x = np.asarray(x)
    count = len(x) if x.ndim else 0
    if bytes_as_pixels and x.dtype == np.uint8:
        return Samples(x / 256.0, _labels(y, count), f"{count} samples {name}, 8-bit values divided by 256")
    return Samples(x, _labels(y, count), f"{count} samples {name}, as they are")


def read_samples(
    data: Any,
    shape: tuple[int | None, ...],
    *,
    split: str,
    preprocessing: Preprocessing | None = None,
    data_dir: str | Path | None = None,
    bytes_as_pixels: bool = False,
) -> Samples:
    """Samples of an array, a file or a named data set.

    Args:
        data: array, ``(x, y)``, path of a .npz, .npy, .csv, .tsv or .txt file, or name of a data set.
        shape: input shape of the model, without batch; tells whether the last column of a table is a label.
        split: "validation" or "test"; the reading of a data set's test split is noted by it.
        preprocessing: the model's own, used for data sets; theirs by default.
        data_dir: folder searched first for data sets.
        bytes_as_pixels: divide 8-bit values of arrays and files by 256, as the data sets' preprocessing does.

    Raises:
        DataError: not there or not readable.
    """
    if not isinstance(data, (str, Path)):
        x, y = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
        return _plain(x, y, "as given", bytes_as_pixels)
    path = Path(data)
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        if not path.is_file():
            raise DataError(f"there is no file {path}", do="check the path; relative paths start in the current folder")
        found = _npz(path, split) if suffix == ".npz" else _npy(path) if suffix == ".npy" else _table(path, prod(n or 1 for n in shape))
        return _plain(*found, f"of {path.name}", bytes_as_pixels)
    dataset = load(str(data), data_dir=data_dir)
    apply = preprocessing or dataset.preprocessing
    chosen = dataset.read_test("verify") if split == "test" else dataset.validation
    whose = "the model's" if preprocessing else "its"
    origin = f"the {len(chosen)} {split} samples of {dataset.name}, {whose} preprocessing applied"
    return Samples(apply.apply(chosen.x), chosen.y, origin, apply.input_type)
