"""What is there of a vendor program, in one line for people."""

from __future__ import annotations

from .banner import ask
from .installs import Install, find_installs, modules
from .versions import PRODUCTS, Release


def inventory(program: str) -> tuple[bool, str | None]:
    """Whether a program can be started, and its releases with their places; else the ``module load`` that may bring it, or None."""
    found = sorted((one for one in find_installs() if one.program == program), key=_newest_first)
    if found:
        return True, "; ".join(_told(one) for one in found)
    words = PRODUCTS[program].lower().split()
    offered = [one for one in modules() if any(word in one.lower() for word in words)]
    return False, f"not loaded; first: {' or '.join(f'module load {one}' for one in offered[:4])}" if offered else None


def _newest_first(install: Install) -> tuple[bool, int, int]:
    release = install.release or Release(0, 0)
    return not install.on_path, -release.year, -release.number


def _told(install: Install) -> str:
    banner = ask(install) if install.on_path or install.release is None else None
    release = (banner.release if banner else None) or install.release or "release unknown"
    mark = " (a stand-in: nothing it writes is measured)" if banner and banner.stand_in else ""
    place = f"on PATH, {install.path}" if install.on_path else f"in {install.path.parent.parent}, not on PATH (build finds it)"
    return f"{release}{mark}, {place}"
