"""Where the vendor's tools are: PATH, the variables of settings64.sh, the usual folders, and module files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .versions import PROGRAMS, Release, release_named

ROOTS = ("/tools/Xilinx", "/opt/Xilinx", "~/Xilinx", "/tools/AMDDesignTools", "/opt/AMDDesignTools", "~/AMDDesignTools")
"""Folders the installer offers; below them ``Vivado/2020.1`` or, since 2025.1, ``2025.1/Vivado``."""

VARIABLES = ("XILINX_VIVADO", "XILINX_HLS", "XILINX_VITIS")
"""Variables that settings64.sh sets to the folder of a product."""

_FOLDERS = ("Vivado", "Vivado_HLS", "Vitis_HLS", "Vitis")
_DEPTH = 4


@dataclass(frozen=True)
class Install:
    """One program of one release.

    Attributes:
        program: "vivado_hls", "vitis_hls", "vitis-run" or "vivado".
        path: the executable.
        release: as its folder says; None where the folder does not.
        place: how it was found: "PATH", a variable, or a folder.
        settings: the ``settings64.sh`` that must be sourced before; None for programs on PATH.
    """

    program: str
    path: Path
    release: Release | None
    place: str
    settings: Path | None = None

    @property
    def on_path(self) -> bool:
        """It was found on PATH, so this process's environment is the right one."""
        return self.place == "PATH"

    def __str__(self) -> str:
        return f"{self.program} {self.release or 'of unknown release'} ({self.path})"


def release_of(path: Path) -> Release | None:
    """The release that a path names (``.../Vitis_HLS/2023.2/bin/vitis_hls``), links followed; the innermost folder counts."""
    for one in (path, path.resolve()):
        for part in reversed(one.parts[:-1]):
            if found := release_named(part):
                return found
    return None


def _on_path(env: Mapping[str, str]) -> Iterator[Install]:
    for folder in env.get("PATH", "").split(os.pathsep):
        for program in PROGRAMS:
            found = shutil.which(program, path=folder) if folder else None
            if found:
                yield Install(program, Path(found), release_of(Path(found)), "PATH")


def _in_product(folder: Path, place: str) -> Iterator[Install]:
    """The programs in a product's folder, such as ``Vivado/2020.1``."""
    settings = folder / "settings64.sh"
    for program in PROGRAMS:
        path = folder / "bin" / program
        if os.access(path, os.X_OK) and path.is_file():
            yield Install(program, path, release_of(path), place, settings if settings.is_file() else None)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.is_dir())
    except OSError:
        return []


def _in_root(root: Path) -> Iterator[Install]:
    for outer in _children(root):
        if outer.name in _FOLDERS:
            products = [one for one in _children(outer) if release_named(one.name)]
        elif release_named(outer.name):
            products = [outer / name for name in _FOLDERS]
        else:
            continue
        for product in products:
            yield from _in_product(product, str(root))


def find_installs(env: Mapping[str, str] | None = None, roots: Iterable[str | Path] | None = None) -> tuple[Install, ...]:
    """Every program that is there, PATH first, then variables, then the usual folders; no program is started.

    Args:
        env: environment to look in; this process's own when left out.
        roots: folders to look under instead of :data:`ROOTS`.
    """
    env = os.environ if env is None else env
    found = list(_on_path(env))
    for variable in VARIABLES:
        if env.get(variable):
            found += _in_product(Path(env[variable]), variable)
    home = env.get("HOME", "")
    for root in ROOTS if roots is None else roots:
        text = str(root)
        if text.startswith("~"):
            if not home:
                continue
            text = home + text[1:]
        found += _in_root(Path(text))
    unique: dict[Path, Install] = {}
    for one in found:
        unique.setdefault(one.path.resolve(), one)
    return tuple(unique.values())


def modules(env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names for ``module load`` that look like the vendor's tools, from the module files below ``MODULEPATH``; nothing is loaded."""
    env = os.environ if env is None else env
    names: dict[str, None] = {}
    for text in env.get("MODULEPATH", "").split(os.pathsep):
        top = Path(text)
        if not text or not top.is_dir():
            continue
        for folder, folders, files in os.walk(top):
            relative = Path(folder).relative_to(top)
            if len(relative.parts) >= _DEPTH:
                folders.clear()
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for file in sorted(files):
                name = str(relative / file.removesuffix(".lua"))
                if not file.startswith(".") and any(word in name.lower() for word in ("vivado", "vitis", "xilinx")):
                    names[name] = None
    return tuple(names)
