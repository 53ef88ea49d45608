"""Wait for a command: progress, time limit, Ctrl-C."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import ToolError
from .logs import Log
from .progress import Progress
from .runner import Process

SLOWEST = 0.5
"""Longest time between two looks at the log, s."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """A time limit in seconds: "2h", "1h30m", "45m", "90s", "1d"; a bare number is seconds.

    Raises:
        ToolError: something else, or no time at all.
    """
    clean = text.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", clean):
        clean += "s"
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?[smhd])+", clean):
        raise ToolError(f"--limit {text!r}", expected="a time such as 2h, 1h30m, 45m or 90s")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", clean))
    if seconds <= 0:
        raise ToolError(f"--limit {text!r}", expected="more than nothing")
    return seconds


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: exit status, negative for a signal.
        seconds: how long it ran.
        timed_out: it was stopped at the limit.
    """

    status: int
    seconds: float
    timed_out: bool = False


@contextlib.contextmanager
def ends_as_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal are taken like Ctrl-C, so that the tool is stopped, too; ignored signals stay ignored (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    changed = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def watch(process: Process, log: Log, name: str, progress: Progress, limit_s: float | None = None) -> Outcome:
    """Wait until a command has ended.

    Args:
        process: the command.
        log: where its output goes.
        name: stage, for the progress line.
        progress: shows it.
        limit_s: seconds it may take.

    Raises:
        KeyboardInterrupt: Ctrl-C; the command and all it started have been stopped.
    """
    started = time.monotonic()
    timed_out = False
    try:
        while (status := process.poll()) is None:
            seconds = time.monotonic() - started
            log.read()
            progress.show(name, seconds, log.last)
            if limit_s is not None and seconds >= limit_s:
                timed_out = True
                process.stop()
                status = process.poll()
                break
            time.sleep(min(SLOWEST, 0.02 + seconds / 20))
    except BaseException:
        process.stop()
        raise
    finally:
        progress.clear()
        log.read(end=True)
    return Outcome(status if status is not None else -signal.SIGKILL, time.monotonic() - started, timed_out)
