"""MIT-BIH heartbeats in the AAMI classes, split between patients (de Chazal's DS1 and DS2), or beat by beat."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...errors import DataError
from ...integer.types import FixedType
from ..dataset import Split
from ..files import DataFile
from ..formats import npz
from ..preprocessing import TABLE_TYPE, Preprocessing
from ..source import Raw, Request, Source
from . import register
from ._own import divided, test_rows

_FILE = DataFile("mitbih_beats.npz", ("ecg",), "430292a72cd42b1d5b1f090aec37445ef4d68d97058ae89e902f6d10fbec81bf")
_SAME_PERSON = 201  # record 202, which is in DS2, is from the same man (MIT-BIH Arrhythmia Database Directory)
_OPTIONS = {"input": ("beats", "beats+rr"), "split": ("patients", "beats")}
"""Values of the options; the first is the default."""
_TEST = 0.25
"""Share of the beats in the test split, where beats are split."""
_NOTES = (
    f"record {_SAME_PERSON} is left out of training: it is the same person as record 202 of the test split",
    "beats of each patient are in all splits: scores are higher than those between patients",
)


def _part(request: Request, which: str) -> Split:
    with npz(request[_FILE.name].content(), request[_FILE.name].path) as arrays:
        x, y, record = (arrays[f"{key}_{which}"] for key in ("x", "y", "record"))
        if request.options.get("input", "beats") == "beats+rr":
            x = np.concatenate([x.astype(np.float32), arrays[f"rr_{which}"]], axis=1)
        else:
            x = x[..., None]
    return Split(x, y, record.astype(np.int64))


def _between_patients(request: Request, which: str) -> Split:
    split = _part(request, which)
    return split if which == "test" else split.take(split.groups != _SAME_PERSON)


def _between_beats(request: Request, which: str) -> Split:
    parts = [_part(request, name) for name in ("train", "test")]
    split = Split(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    rows = test_rows(split.y, {"test": _TEST})
    return split.take(rows) if which == "test" else divided(split, rows)


def _preprocess(x: np.ndarray, input_type: FixedType | None = None) -> Preprocessing:
    """Microvolts / 1024 (so 4 is about 4 mV, more than any training beat has); RR intervals in half seconds around 0.75 s."""
    scale, offset = 2.0**-10, 0.0
    if x.ndim == 2:
        scale, offset = np.r_[np.full(128, scale), 2.0, 2.0], np.r_[np.zeros(128), -1.5, -1.5]
    return Preprocessing(scale, offset, (-4.0, 4.0), input_type or TABLE_TYPE)


def _read(request: Request) -> Raw:
    for option, allowed in _OPTIONS.items():
        wanted: Any = request.options.get(option, allowed[0])
        if wanted not in allowed:
            raise DataError(f"ecg: {option} is {wanted!r}", expected=f"one of {', '.join(allowed)}")
    beats = request.options.get("split") == "beats"
    split = _between_beats if beats else _between_patients
    return Raw(split(request, "train"), partial(split, request, "test"), ("N", "S", "V", "F"), _preprocess, notes=(_NOTES[beats],))


register("ecg")(
    Source(
        title="ECG heartbeats, AAMI classes N S V F, other patients in each split unless asked otherwise",
        read=_read,
        alternatives=((_FILE,),),
        sizes=(16112, None, 17020),
        input="128x1 int16 microvolts, 180 Hz",
        licence="ODC-By 1.0",
        citation="MIT-BIH Arrhythmia Database 1.0.0: G. B. Moody, R. G. Mark, IEEE Eng. Med. Biol. 20(3), 2001, doi:10.13026/C2F305; "
        "A. L. Goldberger et al., PhysioNet, Circulation 101(23), 2000; split: P. de Chazal et al., IEEE Trans. Biomed. Eng. 51(7), 2004; "
        "changed: filtered, resampled, cut to beats, part of the beats",
        options={
            "input": "beats (default, 128x1 int16) or beats+rr (130 float32: the beat, then seconds to the beats before and after)",
            "split": f"patients (default, as published) or beats (a random {_TEST:.0%} of all beats for the test, patients in all splits)",
        },
        home="https://physionet.org/content/mitdb/1.0.0/",
    )
)
