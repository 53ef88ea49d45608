"""LHC jets: 16 high-level features, five kinds of jets (OpenML 42468), with the test split of the hls4ml tutorial."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..dataset import Split
from ..files import DataFile
from ..formats import Table, arff
from ..source import Raw, Request, Source
from . import register
from ._tables import read_whole

CLASSES = ("g", "q", "t", "w", "z")
_ARFF = DataFile("hls4ml_lhc_jets_hlf.arff", ("jets", ""), urls=("openml:42468",))
_TUTORIAL_SEED = 42


def _table(request: Request) -> Table:
    return arff(request[_ARFF.name].content(), request[_ARFF.name].path)


def _tutorial_test(y: np.ndarray, split: Split) -> np.ndarray:
    """Rows of ``sklearn.model_selection.train_test_split(x, y, test_size=0.2, random_state=42)``: the head of a permutation."""
    return np.sort(np.random.RandomState(_TUTORIAL_SEED).permutation(len(y))[: -(-len(y) // 5)])


def _read(request: Request) -> Raw:
    return read_whole(partial(_table, request), CLASSES, "jets", _tutorial_test)


register("jets")(
    Source(
        title="LHC jets, 5 classes (the hls4ml benchmark)",
        read=_read,
        alternatives=((_ARFF,),),
        sizes=(664000, None, 166000),
        input="16 float32 features",
        licence="CC BY 4.0",
        citation="J. Duarte et al., JINST 13 P07027, 2018; M. Pierini et al., hls4ml LHC Jet dataset, Zenodo, "
        "doi:10.5281/zenodo.3602260; OpenML 42468",
        home="https://www.openml.org/d/42468",
    )
)
