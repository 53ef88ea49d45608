"""The log of a vendor tool, read while it grows: the first error, the last lines, the last line worth showing, the banner."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

from .banner import Banner, read_banner

LAST = 12
"""Lines of the end of the log that a failure shows."""

WIDTH = 300
_ERROR = re.compile(r"^\s*(?:ERROR|ERR|FATAL_ERROR|FATAL)\s*:")
_COMPILER = re.compile(r"(?:^|\s)(?:fatal )?error: |undefined reference to ")
_CRASH = re.compile(r"\bKilled\b|Segmentation fault|std::bad_alloc|Out of memory|abnormal(?:ly)? (?:program )?terminat", re.I)
_TELLING = re.compile(
    r"^\s*(?:ERROR|CRITICAL WARNING)|^\*{5} |^Phase \d|^Starting \w|^Running |^Command: |Launched |Waiting for |"
    r"Implementing module|Synthesizing '|Generating RTL|Running: |Starting |Finished (?:Command|Compil|Loop|Arch|Sched)|"
    r"Analyzing design|RTL Simulation : |C/RTL co-simulation|CSIM start|CSim done|completed successfully|Elapsed time"
)


def first_error_in(path: Path) -> str:
    """The first line of a finished log that begins with ``ERROR:``; "" when there is none."""
    log = Log(path)
    log.read(end=True)
    return log.first_error or ""


class Log:
    """Reads what has been appended since the last call.

    Attributes:
        first_error: the first line that begins with ``ERROR:``.
        compiler_error: the first error of a C++ compiler that came before it.
        crash: the first line that tells of a crash or of memory running out.
        last: the last line worth showing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first_error: str | None = None
        self.compiler_error: str | None = None
        self.crash: str | None = None
        self.last = ""
        self._offset = 0
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=LAST)
        self._stars: list[str] = []

    def read(self, *, end: bool = False) -> None:
        """Take in new lines; a line without an end is kept for the next call unless this is the ``end``."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).replace(b"\r\n", b"\n").split(b"\n")
        if end and self._rest:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._take(line.split(b"\r")[-1].decode("utf-8", errors="replace").rstrip())

    def _take(self, line: str) -> None:
        if not line.strip():
            return
        self._tail.append(line[:WIDTH])
        if line.lstrip().startswith("**") and len(self._stars) < 100:
            self._stars.append(line)
        if _TELLING.search(line) or not self.last:
            self.last = line.strip()[:WIDTH]
        if self.first_error is None:
            if _ERROR.match(line):
                self.first_error = line.strip()[:WIDTH]
            elif self.compiler_error is None and _COMPILER.search(line):
                self.compiler_error = line.strip()[:WIDTH]
        if self.crash is None and _CRASH.search(line):
            self.crash = line.strip()[:WIDTH]

    @property
    def tail(self) -> list[str]:
        """The last lines that are not empty."""
        return list(self._tail)

    @property
    def banner(self) -> Banner:
        """The release the tool printed; "stand-in" in any line of stars counts."""
        return read_banner("\n".join(self._stars))
