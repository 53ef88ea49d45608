"""What a vendor program says about itself: its release, and whether it is a stand-in that only replays reports."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .environment import environment
from .installs import Install
from .runner import output_of
from .versions import Release, release_in

SECONDS = 60
"""How long a program may take to say its version; the vendor's start slowly from network disks."""

_STAND_IN = re.compile(r"\bstand-in\b", re.I)


@dataclass(frozen=True)
class Banner:
    """What was read.

    Attributes:
        text: the line with the release, "" where there is none.
        release: the release, or None.
        stand_in: the program calls itself a stand-in: whatever it writes was not measured.
    """

    text: str = ""
    release: Release | None = None
    stand_in: bool = False


def read_banner(text: str) -> Banner:
    """The banner in a program's output: ``****** Vivado v2020.1 (64-bit)``; without stars, the first line with a release."""
    lines = [line.strip() for line in text.splitlines()]
    starred = [line for line in lines if line.startswith("****") and release_in(line)]
    named = starred or [line for line in lines if release_in(line)]
    line = named[0].strip("* ") if named else ""
    stand_in = any(_STAND_IN.search(one) for one in lines if one.startswith("**") or one == line)
    return Banner(line, release_in(line), stand_in or bool(_STAND_IN.search(line)))


def ask(install: Install) -> Banner:
    """Start a program for its version only, in an empty folder, since it leaves journals where it runs; empty when it does not answer."""
    return _ask(install.path, install)


@lru_cache(maxsize=64)
def _ask(path: Path, install: Install) -> Banner:
    option = "--version" if install.program == "vitis-run" else "-version"
    with tempfile.TemporaryDirectory(prefix="fpgacompress-version-") as folder:
        told = output_of([str(path), option], Path(folder), environment(install), SECONDS)
    return read_banner((told or b"").decode(errors="replace"))
