"""What a source becomes: splits, classes, preprocessing, licence and hashes; the test split behind a recording accessor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..errors import DataError
from .preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class Split:
    """Samples and labels.

    Attributes:
        x: raw samples as in the file (uint8, int16, float32, ...), shape (n, ...).
        y: class numbers, int64, shape (n,).
        groups: who each sample is from (patient), int64, shape (n,); None where nobody can be told apart.
    """

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: np.ndarray) -> Split:
        """The samples at ``index`` (integers or a mask), copied."""
        return Split(self.x[index], self.y[index], None if self.groups is None else self.groups[index])

    def counts(self, classes: int) -> list[int]:
        """Samples of each of ``classes`` classes."""
        return np.bincount(self.y, minlength=classes).tolist()


@dataclass(frozen=True)
class TestRead:
    """One reading of the test split: when (UTC, ISO 8601), why, how many samples, and the hash of what was read."""

    __test__ = False
    when: str
    reason: str
    samples: int
    sha256: str


@dataclass(eq=False)
class Dataset:
    """A data set that is ready for training. Train and validation are in memory; the test split is read by :meth:`read_test` only.

    Attributes:
        name: name of the source, or of the file.
        train, validation: raw splits; preprocessing is not applied yet.
        classes: names, in the order of the class numbers.
        preprocessing: fitted on ``train`` alone.
        licence, citation: of the data.
        sha256: hash of the contents of train and validation.
        source: the files it was read from.
        notes: what a reader of the report must know (official split, records left out, limits).
        load_test: reads the test split.
        test_reads: every call of :meth:`read_test`, in order.
    """

    name: str
    train: Split
    validation: Split
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    licence: str
    citation: str
    sha256: str
    source: str
    notes: tuple[str, ...]
    load_test: Callable[[], Split] = field(repr=False)
    test_reads: list[TestRead] = field(default_factory=list, repr=False)
    _test: Split | None = field(default=None, init=False, repr=False)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one raw sample."""
        return self.train.x.shape[1:]

    def read_test(self, reason: str) -> Split:
        """The test split; loaded on the first call, and every call is recorded in ``test_reads``.

        Args:
            reason: which step needs it ("evaluate"); it is printed in the report.

        Raises:
            DataError: no reason, or a test split that is missing or damaged.
        """
        if not str(reason).strip():
            raise DataError("the test split was asked for without a reason", do="name the step, as in read_test('evaluate')")
        if self._test is None:
            self._test = self.load_test()
        known = self.test_reads[0].sha256 if self.test_reads else content_sha256(self._test)
        self.test_reads.append(TestRead(datetime.now(UTC).isoformat(timespec="seconds"), str(reason), len(self._test), known))
        return self._test

    def to_json(self) -> dict[str, Any]:
        """What a run folder keeps of the data: names, sizes, class counts, hashes, preprocessing and test reads; no samples."""
        return {
            "name": self.name,
            "source": self.source,
            "classes": list(self.classes),
            "input_shape": list(self.input_shape),
            "input_dtype": str(self.train.x.dtype),
            "train": {"samples": len(self.train), "class_counts": self.train.counts(len(self.classes))},
            "validation": {"samples": len(self.validation), "class_counts": self.validation.counts(len(self.classes))},
            "sha256": self.sha256,
            "preprocessing": self.preprocessing.to_json(),
            "preprocessing_sha256": self.preprocessing.sha256,
            "licence": self.licence,
            "citation": self.citation,
            "notes": list(self.notes),
            "test_reads": [vars(read) for read in self.test_reads],
        }


def content_sha256(*splits: Split) -> str:
    """SHA-256 over dtype, shape and little-endian bytes of x, y and groups of the given splits."""
    digest = hashlib.sha256()
    for split in splits:
        for array in (split.x, split.y, split.groups):
            if array is None:
                digest.update(b"none;")
                continue
            array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{array.dtype.str}{array.shape};".encode())
            digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()
