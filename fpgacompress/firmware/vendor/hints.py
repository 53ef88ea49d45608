"""What to do about the errors that people meet most often, and that the tools do not explain."""

from __future__ import annotations

import re

HINTS: tuple[tuple[str, str], ...] = (
    (
        r"(?i)valid license was not found|no license|license.*(?:expired|not found)|Common 17-345",
        "point XILINXD_LICENSE_FILE to a license file or server that covers this part",
    ),
    (
        r"Part '.*' is not installed|HLS 200-1023|No parts matched",
        "install the device family of this part with the vendor's installer",
    ),
    (
        r"(?i)board_part|board part .*not found",
        "install the board's files: copy them into data/boards/board_files of the Vivado folder",
    ),
    (
        r"bad lexical cast|'2\d{9}' is an invalid argument",
        "dates behind 2021 overflow in releases up to 2021.2 while exporting: apply the vendor's y2k22 patch",
    ),
    (
        r"[Uu]nrolling the loop|Pre-synthesis failed|XFORM 203-504",
        "the unrolled code may be too large: use a larger reuse factor or strategy Resource, or fewer weights",
    ),
    (
        r"\bKilled\b|SIGKILL|bad_alloc|[Oo]ut of memory",
        "most likely the machine ran out of memory: use a larger reuse factor, or a machine with more",
    ),
    (
        r"csim_design. failed|CSim failed|compilation error",
        "the tool's own C++ compiler or the simulated program failed: read the lines before the first error in the log",
    ),
)
"""Pattern in the first error or the last lines, and the advice."""


def hint(text: str) -> str:
    """Advice for an error, "" when there is none; the first pattern that is found counts."""
    return next((advice for pattern, advice in HINTS if re.search(pattern, text)), "")
