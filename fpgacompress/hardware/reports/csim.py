"""Logs of C simulation, ``<module>_csim.log`` of Vivado HLS and Vitis HLS."""

from __future__ import annotations

import re

from ...figures import Figure, unavailable
from .report import Report
from .source import Source

_TOOL = r"(?:INFO|ERR|ERROR): \[SIM [\d-]+\] "
MARK = re.compile(_TOOL + r"\**\s*CSIM (?:start|finish)")
_DONE = re.compile(_TOOL + r"CSim done with (\d{1,9}) errors?\.")
_FAILED = re.compile(_TOOL + r"(?:CSim failed|'csim_design' failed)|@E Simulation failed")
_FINISH = re.compile(_TOOL + r"\**\s*CSIM finish")

FAILED = "the simulation failed; it does not count errors"
UNTOLD = "the log does not tell how the simulation ended"
UNFINISHED = "the log ends before the simulation did"


def read_csim(source: Source) -> Report:
    """Whether it passed, and ``errors``. What the test bench prints is not judged: it passes when its ``main`` returns 0."""
    text = "\n".join(source.lines)
    done, passed = _DONE.search(text), None
    if _FAILED.search(text):
        errors, passed = unavailable(FAILED, "errors"), False
    elif done:
        errors = Figure(int(done[1]), "errors", stage="simulated", provenance="measured by C simulation")
        passed = errors.value == 0
    else:
        errors = unavailable(UNTOLD if _FINISH.search(text) else UNFINISHED, "errors")
    top = source.name_before("_csim")
    return Report("csim", "", "", "", top, "simulated", {"errors": errors}, (), source.path, passed)
