"""Your own table: a .csv, .tsv or .txt file with one label column."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...errors import DataError
from ..checks import checked
from ..dataset import Split
from ..files import read_bytes
from ..formats import delimited
from ..source import Raw, Request, Source
from ..splitting import equal_rows
from . import register
from ._own import TEST_OPTION, divided, encode, preprocess, test_rows

_OPTIONS = {
    "label": "name or number of the label column (default: the one called label, class, target or y, else the last)",
    "header": "true or false: whether the first line holds names (default: look)",
    "group": "name of a column that says who a row is from; a group is on one side of every split, and no feature",
    **TEST_OPTION,
}


def _split(request: Request, rows: np.ndarray | None = None) -> tuple[Split, tuple[str, ...] | None]:
    label, header, group = (request.options.get(key) for key in ("label", "header", "group"))
    if not isinstance(header, (bool, type(None))):
        raise DataError(f"{request.path}: header is {header!r}", expected="true or false")
    table = delimited(read_bytes(request.path), request.path, label, header, group)
    y, classes = encode(table.labels, f"{request.path}, label column")
    groups = None if table.groups is None else np.unique(table.groups, return_inverse=True)[1].ravel()
    split = checked(Split(table.x, y, groups), str(request.path))
    return (split if rows is None else split.take(rows)), classes


def _test(request: Request, rows: np.ndarray) -> Split:
    return _split(request, rows)[0]


def _read(request: Request) -> Raw:
    split, classes = _split(request)
    rows = test_rows(split.y, request.options, equal_rows(split.x) if split.groups is None else split.groups)
    train = divided(split, rows)
    return Raw(
        train, partial(_test, request, rows), classes, preprocess, split_groups=equal_rows(train.x), notes=("test split drawn by us",)
    )


register("csv")(
    Source(
        title="your own .csv, .tsv or .txt table",
        read=_read,
        input="one row a sample, one label column",
        licence="your own",
        options=_OPTIONS,
        by_path=True,
    )
)
