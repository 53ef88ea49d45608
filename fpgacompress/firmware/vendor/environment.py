"""The environment a program needs: this process's own on PATH, else what its ``settings64.sh`` makes of it."""

from __future__ import annotations

import os
import shlex
from functools import lru_cache
from pathlib import Path

from .installs import Install
from .runner import output_of

SECONDS = 60


def environment(install: Install) -> dict[str, str]:
    """Environment variables for a program; its folder is first on PATH in any case."""
    if install.on_path:
        return dict(os.environ)
    env = dict(_sourced(install.settings)) if install.settings else dict(os.environ)
    env["PATH"] = f"{install.path.parent}{os.pathsep}{env.get('PATH', '')}"
    return env


@lru_cache(maxsize=16)
def _sourced(settings: Path) -> tuple[tuple[str, str], ...]:
    """The variables behind ``source settings64.sh``; this process's own where bash or the script fails."""
    script = f"exec 2>/dev/null; source {shlex.quote(str(settings))} >/dev/null; env -0"
    told = output_of(["bash", "-c", script], settings.parent, os.environ, SECONDS) or b""
    pairs = [text.split("=", 1) for text in told.decode(errors="replace").split("\0") if "=" in text]
    return tuple((name, value) for name, value in pairs if name not in ("_", "SHLVL", "PWD", "OLDPWD")) or tuple(os.environ.items())
