"""How a stage that failed is told: exit status, first error, last lines of the log."""

from __future__ import annotations

import signal
from pathlib import Path

from ...errors import ToolError
from .hints import hint
from .logs import Log
from .progress import clock
from .watch import Outcome


class StageFailed(ToolError):
    """A stage of the vendor flow failed.

    Attributes:
        stage: its name.
        exit: exit status of the tool, negative for a signal.
        first_error: the first line of the log that begins with "ERROR:", "" when there is none.
        tail: last lines of the log.
        log: the whole of it.
    """

    def __init__(self, stage: str, program: str, what: str, outcome: Outcome, log: Log, inner: str = "") -> None:
        self.stage, self.exit, self.log = stage, outcome.status, log.path
        self.first_error, self.tail = log.first_error or "", log.tail
        told = [f"{stage} failed: {program} {what}"]
        if log.compiler_error:
            told.append(f"the compiler said first: {log.compiler_error}")
        if log.first_error:
            told.append(f"first error: {log.first_error}")
        elif log.crash and not inner:
            told.append(f"the log says: {log.crash}")
        elif outcome.status != 0 and not outcome.timed_out and not inner:
            told.append("it wrote no error message")
        if inner:
            told.append(inner)
        advice = hint("\n".join([inner, log.first_error or "", log.crash or "", log.compiler_error or "", what]))
        do = f"{advice}; the whole log is {log.path}" if advice else f"read {log.path}"
        super().__init__(". ".join(told), do=do)

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.tail)
        return f"{super().__str__()}" + (f"\nlast lines of {self.log.name}:{lines}" if lines else "")


def ending(outcome: Outcome, limit_s: float | None) -> str:
    """How a command ended, for people."""
    if outcome.timed_out:
        return f"was stopped at the time limit of {clock(limit_s or outcome.seconds)}"
    if outcome.status < 0:
        return f"was killed by {_signal(-outcome.status)} after {clock(outcome.seconds)}"
    if outcome.status > 128 and _signal(outcome.status - 128).startswith("SIG"):
        return f"ended with exit status {outcome.status} ({_signal(outcome.status - 128)}) after {clock(outcome.seconds)}"
    return f"ended with exit status {outcome.status} after {clock(outcome.seconds)}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def problem(outcome: Outcome, log: Log, lost: str, limit_s: float | None, folder: Path) -> str:
    """What is wrong with a stage that has ended, "" when nothing is.

    Args:
        outcome: how the command ended.
        log: its log, read to the end.
        lost: report that should be there and is not, "" when all are.
        limit_s: its time limit.
        folder: of the project.
    """
    if outcome.timed_out or outcome.status != 0:
        return ending(outcome, limit_s)
    if log.first_error:
        return "ended with exit status 0, although its log reports an error"
    if lost:
        return f"ended with exit status 0, but did not write {folder / lost}"
    return ""
