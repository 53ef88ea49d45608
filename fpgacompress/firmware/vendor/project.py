"""An hls4ml project as the vendor flow sees it: what it is called, which back end it is for, and which files its result depends on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import ToolError
from ...run import digest, file_digest
from .versions import BACKENDS

_MADE = (".so", ".o", ".log", ".jou")


@dataclass(frozen=True)
class Project:
    """A project folder.

    Attributes:
        folder: absolute.
        name: project name, which names its sources and the folder ``<name>_prj``.
        backend: "Vitis", "Vivado", "VivadoAccelerator" (others are kept as written).
        part: FPGA part.
        clock_ns: target clock period, ns; None where it is not told.
        board: board of a VivadoAccelerator project, else None.
        takes_arguments: ``build_prj.tcl`` reads its options from the command line (else from ``build_opt.tcl``).
    """

    folder: Path
    name: str
    backend: str
    part: str
    clock_ns: float | None
    board: str | None
    takes_arguments: bool

    @property
    def top(self) -> str:
        """Top function: VivadoAccelerator wraps the network into ``<name>_axi``."""
        return f"{self.name}_axi" if self.backend == "VivadoAccelerator" else self.name

    @property
    def solution(self) -> Path:
        """Where C-synthesis leaves its files."""
        return self.folder / f"{self.name}_prj" / "solution1"

    def digest(self, patterns: Iterable[str]) -> str:
        """SHA-256 over names and contents of the files that match ``patterns``; what tools leave behind does not count."""
        files = {path for pattern in patterns for path in self.folder.glob(pattern) if path.is_file() and path.suffix not in _MADE}
        return digest([[str(path.relative_to(self.folder)), file_digest(path)] for path in sorted(files)])


def is_project(folder: Path) -> bool:
    """Whether a folder holds an hls4ml project for the vendor's tools."""
    return (folder / "project.tcl").is_file() and (folder / "build_prj.tcl").is_file()


def open_project(folder: str | Path) -> Project:
    """Read what hls4ml wrote into ``project.tcl``, ``build_prj.tcl`` and ``hls4ml_config.yml``.

    Raises:
        ToolError: not an hls4ml project of a Xilinx back end.
    """
    folder = Path(folder).absolute()
    if not is_project(folder):
        raise ToolError(
            f"'{folder}' is no hls4ml project for Vivado or Vitis",
            expected="a folder with project.tcl and build_prj.tcl",
            do="write one with `fpgacompress run`, or with hls4ml (back end Vivado, VivadoAccelerator or Vitis)",
        )
    values = dict(re.findall(r'^\s*set\s+(\w+)\s+"?([^"\n]*?)"?\s*$', _read(folder / "project.tcl"), re.M))
    if not re.fullmatch(r"\w+", values.get("project_name", "")):
        raise ToolError(f"'{folder / 'project.tcl'}' does not set project_name", expected="a file written by hls4ml")
    config = _read(folder / "hls4ml_config.yml") if (folder / "hls4ml_config.yml").is_file() else ""
    script = _read(folder / "build_prj.tcl")
    return Project(
        folder,
        values["project_name"],
        _setting(config, "Backend") or _backend(values.get("backend", "vivado")),
        values.get("part", ""),
        _number(values.get("clock_period", "")),
        _setting(config, r"\s+Board"),
        "$::argv" in script and "build_opt.tcl" not in script,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _backend(written: str) -> str:
    """hls4ml's name of a back end that ``project.tcl`` writes in small letters."""
    return next((name for name in BACKENDS if name.lower() == written.lower()), written)


def _setting(config: str, key: str) -> str | None:
    """One value of ``hls4ml_config.yml``; read by line, since projects of others hold tags of hls4ml that no plain reader knows."""
    found = re.search(rf"^{key}:\s*['\"]?([^'\"\n]+?)['\"]?\s*$", config, re.M)
    return found[1] if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ToolError(f"'{path}' cannot be read ({error})") from error
