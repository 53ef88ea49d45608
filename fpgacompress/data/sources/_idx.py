"""Shared by sources that ship as four idx files (MNIST and its drop-in replacements)."""

from __future__ import annotations

from functools import partial

from ..dataset import Split
from ..files import DataFile
from ..formats import idx, npz
from ..preprocessing import PIXEL_TYPE, Preprocessing, pixels
from ..source import Raw, Request

PARTS = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def idx_files(folders: tuple[str, ...], sha256: tuple[str, ...], addresses: tuple[str, ...]) -> tuple[DataFile, ...]:
    """The four files of one data set, below every address."""
    return tuple(DataFile(n, folders, h, urls=tuple(a + n for a in addresses)) for n, h in zip(PARTS, sha256, strict=True))


def preprocess(x: object, input_type: object = None) -> Preprocessing:
    """pixel / 256 on ``ufixed<8,0>`` or the given type."""
    return pixels(input_type or PIXEL_TYPE)


def read_idx(request: Request, classes: tuple[str, ...]) -> Raw:
    """Training arrays now, test arrays when asked for."""
    return Raw(_pair(request, "train"), partial(_pair, request, "t10k"), classes, preprocess)


def _pair(request: Request, which: str) -> Split:
    if "mnist.npz" in request.files:
        which = {"t10k": "test"}.get(which, which)
        with npz(request["mnist.npz"].content(), request["mnist.npz"].path) as arrays:
            return Split(arrays[f"x_{which}"], arrays[f"y_{which}"])
    images, labels = (request[part] for part in PARTS if part.startswith(which))
    return Split(idx(images.content(), images.path), idx(labels.content(), labels.path))
