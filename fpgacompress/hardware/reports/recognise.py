"""Which kind of report a file is, told by its content, and reading it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ...errors import HardwareError
from . import cosim, csim, csynth_rpt, csynth_summary, csynth_xml, power, timing, utilization
from .report import Report
from .source import EXPECTED, Source, open_source

Reader = Callable[[Source], Report]

_MARKS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (csynth_rpt.TITLE, csynth_rpt.read_csynth_rpt),
    (csynth_summary.TITLE, csynth_summary.read_csynth_summary),
    (utilization.TITLE, utilization.read_utilization),
    (timing.TITLE, timing.read_timing),
    (power.TITLE, power.read_power),
    (cosim.HEADER, cosim.read_cosim),
    (csim.MARK, csim.read_csim),
)
"""The line that shows a kind, and who reads it. The first such line of a file decides: logs may quote other reports further down."""


def reader_of(source: Source) -> Reader | None:
    """Who reads a file; None when it is no report we know."""
    if source.text.lstrip().startswith("<"):
        return csynth_xml.read_csynth_xml
    for line in source.lines:
        for mark, reader in _MARKS:
            if mark.search(line):
                return reader
    return None


def read_report(path: str | Path) -> Report:
    """Read a report of Vivado HLS 2018-2020, Vitis HLS 2020-2025 or Vivado.

    Args:
        path: the file. Its kind is told by what stands in it, not by its name.

    Returns:
        The report. A figure that is missing, cut off or no number ("?", "undef", "-", "NA") is unavailable with the reason.

    Raises:
        HardwareError: the file cannot be read, is no such report, or is XML that is damaged.
    """
    source = open_source(path)
    reader = reader_of(source)
    if reader is None:
        raise HardwareError(f"{source.path} is no report we can read, or is cut off before it says what it is", expected=EXPECTED)
    return reader(source)
