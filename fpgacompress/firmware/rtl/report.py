"""What nextpnr says of a design: its report in JSON, and its log where it gives up before there is a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ToolError


@dataclass(frozen=True)
class Report:
    """What nextpnr's ``--report`` says.

    Attributes:
        used, available: cells of each type that is used.
        mhz: of the slowest clock.
        starts, ends: cells that the slowest path of a clock leads from and to; empty where there is none.
    """

    used: dict[str, int]
    available: dict[str, int]
    mhz: float
    starts: str
    ends: str


def read_report(content: Mapping[str, Any]) -> Report:
    """Read the JSON of nextpnr's ``--report``.

    Raises:
        ToolError: it has no clock or no cells.
    """
    try:
        cells = {name: row for name, row in content["utilization"].items() if row["used"]}
        mhz = min(float(clock["achieved"]) for clock in content["fmax"].values())
        paths = [p for p in content["critical_paths"] if "<async>" not in (p["from"], p["to"]) and p["path"]]
        slowest = max(paths, key=lambda p: sum(step["delay"] for step in p["path"]))["path"] if paths else None
        return Report(
            {name: int(row["used"]) for name, row in cells.items()},
            {name: int(row["available"]) for name, row in cells.items()},
            mhz,
            slowest[0]["from"]["cell"] if slowest else "",
            slowest[-1]["to"]["cell"] if slowest else "",
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ToolError(f"nextpnr's report is not what was expected ({type(error).__name__}: {error})") from error


_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%\s*$", re.M)


def overfull(log: str) -> dict[str, tuple[int, int]]:
    """Cells that a packed design has more of than the part, as (needed, available), by nextpnr's log; it writes no report before it has routed."""
    _, found, rest = log.partition("Info: Device utilisation:")
    rows = _USED.findall(rest) if found else []
    return {name: (int(used), int(there)) for name, used, there in rows if int(used) > int(there)}


_GAVE_UP = re.compile(r"^ERROR: .*(?:plac|rout|expand region|\bBELs?\b).*$", re.M | re.I)


def gave_up(log: str) -> str | None:
    """The line of nextpnr's log that says that it found no place or no route; None where it stopped for another reason."""
    found = _GAVE_UP.search(log)
    return found.group(0).removeprefix("ERROR: ").strip() if found else None


class Overfull:
    """Asked while nextpnr runs: does its log say that the design is too large? Its placer may go on looking for a place without end."""

    def __init__(self, log: Path) -> None:
        self._log, self._done = log, False

    def __call__(self) -> bool:
        if self._done or not self._log.is_file():
            return False
        text = self._log.read_text("utf-8", "replace")
        self._done = "Device utilisation" in text and "placer" in text.partition("Device utilisation")[2]
        return self._done and bool(overfull(text))
