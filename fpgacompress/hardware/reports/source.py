"""The text of a report file, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import HardwareError

MAX_BYTES = 64 * 2**20
"""Larger files are refused; reports of large designs have a few megabytes."""

EXPECTED = "a report of Vivado HLS, Vitis HLS or Vivado (csynth .rpt or .xml, cosim .rpt, csim .log, utilization, timing summary, power)"


@dataclass(frozen=True)
class Source:
    """A report file that could be read.

    Attributes:
        path: the file.
        text: everything in it, line ends as ``\\n``.
        lines: complete lines. What stands behind the last line end may be cut off and is left out, unless a table's edge closes it.
    """

    path: Path
    text: str
    lines: tuple[str, ...]

    def name_before(self, ending: str) -> str:
        """The file's name before an ending like "_cosim"; "" when it does not end so."""
        stem = self.path.stem
        return stem.removesuffix(ending) if stem.endswith(ending) else ""


def open_source(path: str | Path) -> Source:
    """Read a report file.

    Raises:
        HardwareError: it is missing, a folder, empty, too large, binary, or a web page.
    """
    path = Path(path)
    if path.is_dir():
        raise HardwareError(f"{path} is a folder", expected="a report file", do="read the whole project, or name a file in it")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise HardwareError(f"report {path} has {size} bytes", expected=f"at most {MAX_BYTES}", do="check that it is a report")
        data = path.read_bytes()
    except OSError as error:
        raise HardwareError(f"report {path} cannot be read ({error.strerror or error})", expected=EXPECTED) from None
    if not data.strip():
        raise HardwareError(f"report {path} is empty", expected=EXPECTED, do="run the step that writes it again")
    if b"\0" in data:
        raise HardwareError(f"report {path} is a binary file", expected=EXPECTED)
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    head = text[:2000].lower()
    if "<html" in head or "<!doctype html" in head:
        raise HardwareError(f"report {path} is a web page", expected=EXPECTED, do="download the file itself, not the page that shows it")
    *lines, last = text.split("\n")
    if last.rstrip().endswith(("|", "+")):
        lines.append(last)
    return Source(path, text, tuple(lines))
