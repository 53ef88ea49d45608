"""Where data files are looked for, and what proves that they are the right ones."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError

VARIABLE = "FPGACOMPRESS_DATA"


@dataclass(frozen=True)
class DataFile:
    """A file of a data set.

    Attributes:
        name: file name.
        folders: sub-folders of a data folder where it may lie ("" is the data folder itself); downloads go to the first.
        sha256, md5: checksum as published; either is enough, empty means unknown.
        urls: official addresses, tried in order. ``address#member`` takes one member out of a zip file,
            ``openml:ID`` asks OpenML for the address and MD5 of data set ID.
        by_hand: how people get a file that has no address; ``{place}`` stands for its path in a data folder, ``{target}`` for where it should
            be, ``{folder}`` for the folder of that.
    """

    name: str
    folders: tuple[str, ...]
    sha256: str = ""
    md5: str = ""
    urls: tuple[str, ...] = ()
    by_hand: str = "copy demos/data/{place} from the source repository of fpgacompress to {target}"

    @property
    def place(self) -> str:
        """Path inside a data folder."""
        return str(Path(self.folders[0]) / self.name)

    def check(self, content: bytes, where: str | Path) -> None:
        """Raise DataError unless ``content`` has the published checksum."""
        for method, expected in (("sha256", self.sha256), ("md5", self.md5)):
            if expected:
                found = hashlib.new(method, content, usedforsecurity=False).hexdigest()
                if found != expected:
                    raise DataError(
                        f"{where} has the wrong checksum ({method} {found[:12]}..., {len(content)} bytes)",
                        expected=f"{method} {expected[:12]}...",
                        do="delete the file and fetch it again; it is truncated, damaged or another version",
                    )
                return


@dataclass(frozen=True)
class Located:
    """A data file that is on this machine."""

    path: Path
    file: DataFile

    def content(self) -> bytes:
        """The file's bytes, after its checksum was compared.

        Raises:
            DataError: unreadable or wrong checksum.
        """
        content = read_bytes(self.path)
        self.file.check(content, self.path)
        return content


def read_bytes(path: Path) -> bytes:
    """Content of a file; DataError when it is missing, unreadable or empty."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", do="check the path") from None
    if not content:
        raise DataError(f"{path} is empty (0 bytes)", do="delete the file and fetch it again")
    return content


def cache_folder() -> Path:
    """Where downloads go when neither ``data_dir`` nor the environment names a folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fpgacompress" / "data"


def download_folder(data_dir: str | Path | None = None) -> Path:
    """The folder that downloads are written to: ``data_dir``, else the first of FPGACOMPRESS_DATA, else the cache."""
    named = [Path(p).expanduser() for p in [str(data_dir or ""), *os.environ.get(VARIABLE, "").split(os.pathsep)] if p]
    return named[0] if named else cache_folder()


def search_folders(data_dir: str | Path | None = None) -> list[Path]:
    """Existing data folders in the order they are searched.

    ``data_dir``; FPGACOMPRESS_DATA (several separated as in PATH); ``demos/data`` in the current folder and above it; ``demos/data`` of the
    source checkout; ``share/fpgacompress/data`` of the Python environment; our download cache; Keras' and MedMNIST's caches.
    """
    here = Path.cwd()
    named = [str(data_dir or ""), *os.environ.get(VARIABLE, "").split(os.pathsep)]
    folders = [
        *(Path(p).expanduser() for p in named if p),
        *(folder / "demos" / "data" for folder in (here, *here.parents)),
        Path(__file__).resolve().parents[2] / "demos" / "data",
        Path(sys.prefix) / "share" / "fpgacompress" / "data",
        cache_folder(),
        Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets",
        Path.home() / ".medmnist",
    ]
    return [f for f in dict.fromkeys(folders) if f.is_dir()]


def find(file: DataFile, data_dir: str | Path | None = None) -> Path | None:
    """First place where ``file`` lies, or None."""
    places = (folder / sub / file.name for folder in search_folders(data_dir) for sub in file.folders)
    return next((place for place in places if place.is_file()), None)


def find_any(alternatives: tuple[tuple[DataFile, ...], ...], data_dir: str | Path | None = None) -> dict[str, Located] | None:
    """The first complete set of files, by name, or None."""
    for files in alternatives:
        found = {file.name: find(file, data_dir) for file in files}
        if all(found.values()):
            return {file.name: Located(found[file.name], file) for file in files}
    return None


def locate(name: str, alternatives: tuple[tuple[DataFile, ...], ...], data_dir: str | Path | None = None) -> dict[str, Located]:
    """The files of a source; what is not here is downloaded.

    Raises:
        DataError: not here and not to be had; the message says which file to put where.
    """
    found = find_any(alternatives, data_dir)
    if found is not None:
        return found
    from .download import download

    target = download_folder(data_dir)
    places = {file: find(file, data_dir) for file in alternatives[0]}
    missing = tuple(file.place for file, path in places.items() if path is None)
    located = {}
    for file, path in places.items():
        if path is None and not file.urls:
            raise DataError(
                f"{name}: {file.place} is not on this machine and has no address to download it from",
                expected=f"it in one of {', '.join(map(str, search_folders(data_dir))) or 'the data folders (none exists)'}",
                do=file.by_hand.format(place=file.place, target=target / file.place, folder=(target / file.place).parent),
            )
        located[file.name] = Located(path or download(name, file, target, missing[missing.index(file.place) + 1 :]), file)
    return located
