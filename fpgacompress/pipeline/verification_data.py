"""Samples to verify a model with: arrays, .npz, .npy and .csv files as they are, or the test split of a named data set."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Preprocessing, load
from ..data.files import read_bytes
from ..data.formats import delimited, npz
from ..errors import DataError
from ..integer import FixedType

_NAMES = ("x_test", "X_test", "test_images", "x", "X", "images", "data", "inputs", "x_val", "x_train", "train_images")
_SUFFIXES = (".npz", ".npy", ".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Samples:
    """Real samples as the model reads them.

    Attributes:
        x: numbers, (n, ...).
        origin: a sentence saying what they are.
        type: the input type their preprocessing delivers; None where there was none.
    """

    x: np.ndarray
    origin: str
    type: FixedType | None = None


def _npz(path: Path) -> np.ndarray:
    with npz(path, path) as arrays:
        name = next((n for n in _NAMES if n in arrays), arrays.keys[0] if len(arrays.keys) == 1 else None)
        if name is None:
            raise DataError(f"{path} has the arrays {', '.join(arrays.keys) or '(none)'}", expected="one called x, or x_test")
        return arrays[name]


def _npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a readable .npy file ({error})", expected="a file written by numpy.save") from None


def _table(path: Path, size: int) -> np.ndarray:
    """All columns, or all but the label column, whichever the model's input has."""
    table = delimited(read_bytes(path), path)
    if table.x.shape[1] + 1 != size:
        return table.x
    try:
        return np.column_stack([table.x, table.labels.astype(np.float64)])
    except ValueError:
        raise DataError(
            f"{path} has {size} columns, one of them text", expected=f"{size} columns of numbers, or one more for the labels"
        ) from None


def _file(path: Path, shape: tuple[int, ...]) -> Samples:
    if not path.is_file():
        raise DataError(f"there is no file {path}", do="check the path; relative paths start in the current folder")
    suffix = path.suffix.lower()
    x = _npz(path) if suffix == ".npz" else _npy(path) if suffix == ".npy" else _table(path, prod(shape))
    return _array(x, f"of {path.name}")


def _array(x: np.ndarray, name: str) -> Samples:
    """8-bit pixels become pixel / 256, as everywhere in this package; other numbers are taken as the model reads them."""
    if x.dtype == np.uint8:
        return Samples(x / 256.0, f"data: {len(x)} samples {name}, 8-bit values divided by 256")
    return Samples(x, f"data: {len(x)} samples {name}, as they are")


def read_samples(data: Any, shape: tuple[int, ...], preprocessing: Preprocessing | None, data_dir: str | Path | None) -> Samples:
    """Samples of an array, a file or a data set.

    Args:
        data: array, path of a file (.npz, .npy, .csv, .tsv, .txt), or name of a data set.
        shape: the model's input shape.
        preprocessing: the model's own, used for data sets; theirs by default.
        data_dir: folder searched first for data sets.

    Raises:
        DataError: not there, not readable, or no numbers.
    """
    if not isinstance(data, (str, Path)):
        return _array(np.asarray(data), "as given")
    if Path(data).suffix.lower() in _SUFFIXES:
        return _file(Path(data), tuple(n or 1 for n in shape))
    dataset = load(str(data), data_dir=data_dir)
    apply = preprocessing or dataset.preprocessing
    test = dataset.read_test("verify")
    return Samples(apply.apply(test.x), f"data: the {len(test)} test samples of {dataset.name}, preprocessed", apply.input_type)
