"""Your own .npz file: x_train, y_train and perhaps x_val, x_test; or x and y; or MedMNIST's names."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...errors import DataError
from ..checks import checked
from ..dataset import Split
from ..formats import Arrays, npz
from ..source import Raw, Request, Source
from . import register
from ._own import TEST_OPTION, divided, encode, preprocess, test_rows

_LAYOUTS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "y_train")),
    "validation": (("x_val", "y_val"), ("x_validation", "y_validation"), ("val_images", "val_labels"), ("X_val", "y_val")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "y_test")),
    "all": (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "labels")),
}
_GROUPS = {"train": "groups_train", "validation": "groups_val", "test": "groups_test", "all": "groups"}


def _keys(arrays: Arrays, which: str) -> tuple[str, str] | None:
    return next((pair for pair in _LAYOUTS[which] if pair[0] in arrays and pair[1] in arrays), None)


def _split(
    request: Request, which: str, classes: tuple[str, ...] | None = None, rows: np.ndarray | None = None
) -> tuple[Split, tuple[str, ...] | None]:
    with npz(request.path, request.path) as arrays:
        keys = _keys(arrays, which)
        if keys is None:
            raise DataError(f"{request.path} has arrays {', '.join(arrays.keys) or '(none)'}", expected="x_train and y_train, or x and y")
        if "classes" in arrays and classes is None:
            classes = tuple(map(str, arrays["classes"].ravel()))
        y, names = encode(arrays[keys[1]], f"{request.path}, {keys[1]}", classes)
        groups = np.unique(arrays[_GROUPS[which]], return_inverse=True)[1].ravel() if _GROUPS[which] in arrays else None
        split = checked(Split(arrays[keys[0]], y, groups), f"{request.path}, {keys[0]}")
    return (split if rows is None else split.take(rows)), names


def _test(request: Request, which: str, classes: tuple[str, ...] | None, rows: np.ndarray | None = None) -> Split:
    return _split(request, which, classes, rows)[0]


def _read(request: Request) -> Raw:
    with npz(request.path, request.path) as arrays:
        present = {which for which in _LAYOUTS if _keys(arrays, which)}
    main = "train" if "train" in present else "all"
    train, classes = _split(request, main)
    validation = _split(request, "validation", classes)[0] if "validation" in present else None
    if "test" in present:
        return Raw(train, partial(_test, request, "test", classes), classes, preprocess, validation)
    rows = test_rows(train.y, request.options, train.groups)
    load_test = partial(_test, request, main, classes, rows)
    return Raw(divided(train, rows), load_test, classes, preprocess, validation, notes=("test split drawn by us",))


register("npz")(
    Source(
        title="your own .npz file",
        read=_read,
        input="arrays x_train, y_train, perhaps x_val, y_val, x_test, y_test, groups_train; or x and y; or train_images, train_labels, ...",
        licence="your own",
        options=TEST_OPTION,
        by_path=True,
    )
)
