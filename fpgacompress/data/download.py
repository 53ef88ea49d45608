"""Download with checksum, progress on standard error, and whole files or none."""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import json
import os
import shutil
import sys
import urllib.request
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from .files import DataFile

_TIMEOUT = 30.0
_CHUNK = 1 << 18


def download(name: str, file: DataFile, folder: Path, also: tuple[str, ...] = ()) -> Path:
    """Fetch ``file`` into ``folder`` from the first address that answers.

    Args:
        name: the data set's name, for messages.
        file: what to fetch; its checksum is compared before the file gets its name.
        folder: data folder; the file is written to ``folder / file.place``.
        also: other files that are missing, for the message.

    Raises:
        DataError: no address answers (the message says which file to put where), a wrong checksum, or a full disk.
    """
    target = folder / file.place
    problems = []
    for url in file.urls:
        try:
            address, expected = _openml(url, file) if url.startswith("openml:") else (url, file)
            content = _fetch(address, file.name)
        except (OSError, http.client.HTTPException, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            problems.append(f"{url}: {getattr(error, 'reason', None) or error}")
            continue
        try:
            expected.check(content, address)
        except DataError as error:
            problems.append(error.received)
            continue
        _write(target, content)
        return target
    raise DataError(
        f"{name}: {file.place} is not on this machine and could not be downloaded ({'; '.join(problems)})",
        expected="the file in a data folder, or a network",
        do=f"get {_for_people(file.urls[0])} on another machine and put it at {target}"
        + "".join(f", likewise {folder / place}" for place in also)
        + "; any other data folder will do (--data-dir, FPGACOMPRESS_DATA)",
    )


def _for_people(url: str) -> str:
    """An address that a browser understands."""
    if url.startswith("openml:"):
        return f"the ARFF file of https://www.openml.org/d/{url.partition(':')[2]}"
    address, _, member = url.partition("#")
    return f"{member} from {address}" if member else address


def _openml(url: str, file: DataFile) -> tuple[str, DataFile]:
    """Address and MD5 of an OpenML data set, from OpenML's own description."""
    number = url.partition(":")[2]
    description = json.loads(_fetch(f"https://www.openml.org/api/v1/json/data/{number}", f"OpenML {number}"))["data_set_description"]
    return description["url"], replace(file, md5=description.get("md5_checksum", ""))


def _fetch(url: str, label: str) -> bytes:
    address, _, member = url.partition("#")
    request = urllib.request.Request(address, headers={"User-Agent": "fpgacompress"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        buffer = io.BytesIO()
        progress = _Progress(label, total)
        while chunk := answer.read(_CHUNK):
            buffer.write(chunk)
            progress.show(buffer.tell())
        progress.close()
    if total and buffer.tell() != total:
        raise OSError(f"connection ended after {buffer.tell()} of {total} bytes")
    if member:
        with zipfile.ZipFile(buffer) as archive:
            return archive.read(member)
    return buffer.getvalue()


class _Progress:
    """A bar on a terminal's standard error, one line elsewhere."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.live, self.shown = label, total, sys.stderr.isatty(), -1
        if not self.live:
            print(f"downloading {label}{f' ({total / 1e6:.1f} MB)' if total else ''}", file=sys.stderr)

    def show(self, done: int) -> None:
        step = done * 100 // self.total if self.total else done // 1_000_000
        if not self.live or step == self.shown:
            return
        self.shown = step
        width = max(10, min(40, shutil.get_terminal_size().columns - len(self.label) - 32))
        bar = f"[{'#' * (step * width // 100):{width}}] {step:3d} %" if self.total else ""
        print(f"\r{self.label} {bar} {done / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.live:
            print(file=sys.stderr)


def _write(target: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then rename; a failure leaves nothing behind."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise DataError(
            f"{target} cannot be written: {'the disk is full' if full else error.strerror}",
            expected=f"{len(content) / 1e6:.1f} MB free in a folder you may write to",
            do="free space, or name another folder with --data-dir or FPGACOMPRESS_DATA",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
