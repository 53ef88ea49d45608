"""Dry Bean: shapes of seven varieties of beans; UCI's zip or ARFF file, or the prepared .npz file."""

from __future__ import annotations

import io
import zipfile
from functools import partial

from ...errors import DataError
from ..files import DataFile
from ..formats import Table, arff
from ..source import Raw, Request, Source
from . import register
from ._tables import read_prepared, read_whole, stratified_fifth

CLASSES = ("BARBUNYA", "BOMBAY", "CALI", "DERMASON", "HOROZ", "SEKER", "SIRA")
_ZIP = DataFile(
    "dry+bean+dataset.zip",
    ("drybean", ""),
    "0a64eff5be87f48c3dbbfc0a12a56c5d5b5167ef8e61cd45d69b3e7c7130c06f",
    urls=("https://archive.ics.uci.edu/static/public/602/dry+bean+dataset.zip",),
)
_ARFF = DataFile("Dry_Bean_Dataset.arff", ("drybean", "DryBeanDataset", ""))
_NPZ = DataFile("dry_bean.npz", ("drybean", ""), "206a1b655aa21af04c138030e2b1ab0b59d56d805de66b11846f2b89793cec2a")


def _table(request: Request) -> Table:
    located = next(iter(request.files.values()))
    content = located.content()
    if located.file is _ZIP:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(next(n for n in archive.namelist() if n.endswith(_ARFF.name)))
        except (zipfile.BadZipFile, StopIteration) as error:
            raise DataError(f"{located.path} holds no {_ARFF.name} ({error})", do="delete the file and fetch it again") from None
    return arff(content, located.path)


def _read(request: Request) -> Raw:
    if _NPZ.name in request.files:
        return read_prepared(request, _NPZ.name, CLASSES)
    return read_whole(partial(_table, request), CLASSES, "drybean", stratified_fifth)


register("drybean")(
    Source(
        title="bean variety from its shape, 7 classes",
        read=_read,
        alternatives=((_ZIP,), (_ARFF,), (_NPZ,)),
        sizes=(10889, None, 2722),
        other_sizes={_NPZ.name: (8170, None, 2719)},
        input="16 float32 features",
        licence="CC BY 4.0",
        citation="M. Koklu, I. A. Ozkan, Comput. Electron. Agric. 174, 2020; UCI, doi:10.24432/C50S4B",
        home="https://archive.ics.uci.edu/dataset/602/dry+bean+dataset",
    )
)
