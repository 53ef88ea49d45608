"""What has been built: one small JSON file in the project, replaced as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import RunError, ToolError
from ...run import write_json

FILE = "vendor_build.json"
VERSION = 1


@dataclass
class Entry:
    """One stage.

    Attributes:
        status: "running", "done", "failed" or "stopped".
        key: hash of everything the stage depends on.
        program, release: the tool.
        command: as run.
        started: UTC time; tells this run of the stage from others.
        seconds: how long it took.
        exit: exit status of the tool, or None.
        error: what went wrong, "" otherwise.
        stand_in: the tool called itself a stand-in: its reports are no measurements.
        pid: process group while running.
        log: file, relative to the project.
    """

    status: str
    key: str
    program: str
    release: str | None
    command: list[str]
    started: str
    log: str
    seconds: float = 0.0
    exit: int | None = None
    error: str = ""
    stand_in: bool = False
    pid: int | None = None


@dataclass
class State:
    """Entries by stage, and the file they live in."""

    path: Path
    stages: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> tuple[State, str]:
        """The state of a project, and a note where its file cannot be used (then nothing counts as built)."""
        path = folder / FILE
        try:
            tree: Any = json.loads(path.read_text(encoding="utf-8"))
            names = {one.name for one in fields(Entry)}
            if tree["version"] != VERSION:
                return cls(path), f"'{path}' is of another version; every stage is run again"
            return cls(path, {k: Entry(**{n: v for n, v in e.items() if n in names}) for k, e in tree["stages"].items()}), ""
        except FileNotFoundError:
            return cls(path), ""
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return cls(path), f"'{path}' cannot be used ({error}); every stage is run again"

    def write(self) -> None:
        """Replace the file.

        Raises:
            RunError: it cannot be written.
        """
        write_json(self.path, {"version": VERSION, "stages": {name: asdict(entry) for name, entry in self.stages.items()}})


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a project; the vendor's tools overwrite each other's files.

    Raises:
        ToolError: another process builds it.
        RunError: the folder cannot be written.
    """
    try:
        file = open(folder / ".vendor_build.lock", "w")
    except OSError as error:
        raise RunError(f"'{folder}' cannot be written ({error})", do="copy the project to a folder of yours") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ToolError(f"another process is building '{folder}'", do="wait for it") from None
        except OSError:  # a network disk without locks: go on without
            pass
        yield
