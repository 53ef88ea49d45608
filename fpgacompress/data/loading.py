"""``load``: from a source's name or a path to a checked, split, preprocessed-as-data :class:`Dataset`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, FpgaCompressError
from ..integer.types import FixedType
from ..registry import nearest
from . import checks, splitting
from .dataset import Dataset, Split, content_sha256
from .files import Located, download_folder, locate, search_folders
from .selection import class_selection, select
from .source import Raw, Request, Source

COMMON_OPTIONS = {
    "classes": "class numbers that stay, such as [1, 9], numbered anew in this order; the samples of the others are left out",
    "limit": "keep the first samples of each split, stratified: a number for all splits, or {train: n, validation: n, test: n}",
    "input_type": "fixed-point type of the network's input, such as fixed<8,3>, instead of the source's own",
}
_SUFFIXES = {".npz": "npz", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
_SPLITS = ("train", "validation", "test")


def load(
    source: str,
    *,
    validation: float | int = 0.1,
    seed: int = 0,
    data_dir: str | Path | None = None,
    options: dict[str, Any] | None = None,
) -> Dataset:
    """Read a data set.

    Args:
        source: name of a source ("fashion_mnist"), or a path to an .npz or .csv file or to a folder of images.
        validation: fraction or number of training samples kept for validation, stratified by class and with whole groups on one side;
            not used where the source has an official validation split.
        seed: of the validation split; the test split does not depend on it.
        data_dir: folder searched first, and where downloads go.
        options: :data:`COMMON_OPTIONS` and the source's own (see ``fpgacompress data show NAME``).

    Returns:
        The data set; its test split is read by ``dataset.read_test(reason)`` only.

    Raises:
        DataError: unknown source or option, a file that is missing, damaged or wrong, samples or labels that cannot be trained on.
    """
    name, entry, path = resolve(source, data_dir)
    options = dict(options or {})
    _check_options(name, entry, options)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise DataError(f"seed is {seed!r}", expected="a whole number from 0")
    limits, input_type = _limits(options.get("limit")), _input_type(options.get("input_type"))
    if data_dir is not None and not Path(data_dir).expanduser().is_dir() and not entry.by_path:
        raise DataError(f"there is no data folder {data_dir}", do="make the folder or leave the option out")
    files = {} if entry.by_path else locate(name, entry.alternatives, data_dir)
    raw = entry.read(Request(files, options, path))

    train = checks.checked(raw.train, f"{name}, train", raw.classes and len(raw.classes))
    every = raw.classes or tuple(str(i) for i in range(int(train.y.max()) + 1))
    shape = train.x.shape[1:]
    checks.every_class(train.y, every, name)
    notes = list(raw.notes)
    numbers = class_selection(options.get("classes"), every, name)
    classes = tuple(every[k] for k in numbers)
    if "classes" in options:
        notes.append(f"of {len(every)} classes only {', '.join(classes)}")
    raw, train = _selected(raw, train, numbers, name)
    train, held = _validation(raw, train, classes, validation, seed, name, notes)
    train, held = _limited(train, limits["train"]), _limited(held, limits["validation"])
    checks.every_class(train.y, classes, f"{name}, after the validation split")
    notes += [f"limited to the first {n} samples of {k}, stratified" for k, n in limits.items() if n]
    return Dataset(
        name=name,
        train=train,
        validation=held,
        classes=classes,
        preprocessing=raw.preprocess(train.x, input_type),
        licence=entry.licence,
        citation=entry.citation,
        sha256=content_sha256(train, held),
        source=", ".join(str(located.path) for located in files.values()) or str(path),
        notes=tuple(notes),
        load_test=partial(_read_test, raw.load_test, name, len(every), shape, numbers, limits["test"]),
    )


def resolve(source: str, data_dir: str | Path | None = None) -> tuple[str, Source, Path]:
    """Name, source and path (empty for a named source) that ``source`` stands for.

    Raises:
        DataError: neither a known name nor a path to something; the message has the nearest name.
    """
    from . import sources

    text = str(source)
    named = [n for n in sources.names() if not sources.get(n).by_path]
    if text in named:
        return text, sources.get(text), Path()
    path = Path(text).expanduser()
    if not path.exists() and data_dir is not None and (Path(data_dir).expanduser() / path).exists():
        path = Path(data_dir).expanduser() / path
    kind = "folder" if text and path.is_dir() else _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        own = "" if not path.exists() else f"; a file must end in {', '.join(_SUFFIXES)}"
        hint = "give the path itself, such as source: measurements/pulses.npz" if text in sources.names() else ""
        raise DataError(
            f"there is no data source '{text}'", expected=f"{nearest(text, named)}one of {', '.join(named)}, or a path{own}", do=hint
        )
    if not path.exists():
        raise DataError(
            f"there is no file {text}", expected="a path to your data", do=f"check the path; the current folder is {Path.cwd()}"
        )
    return path.name, sources.get(kind), path


def fetch(name: str, data_dir: str | Path | None = None) -> dict[str, Located]:
    """Find or download the files of a named source and compare their checksums (the arrays are not read).

    Raises:
        DataError: unknown name, no network, wrong checksum or full disk.
    """
    _, entry, path = resolve(name, data_dir)
    files = {path.name: Located(path, None)} if entry.by_path else locate(name, entry.alternatives, data_dir)
    for located in files.values():
        if located.file is not None:
            located.content()
    return files


def _check_options(name: str, entry: Source, options: dict[str, Any]) -> None:
    allowed = {**COMMON_OPTIONS, **entry.options}
    for key in options:
        if key not in allowed:
            raise DataError(f"{name} has no option '{key}'", expected=f"{nearest(str(key), allowed)}one of {', '.join(sorted(allowed))}")


def _limits(limit: Any) -> dict[str, int | None]:
    wanted = limit if isinstance(limit, dict) else dict.fromkeys(_SPLITS, limit)
    for key, value in wanted.items():
        if key not in _SPLITS or (value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1)):
            raise DataError(f"limit is {limit!r}", expected="a number of samples, or numbers for train, validation and test")
    return {key: wanted.get(key) for key in _SPLITS}


def _input_type(text: Any) -> FixedType | None:
    if text is None:
        return None
    try:
        return replace(FixedType.parse(str(text)), rounding="RND_CONV", overflow="SAT")
    except ValueError as error:
        raise DataError(f"input_type: {error}", expected="a type such as fixed<8,3> or ufixed<8,0>") from None


def _selected(raw: Raw, train: Split, numbers: tuple[int, ...], name: str) -> tuple[Raw, Split]:
    """The source and its checked training samples, with samples of some classes only; its test split is not touched."""
    shape, every = train.x.shape[1:], int(train.y.max()) + 1
    train, stays = select(train, numbers)
    groups = None if raw.split_groups is None else raw.split_groups[stays]
    held = raw.validation
    if held is not None:
        held = select(checks.checked(held, f"{name}, validation", every, shape), numbers)[0]
    return replace(raw, split_groups=groups, validation=held), train


def _validation(
    raw: Raw, train: Split, classes: tuple[str, ...], validation: float | int, seed: int, name: str, notes: list[str]
) -> tuple[Split, Split]:
    if raw.validation is not None:
        notes.append("official validation split")
        return train, raw.validation
    count = splitting.sample_count(validation, len(train), len(classes), "validation")
    groups = train.groups if train.groups is not None else raw.split_groups
    rest, part = splitting.split_indices(train.y, count, seed, groups)
    held = train.take(part)
    if train.groups is not None:
        notes.append(f"validation holds whole groups: {', '.join(map(str, np.unique(held.groups)[:20]))}")
    absent = [c for c, n in zip(classes, held.counts(len(classes)), strict=True) if n == 0]
    if absent:
        notes.append(f"validation has no sample of class {', '.join(absent)}")
    return train.take(rest), held


def _limited(split: Split, limit: int | None) -> Split:
    return split if limit is None else split.take(splitting.first_stratified(split.y, limit))


def _read_test(
    load_test: Callable[[], Split], name: str, classes: int, shape: tuple[int, ...], numbers: tuple[int, ...], limit: int | None
) -> Split:
    try:
        split = load_test()
    except FpgaCompressError as error:
        raise DataError(f"test split of {name}: {error.received}", expected=error.expected, do=error.do) from None
    return _limited(select(checks.checked(split, f"{name}, test", classes, shape), numbers)[0], limit)


__all__ = ["COMMON_OPTIONS", "download_folder", "fetch", "load", "resolve", "search_folders"]
