"""One line of progress: stage, time, the last line of the log worth showing."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO


def clock(seconds: float) -> str:
    """ "0:12:05"."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class Progress:
    """Writes to a stream: on a terminal one line that is rewritten, else a new line every so often.

    Args:
        stream: standard error when left out.
        every: seconds between lines where the stream is no terminal.
    """

    def __init__(self, stream: TextIO | None = None, every: float = 60.0) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._every = every
        self._terminal = bool(getattr(self._stream, "isatty", lambda: False)())
        self._next = every
        self._shown = ""

    def show(self, stage: str, seconds: float, last: str) -> None:
        """Tell how far a stage is.

        Args:
            stage: its name.
            seconds: since its start; smaller than the last time for a new stage.
            last: line of the log.
        """
        text = f"  {stage}  {clock(seconds)}  {last}".rstrip()
        if self._terminal:
            text = text[: max(shutil.get_terminal_size().columns - 1, 20)]
            if text != self._shown:
                self._write(f"\r{text}\x1b[K")
                self._shown = text
        elif seconds >= self._next:
            self._write(f"{text}\n")
            self._next = seconds + self._every

    def clear(self) -> None:
        """A stage has ended; the next line begins at the left."""
        if self._terminal and self._shown:
            self._write("\r\x1b[K")
        self._shown, self._next = "", self._every

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal must not end hours of work
            pass


class Silent(Progress):
    """Shows nothing."""

    def show(self, stage: str, seconds: float, last: str) -> None:
        """Nothing."""
