"""Which of the installed tools builds a project, and what is said when none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import ToolError
from .banner import Banner, ask
from .installs import ROOTS, VARIABLES, Install, find_installs, modules
from .versions import BACKENDS, NAMES, PRODUCTS, PROGRAMS, Need, Release, release_in


def choose_hls(backend: str, wanted: Release | None = None, *, takes_arguments: bool = False, instead: str = "") -> Install:
    """The C-synthesis program for a project.

    A fitting one on PATH wins, since somebody put it there; among several the newest, and ``vitis-run`` before ``vitis_hls``.

    Args:
        backend: hls4ml back end of the project.
        wanted: only this release.
        takes_arguments: the project's ``build_prj.tcl`` reads its options from the command line, which vitis-run cannot pass.
        instead: what else the reader can do without any.

    Raises:
        ToolError: none is there, or none that fits; says what was found, and which one the back end needs.
    """
    need = BACKENDS.get(backend)
    if need is None:
        raise ToolError(f"the project is for hls4ml's back end '{backend}'", expected=f"one of {', '.join(BACKENDS)}")
    programs = need.programs
    if takes_arguments and "vitis-run" in programs:
        programs = tuple(name for name in programs if name != "vitis-run")
    found = [_dated(one) for one in find_installs() if one.program in PROGRAMS]
    fitting = [one for one in found if one.program in programs and _fits(one, need) and wanted in (None, one.release)]
    if fitting:
        return max(fitting, key=lambda one: _rank(one, programs))
    hls = [one for one in found if one.program != "vivado"]
    if takes_arguments and any(one.program == "vitis-run" for one in hls):
        raise ToolError(
            "build_prj.tcl of this project takes its options from the command line, which vitis-run cannot pass",
            expected="vitis_hls, or a project written by hls4ml 1.2 or newer",
            do="write the project again, or use Vitis HLS up to 2024.2",
        )
    if wanted is not None and wanted not in need.releases:
        _refuse_wanted(backend, need, wanted, [])
    if not hls:
        raise _nothing(programs, need, wanted, instead)
    if wanted is not None:
        _refuse_wanted(backend, need, wanted, [one for one in hls if one.program in programs and _fits(one, need)])
    raise ToolError(
        f"back end {backend} needs {' or '.join(programs)} {need.releases}; found {_listed(hls)}",
        do=f"{need.other}{_modules_told(need)}",
    )


def choose_vivado(hls: Install, *, same: bool = False) -> Install:
    """The ``vivado`` for logic synthesis and everything behind it: of the release of the C-synthesis program where there is one.

    Args:
        hls: the C-synthesis program.
        same: no other release will do (board designs are written for one release).

    Raises:
        ToolError: there is none, or none of that release.
    """
    found = [_dated(one) for one in find_installs() if one.program == "vivado"]
    equal = [one for one in found if one.release == hls.release]
    if equal:
        return max(equal, key=lambda one: one.on_path)
    if same and found:
        raise ToolError(
            f"the board design needs vivado {hls.release}, the release of {hls.program}; found {_listed(found)}",
            do=f"install Vivado {hls.release} beside it",
        )
    if found:
        return max(found, key=lambda one: (one.on_path, one.release or Release(0, 0)))
    raise ToolError(
        f"vivado is not there (looked for it on PATH, in {', '.join(VARIABLES)} and under {', '.join(ROOTS)}), "
        "needed for logic synthesis and place and route",
        do=f"install Vivado {hls.release or ''} and source its settings64.sh".replace("  ", " "),
    )


def _dated(install: Install) -> Install:
    """The same with its release, asked of the program where the folder does not tell."""
    return install if install.release else replace(install, release=_asked(install).release)


def _asked(install: Install) -> Banner:
    return ask(install)


def _fits(install: Install, need: Need) -> bool:
    """An unknown release on PATH is taken at its name: its program alone limits the releases."""
    if install.release is None:
        return install.on_path
    return install.release in need.releases and install.release in PROGRAMS[install.program]


def _rank(install: Install, programs: Sequence[str]) -> tuple[bool, Release, int]:
    return install.on_path, install.release or Release(0, 0), -programs.index(install.program)


def _listed(installs: Sequence[Install]) -> str:
    ordered = sorted(installs, key=lambda one: one.release or Release(0, 0))
    return ", ".join(f"{NAMES[one.program]} {one.release or 'of unknown release'} ({one.path})" for one in ordered)


def _refuse_wanted(backend: str, need: Need, wanted: Release, fitting: list[Install]) -> None:
    if wanted not in need.releases:
        raise ToolError(f"--tool-version {wanted}", expected=f"{need.releases}, which back end {backend} needs", do=need.other)
    if fitting:
        raise ToolError(f"release {wanted} is not there", expected=f"one of {_listed(fitting)}", do=_modules_told(need).strip(" .;"))


def _modules_told(need: Need, start: str = "; ") -> str:
    """The ``module load`` that may bring what is missing; the fitting releases first."""
    named = modules()
    fitting = [name for name in named if (found := release_in(name)) and found in need.releases]
    offered = fitting or [name for name in named if release_in(name) is None]
    return f"{start}or first: {' or '.join(f'module load {name}' for name in offered[:4])}" if offered else ""


def _nothing(programs: Sequence[str], need: Need, wanted: Release | None, instead: str) -> ToolError:
    packages = " or ".join(dict.fromkeys(PRODUCTS[name] for name in programs))
    release = f"{packages} {wanted or need.releases} (source its settings64.sh)"
    return ToolError(
        f"{' or '.join(programs)} is not there (looked on PATH, in {', '.join(VARIABLES)} and under {', '.join(ROOTS)}), "
        "needed for synthesis",
        do=f"{release}{_modules_told(need)}{'. ' + instead if instead else ''}",
    )
