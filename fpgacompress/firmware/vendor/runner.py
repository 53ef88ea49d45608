"""Who runs a command in a folder. The flow knows these two protocols only, so that commands may run on other machines later."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ...errors import ToolError


class Process(Protocol):
    """A command that was started."""

    @property
    def pid(self) -> int | None:
        """Its process group on this machine; None elsewhere."""

    def poll(self) -> int | None:
        """Exit status, negative for a signal as in :mod:`subprocess`; None while it runs."""

    def stop(self, grace: float = 10.0) -> None:
        """End it and everything it started: politely first, by force after ``grace`` seconds. Returns when it has ended."""


class Runner(Protocol):
    """Starts commands in folders."""

    def start(self, command: Sequence[str], cwd: Path, log: Path, env: Mapping[str, str]) -> Process:
        """Start a command whose output, errors too, is appended to ``log`` while it runs.

        Raises:
            ToolError: it cannot be started.
        """


class LocalProcess:
    """A process group on this machine."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    @property
    def pid(self) -> int | None:
        return self._popen.pid

    def poll(self) -> int | None:
        return self._popen.poll()

    def stop(self, grace: float = 10.0) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            pass
        finally:  # a second Ctrl-C, too
            self._signal(signal.SIGKILL)  # whoever of the group is left: simulators, Vivado started by Vitis
            self._popen.wait()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._popen.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


class LocalRunner:
    """Runs commands on this machine, each in a process group of its own, so that Ctrl-C reaches us and we stop all of it."""

    def start(self, command: Sequence[str], cwd: Path, log: Path, env: Mapping[str, str]) -> LocalProcess:
        try:
            with open(log, "ab") as output:
                return LocalProcess(
                    subprocess.Popen(
                        list(command),
                        cwd=cwd,
                        env=dict(env),
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        except OSError as error:
            raise ToolError(f"{Path(command[0]).name} could not be started ({error})") from error


def output_of(command: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float) -> bytes | None:
    """What a short command on this machine prints, errors too; None when it cannot be started or takes too long (then all of it is ended).

    Not :func:`subprocess.run`, which would wait for ever for what a wrapper script has started.
    """
    with tempfile.TemporaryDirectory(prefix="fpgacompress-") as folder:
        output = Path(folder, "output")
        try:
            process = LocalRunner().start(command, cwd, output, env)
        except ToolError:
            return None
        end = time.monotonic() + seconds
        try:
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            return output.read_bytes() if process.poll() is not None else None
        finally:
            process.stop(1.0)


def still_runs(pid: int | None, folder: Path) -> bool:
    """Whether a process that an earlier call left behind (it was killed itself) still works in ``folder``."""
    if not pid:
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False
