"""MHIST: histology of colorectal polyps, hyperplastic or sessile serrated."""

from __future__ import annotations

import csv
import io
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..dataset import Split
from ..files import DataFile
from ..source import Raw, Request, Source
from . import register
from ._idx import preprocess
from ._images import area_mean, open_image

CLASSES = ("HP", "SSA")
_HOME = "https://bmirds.github.io/MHIST/"
_SIDE, _SIZE = 224, 56
_FILE = DataFile(
    "annotations.csv",
    ("mhist", "MHIST"),
    by_hand=f"fill in and sign the form at {_HOME}, then put annotations.csv into {{folder}} and unpack images.zip there, "
    "so that it has images/MHIST_aaa.png and so on",
)
_NAME, _LABEL, _PARTITION = "Image Name", "Majority Vote Label", "Partition"
_NOTE = "whose polyps they are is not told: images of one patient may be in training and validation"


def _rows(request: Request) -> list[dict[str, str]]:
    """Rows of annotations.csv, checked.

    Raises:
        DataError: a column that is missing, a row without image, an unknown label or partition (with its line).
    """
    path = request[_FILE.name].path
    reader = csv.DictReader(io.StringIO(request[_FILE.name].content().decode("utf-8-sig", "replace")), skipinitialspace=True)
    rows = []
    for column in (_NAME, _LABEL, _PARTITION):
        if column not in (reader.fieldnames or ()):
            raise DataError(f"{path} has no column '{column}'", expected=f"the file as it comes from {_HOME}")
    for row in reader:
        for column, allowed in ((_LABEL, CLASSES), (_PARTITION, ("train", "test"))):
            if row[column] not in allowed:
                raise DataError(f"{path}, line {reader.line_num}: {column} is {row[column]!r}", expected=f"one of {', '.join(allowed)}")
        if not row[_NAME]:
            raise DataError(f"{path}, line {reader.line_num}: {_NAME} is empty", expected="the name of a file in images")
        rows.append(row)
    return rows


def _image(file: Path, size: int, gray: bool) -> np.ndarray:
    """uint8, shape (size, size), or (size, size, 3) unless ``gray``."""
    image = np.asarray(open_image(file).convert("L" if gray else "RGB"), np.uint8)
    if min(image.shape[:2]) < size:
        raise DataError(
            f"{file} has {image.shape[0]}x{image.shape[1]} pixels", expected=f"at least {size}x{size}", do="set the option size"
        )
    return area_mean(image, size)


def _split(request: Request, which: str, size: int, gray: bool) -> Split:
    folder = request[_FILE.name].path.parent / "images"
    rows = [row for row in _rows(request) if row[_PARTITION] == which]
    missing = [row[_NAME] for row in rows if not (folder / row[_NAME]).is_file()]
    if missing:
        raise DataError(
            f"mhist: {len(missing)} of {len(rows)} {which} images are not in {folder}, the first is {missing[0]}",
            expected="every image that annotations.csv names",
            do=f"unpack images.zip of {_HOME} there",
        )
    x = np.empty((len(rows), size, size) if gray else (len(rows), size, size, 3), np.uint8)
    for i, row in enumerate(rows):
        x[i] = _image(folder / row[_NAME], size, gray)
    return Split(x, np.array([CLASSES.index(row[_LABEL]) for row in rows], np.int64))


def _read(request: Request) -> Raw:
    size, gray = request.options.get("size", _SIZE), request.options.get("gray", False)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _SIDE:
        raise DataError(f"mhist: size is {size!r}", expected=f"a whole number of pixels from 1 to {_SIDE}")
    if not isinstance(gray, bool):
        raise DataError(f"mhist: gray is {gray!r}", expected="true or false")
    read = partial(_split, request, size=size, gray=gray)
    return Raw(read("train"), partial(read, "test"), CLASSES, preprocess, notes=(f"images made {size}x{size} by area mean", _NOTE))


register("mhist")(
    Source(
        title="histology of colorectal polyps, hyperplastic (HP) or sessile serrated (SSA); needs a signed form",
        read=_read,
        alternatives=((_FILE,),),
        sizes=(2175, None, 977),
        input=f"{_SIZE}x{_SIZE}x3 uint8 of {_SIDE}x{_SIDE}x3",
        licence="MHIST Dataset Research Use Agreement",
        citation="J. Wei et al., A Petri Dish for Histopathology Image Analysis, AIME 2021, arXiv:2101.12355",
        options={
            "size": f"height and width in pixels that images are made smaller to, by area mean (default {_SIZE}, at most {_SIDE})",
            "gray": "true for one channel, (size, size); default false, (size, size, 3)",
        },
        home=_HOME,
    )
)
