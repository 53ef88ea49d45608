"""What a data source is: facts, files, and a function that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Split
from .files import DataFile, Located
from .preprocessing import Preprocessing


@dataclass(frozen=True)
class Raw:
    """What a source read, before checks, validation split and preprocessing.

    Attributes:
        train: training samples; labels may still be of any whole-number dtype.
        load_test: reads the test split, not before it is called (a module-level function or a ``functools.partial`` of one).
        classes: class names, or None to number them from the labels.
        preprocess: fits the preprocessing on training samples x; its second argument is the recipe's input type or None.
        validation: the official validation split, where there is one.
        split_groups: numbers that keep samples together in the validation split without being patients (equal rows).
        notes: what a reader of the report must know.
    """

    train: Split
    load_test: Callable[[], Split]
    classes: tuple[str, ...] | None
    preprocess: Callable[..., Preprocessing]
    validation: Split | None = None
    split_groups: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What a source's ``read`` gets: its files by name, the recipe's options, and the path for your own data."""

    files: dict[str, Located] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()

    def __getitem__(self, name: str) -> Located:
        return self.files[name]


@dataclass(frozen=True)
class Source:
    """One data source. Register an instance: ``register("name")(Source(...))`` in a file of ``fpgacompress/data/sources``.

    Attributes:
        title: one line for lists.
        read: reads the files of a :class:`Request`.
        alternatives: sets of files, any one of which is enough; the first that is complete is used, the first is downloaded.
        sizes: samples in train (without validation), validation (None: drawn from train) and test, as published.
        input: shape and dtype of a raw sample.
        licence, citation: of the data.
        options: names and meanings of the source's own options.
        home: address of the data set's page.
        by_path: True for your own data, which is named by a path.
        other_sizes: sizes of other forms of the data, by the name of a file that they have.
    """

    title: str
    read: Callable[[Request], Raw]
    alternatives: tuple[tuple[DataFile, ...], ...] = ()
    sizes: tuple[int | None, int | None, int | None] = (None, None, None)
    input: str = ""
    licence: str = ""
    citation: str = ""
    options: dict[str, str] = field(default_factory=dict)
    home: str = ""
    by_path: bool = False
    other_sizes: dict[str, tuple[int | None, int | None, int | None]] = field(default_factory=dict)

    def sizes_of(self, files: Iterable[str]) -> tuple[int | None, int | None, int | None]:
        """Sizes of the form that is here, from the names of its files."""
        return next((self.other_sizes[name] for name in files if name in self.other_sizes), self.sizes)
