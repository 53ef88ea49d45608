"""MAGIC gamma telescope: simulated showers, gamma or hadron; UCI's magic04.data or the prepared .npz file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ..files import DataFile
from ..formats import Table, delimited
from ..source import Raw, Request, Source
from . import register
from ._tables import read_prepared, read_whole, stratified_fifth

CLASSES = ("gamma", "hadron")
_DATA = DataFile(
    "magic04.data",
    ("magic", "magic+gamma+telescope", ""),
    "e9314b7ebd4b4b59a3b3d65f7316663963777b16a46786877651dbbaa640b36a",
    urls=(
        "https://archive.ics.uci.edu/static/public/159/magic+gamma+telescope.zip#magic04.data",
        "https://archive.ics.uci.edu/ml/machine-learning-databases/magic/magic04.data",
    ),
)
_NPZ = DataFile("magic_gamma.npz", ("magic", ""), "73763516fa5a0b011bc6c000405c4afec1071638d17332fe197a75a0f197d0f9")


def _table(request: Request) -> Table:
    located = request[_DATA.name]
    table = delimited(located.content(), located.path, header=False)
    labels = np.where(table.labels == "g", "gamma", np.where(table.labels == "h", "hadron", table.labels))
    return replace(table, labels=labels)


def _read(request: Request) -> Raw:
    if _NPZ.name in request.files:
        return read_prepared(request, _NPZ.name, CLASSES)
    return read_whole(partial(_table, request), CLASSES, "magic", stratified_fifth)


register("magic")(
    Source(
        title="gamma-ray telescope showers, gamma or hadron",
        read=_read,
        alternatives=((_DATA,), (_NPZ,)),
        sizes=(15216, None, 3804),
        other_sizes={_NPZ.name: (11406, None, 3806)},
        input="10 float32 features",
        licence="CC BY 4.0",
        citation="R. K. Bock et al., Nucl. Instrum. Meth. A 516, 2004; UCI, doi:10.24432/C52C8B; a Monte Carlo simulation",
        home="https://archive.ics.uci.edu/dataset/159/magic+gamma+telescope",
    )
)
