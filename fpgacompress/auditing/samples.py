"""Data for an audit: what the model gets, from an array, a file or a named data set; never a test split."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..integer.types import FixedType

_X = ("x_val", "x_valid", "x_validation", "val_x", "val_images", "x", "x_train", "train_x", "train_images", "data", "inputs")


@dataclass(frozen=True)
class Samples:
    """Inputs as the model gets them.

    Attributes:
        x: float64, (n, *input shape).
        y: class numbers (n,), or None.
        origin: one line saying what they are.
        type: fixed-point type their preprocessing delivers, where there is one.
    """

    x: np.ndarray
    y: np.ndarray | None
    origin: str
    type: FixedType | None = None


def read_samples(data: Any, shape: tuple[int, ...], preprocessing: Any = None, data_dir: str | Path | None = None) -> Samples:
    """Inputs for a model.

    Args:
        data: array (n, ...) of what the model gets, ``(x, y)``, a path to .npz, .npy or .csv with the same, or the name of a data set, whose
            validation split is preprocessed as the model's own ``preprocessing`` says, else as the data set's.
        shape: input shape of the model, without batch.
        preprocessing: of the model, where it is known; used for named data sets only.
        data_dir: folder searched first for named data sets.

    Raises:
        DataError: not there, not numbers, or another shape than the model's.
    """
    if isinstance(data, (str, Path)):
        x, y, origin, type = _from_text(str(data), shape, preprocessing, data_dir)
    elif isinstance(data, tuple) and len(data) == 2:
        (x, y), origin, type = data, "arrays as given", None
    else:
        x, y, origin, type = data, None, "array as given", None
    try:
        x = np.asarray(x, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"data of type {np.asarray(x).dtype}", expected="numbers") from None
    if x.ndim == 0 or not len(x) or None in shape or prod(x.shape[1:]) != prod(shape):
        raise DataError(f"data of shape {x.shape}", expected=f"(samples, {', '.join(map(str, shape))}), what the model's input takes")
    if not np.isfinite(x).all():
        raise DataError(f"{np.count_nonzero(~np.isfinite(x)):,} values of the data are NaN or infinite", do="remove or replace them")
    return Samples(x.reshape(-1, *shape), _labels(y, len(x)), f"{origin}, {len(x):,} samples", type)


def _labels(y: Any, samples: int) -> np.ndarray | None:
    """Class numbers from numbers, one-hot rows or a column."""
    if y is None:
        return None
    y = np.asarray(y)
    if y.ndim == 2:
        y = y.argmax(1) if y.shape[1] > 1 else y[:, 0]
    return y.astype(np.int64) if y.shape == (samples,) and np.issubdtype(y.dtype, np.number) else None


def _from_text(text: str, shape: tuple[int, ...], preprocessing: Any, data_dir: Any) -> tuple[Any, Any, str, FixedType | None]:
    path = Path(text)
    readers = {".npz": _npz, ".npy": _npy, ".csv": _csv, ".tsv": _csv, ".txt": _csv}
    if path.suffix.lower() in readers:
        if not path.is_file():
            raise DataError(f"there is no file {text}", do="check the path; relative paths start in the current folder")
        x, y = readers[path.suffix.lower()](path, prod(shape) if None not in shape else 0)
        return x, y, f"{path.name} as it is in the file", None
    from ..data import load

    dataset = load(text, data_dir=data_dir)
    apply = preprocessing or dataset.preprocessing
    whose = "the model's preprocessing" if preprocessing else "the data set's preprocessing"
    return apply.apply(dataset.validation.x), dataset.validation.y, f"validation split of {text}, {whose}", apply.input_type


def _npz(path: Path, size: int) -> tuple[Any, Any]:
    from ..data.formats import npz

    with npz(path, path) as arrays:
        usable = [k for k in arrays.keys if "test" not in k]
        name = next((k for k in _X if k in usable), usable[0] if len(usable) == 1 else None)
        if name is None:
            raise DataError(
                f"{path} has the arrays {', '.join(arrays.keys)}", expected="x, x_val or x_train (a test split is not looked at)"
            )
        label = name.replace("images", "labels").replace("x", "y", 1) if name != "data" else "labels"
        return arrays[name], arrays[label] if label != name and label in arrays else None


def _npy(path: Path, size: int) -> tuple[Any, Any]:
    try:
        return np.load(path, allow_pickle=False), None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a readable .npy file ({error})") from None


def _csv(path: Path, size: int) -> tuple[Any, Any]:
    from ..data.files import read_bytes
    from ..data.formats import delimited

    table = delimited(read_bytes(path), path)
    if table.x.shape[1] + 1 == size:  # no label column: what looked like one is the last feature
        return np.column_stack([table.x, table.labels.astype(np.float64)]), None
    try:
        return table.x, table.labels.astype(np.float64)
    except ValueError:
        return table.x, np.unique(table.labels, return_inverse=True)[1]
