"""Shared by MedMNIST sources: one .npz with official train, validation and test splits."""

from __future__ import annotations

from functools import partial

from ..dataset import Split
from ..files import DataFile
from ..formats import npz
from ..source import Raw, Request, Source
from ._idx import preprocess

_PAPER = "J. Yang et al., MedMNIST v2, Scientific Data 10:41, 2023"


def medmnist(name: str, title: str, classes: tuple[str, ...], sizes: tuple[int, int, int], sha256: str, origin: str) -> Source:
    """A source for ``name``.npz as published on Zenodo; the SHA-256 is of the file whose MD5 MedMNIST states."""
    file = DataFile(f"{name}.npz", ("medmnist", "", name), sha256, urls=(f"https://zenodo.org/records/10519652/files/{name}.npz",))
    return Source(
        title=title,
        read=partial(_read, file=file.name, classes=classes),
        alternatives=((file,),),
        sizes=sizes,
        input="28x28 uint8",
        licence="CC BY 4.0",
        citation=f"{_PAPER}; {origin}",
        home="https://medmnist.com",
    )


def _read(request: Request, file: str, classes: tuple[str, ...]) -> Raw:
    train, validation = (_split(request, file, which) for which in ("train", "val"))
    return Raw(train, partial(_split, request, file, "test"), classes, preprocess, validation=validation)


def _split(request: Request, file: str, which: str) -> Split:
    with npz(request[file].content(), request[file].path) as arrays:
        return Split(arrays[f"{which}_images"], arrays[f"{which}_labels"])
