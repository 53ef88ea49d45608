"""Your own folder of images: one sub-folder a class, perhaps inside train, val and test folders."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..dataset import Split
from ..source import Raw, Request, Source
from . import register
from ._images import open_image
from ._own import TEST_OPTION, preprocess, test_rows

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".webp")
_PARTS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test", "testing")}
_OPTIONS = {
    "size": "[height, width] that images are resized to (bilinear); without it all must have one size",
    "color": "grey or rgb (default: rgb if the first image has colours)",
    **TEST_OPTION,
}


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _part(folder: Path, which: str) -> Path | None:
    return next((p for p in _folders(folder) if p.name.lower() in _PARTS[which]), None)


def _list(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray]:
    """Image files, sorted within their class, and class numbers."""
    found = [(file, k) for k, name in enumerate(classes) for file in sorted((folder / name).glob("*")) if file.suffix.lower() in _SUFFIXES]
    if not found:
        raise DataError(f"there are no images in {folder}", expected=f"a sub-folder for each class with {', '.join(_SUFFIXES[:4])} files")
    return [file for file, _ in found], np.array([k for _, k in found])


def _images(files: list[Path], y: np.ndarray, options: dict[str, Any], grey: bool) -> Split:
    """uint8 images, shape (n, height, width) when grey, else (n, height, width, 3)."""
    size = options.get("size")
    out: np.ndarray | None = None
    for i, file in enumerate(files):
        image = _image(file, grey, size)
        out = np.empty((len(files), *image.shape), np.uint8) if out is None else out
        if image.shape != out.shape[1:]:
            raise DataError(
                f"{file} has {image.shape[0]}x{image.shape[1]} pixels, {files[0].name} {out.shape[1]}x{out.shape[2]}",
                expected="images of one size",
                do="set the option size: [height, width]",
            )
        out[i] = image
    return Split(out, y)


def _image(file: Path, grey: bool, size: list[int] | None) -> np.ndarray:
    image = open_image(file).convert("L" if grey else "RGB")
    return np.asarray(image if size is None else image.resize((size[1], size[0]), 2), np.uint8)


def _grey(file: Path, options: dict[str, Any]) -> bool:
    color = options.get("color")
    if color not in (None, "grey", "rgb"):
        raise DataError(f"color is {color!r}", expected="grey or rgb")
    return open_image(file).mode in ("1", "L", "LA", "I", "I;16", "F") if color is None else color == "grey"


def _read(request: Request) -> Raw:
    size = request.options.get("size")
    if size is not None and not (isinstance(size, (list, tuple)) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)):
        raise DataError(f"size is {size!r}", expected="[height, width] in pixels")
    folder = _part(request.path, "train") or request.path
    classes = tuple(
        p.name for p in _folders(folder) if folder != request.path or p.name.lower() not in _PARTS["test"] + _PARTS["validation"]
    )
    if not classes:
        raise DataError(f"{request.path} has no sub-folders", expected="one sub-folder of images for each class")
    files, y = _list(folder, classes)
    grey = _grey(files[0], request.options)
    read = partial(_images, options=request.options, grey=grey)
    test, validation = _part(request.path, "test"), _part(request.path, "validation")
    if test is not None:
        load_test = partial(_late, test, classes, request.options, grey)
        notes: tuple[str, ...] = ()
    else:
        rows = test_rows(y, request.options)
        load_test = partial(_images, [files[i] for i in rows], y[rows], request.options, grey)
        kept = np.setdiff1d(np.arange(len(y)), rows)
        files, y, notes = [files[i] for i in kept], y[kept], ("test split drawn by us",)
    return Raw(read(files, y), load_test, classes, preprocess, validation and read(*_list(validation, classes)), notes=notes)


def _late(folder: Path, classes: tuple[str, ...], options: dict[str, Any], grey: bool) -> Split:
    return _images(*_list(folder, classes), options, grey)


register("folder")(
    Source(
        title="your own folder of images",
        read=_read,
        input="a sub-folder for each class, perhaps inside train, val and test",
        licence="your own",
        options=_OPTIONS,
        by_path=True,
    )
)
