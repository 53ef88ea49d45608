"""Readers of file formats: idx, npz, ARFF and delimited text. Errors name the file and the place."""

from __future__ import annotations

import csv
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError

_AGAIN = "delete the file and fetch it again"


def idx(content: bytes, where: str | Path) -> np.ndarray:
    """Array of an idx file of unsigned bytes (gzip or not), uint8 with the shape in its header.

    Format: "THE IDX FILE FORMAT", Y. LeCun, C. Cortes, the MNIST page.

    Raises:
        DataError: truncated or damaged gzip, or not an idx file.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{where} is a truncated or damaged gzip file ({error})", expected="a complete .gz file", do=_AGAIN) from None
    if len(content) < 8 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise DataError(f"{where} is not an idx file of unsigned bytes", expected="the header 00 00 08 and the number of axes", do=_AGAIN)
    axes = content[3]
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if body.size != np.prod(shape, dtype=np.int64):
        raise DataError(f"{where} holds {body.size} bytes for shape {shape}", expected=f"{np.prod(shape, dtype=np.int64)} bytes", do=_AGAIN)
    return body.reshape(shape)


class Arrays:
    """The arrays of an open .npz file, read one by one as they are asked for."""

    def __init__(self, file: np.lib.npyio.NpzFile, where: str | Path) -> None:
        self._file, self.where, self.keys = file, where, list(file.files)

    def __contains__(self, key: str) -> bool:
        return key in self.keys

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self.keys:
            raise DataError(f"{self.where} has no array '{key}'", expected=f"one of its arrays: {', '.join(self.keys) or 'it has none'}")
        try:
            return self._file[key]
        except ValueError as error:
            what = "Python objects (rows of different lengths, or None?)" if "pickle" in str(error) else str(error)
            raise DataError(f"{self.where}: array '{key}' holds {what}", expected="an array of numbers") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise DataError(f"{self.where}: array '{key}' is damaged ({error})", do=_AGAIN) from None


@contextmanager
def npz(content: bytes | Path, where: str | Path) -> Iterator[Arrays]:
    """Open an .npz file (bytes or path) without reading its arrays; pickled objects are refused."""
    try:
        file = np.load(io.BytesIO(content) if isinstance(content, bytes) else content, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"there is no file {where}", do="check the path; relative paths start in the current folder") from None
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{where} is not a readable .npz file ({error})", expected="a file written by numpy.savez", do=_AGAIN) from None
    if isinstance(file, np.ndarray):
        raise DataError(f"{where} holds one array without a name", expected="an .npz file with arrays x_train and y_train, or x and y")
    with file:
        yield Arrays(file, where)


@dataclass(frozen=True)
class Table:
    """A table with a label column: x float32 (n, features), labels as text (n,), names of the features, groups as text (n,) or None."""

    x: np.ndarray
    labels: np.ndarray
    features: tuple[str, ...]
    groups: np.ndarray | None = None


def arff(content: bytes, where: str | Path) -> Table:
    """An ARFF file whose last attribute is the class (dense form, as UCI and OpenML ship it).

    Raises:
        DataError: no data section, or rows that are not numbers followed by a class.
    """
    head, body = _split_arff(content.decode("utf-8", "replace"))
    names = [_unquote(line.split(None, 1)[1].strip()) for line in head if line.lower().startswith("@attribute")]
    rows = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("%")]
    if len(names) < 2 or not rows:
        raise DataError(f"{where} is not an ARFF file, or has no rows", expected="@ATTRIBUTE lines and a @DATA section")
    try:
        x = np.loadtxt(rows, np.float32, delimiter=",", usecols=range(len(names) - 1), ndmin=2)
    except ValueError as error:
        raise DataError(f"{where}: {error}", expected=f"{len(names) - 1} numbers and a class in every row", do=_AGAIN) from None
    return Table(x, np.array([row.rpartition(",")[2].strip().strip("'\"") for row in rows]), tuple(names[:-1]))


def _split_arff(text: str) -> tuple[list[str], str]:
    mark = re.search(r"^\s*@data\s*$", text, re.IGNORECASE | re.MULTILINE)
    head, body = (text[: mark.start()], text[mark.end() :]) if mark else (text, "")
    return [line.strip() for line in head.splitlines()], body


def _unquote(attribute: str) -> str:
    quote = attribute[0]
    return attribute[1:].partition(quote)[0] if quote in "'\"" else attribute.split()[0]


def delimited(
    content: bytes, where: str | Path, label: str | int | None = None, header: bool | None = None, group: str | None = None
) -> Table:
    """Comma, semicolon, tab or blank separated text; the label column is named, numbered, called label/class/target/y, or the last.

    Args:
        content: the file.
        where: its path, for messages.
        label: name or number of the label column, or None.
        header: whether the first line holds names; None looks whether it has more texts than the last line.
        group: name of a column that says who each row is from, or None.

    Raises:
        DataError: empty, ragged rows, an unknown column, text or an empty cell in a feature column (with line and column).
    """
    text = content.decode("utf-8-sig", "replace")
    first = text.lstrip().partition("\n")[0]
    if not first.strip():
        raise DataError(f"{where} is empty", expected="rows of numbers with a label column")
    delimiter = max(",;\t ", key=lambda mark: (first.count(mark) > 0) * (mark != " ") * 1000 + first.count(mark))
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    width = len(rows[0][1])
    ragged = next(((line, len(row)) for line, row in rows if len(row) != width), None)
    if ragged or width < 2:
        raise DataError(
            f"{where}, line {(ragged or rows[0])[0]}: {(ragged or (0, width))[1]} columns",
            expected=f"{max(width, 2)} columns in every line",
        )
    if header is None:
        texts_first, texts_last = (sum(not _is_number(cell) for cell in rows[i][1]) for i in (0, -1))
        header = texts_first > (texts_last if len(rows) > 1 else width - 1)
    names = rows[0][1] if header else [str(i) for i in range(width)]
    rows = rows[1:] if header else rows
    if not rows:
        raise DataError(f"{where} has a header and no rows", expected="rows of numbers with a label column")
    column = _column(names, label, where)
    grouped = None if group is None else _column(names, group, where)
    kept = [i for i in range(width) if i not in (column, grouped)]
    x = np.array([[_number(row[i], where, line, names[i]) for i in kept] for line, row in rows], np.float32)
    groups = None if grouped is None else np.array([row[grouped] for _, row in rows])
    return Table(x, np.array([row[column] for _, row in rows]), tuple(names[i] for i in kept), groups)


def _column(names: list[str], wanted: str | int | None, where: str | Path) -> int:
    if wanted is None:
        usual = [i for i, name in enumerate(names) if name.lower() in ("label", "class", "target", "y")]
        return usual[0] if len(usual) == 1 else len(names) - 1
    if str(wanted) in names:
        return names.index(str(wanted))
    if isinstance(wanted, int) and not isinstance(wanted, bool) and -len(names) <= wanted < len(names):
        return wanted % len(names)
    raise DataError(f"{where} has no column {wanted!r}", expected=f"one of {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, where: str | Path, line: int, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        what = f"holds the text '{cell[:30]}'" if cell else "is empty"
        raise DataError(
            f"{where}, line {line}: column '{name}' {what}",
            expected="a number in every feature column",
            do="encode text columns as numbers or remove them; name the class column with the option 'label'",
        ) from None
