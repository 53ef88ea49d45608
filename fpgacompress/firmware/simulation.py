"""The C simulation: compile the generated C++ with g++ and run it in processes of its own (numpy only).

Separate processes keep assertion failures of the generated code out of ours, print nothing, and use several cores: the streaming
layers keep their state in static variables, so threads are not safe.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ..errors import ToolError
from ..hardware import toolchains

_WORKER = Path(__file__).with_name("_worker.py")


def _standard(compiler: Path) -> str:
    """C++23 where the compiler has it (hls4ml's ap_types enable half floats with it), else C++17."""
    probe = subprocess.run([str(compiler), "-std=c++23", "-fsyntax-only", "-xc++", "-"], input="", capture_output=True, text=True)
    return "-std=c++23" if probe.returncode == 0 else "-std=c++17"


_SLOW = "  INLINE void clearUnusedBits(void) volatile\n"


def _fast_headers(project_dir: Path, scratch: Path) -> list[str]:
    """Include path of a corrected copy of one ap_types header, for the simulation only; the project's own stays as hls4ml wrote it.

    Xilinx' open ``ap_private.h`` declares ``clearUnusedBits() volatile``, so every assignment of a small integer goes through memory and
    the compiler may not keep a value in a register. The method is repeated without that word, as an overload for objects that are not volatile.
    """
    text = (project_dir / "firmware" / "ap_types" / "etc" / "ap_private.h").read_text()
    at = text.find(_SLOW)
    end = text.find("\n  }\n", at)
    if at < 0 or end < 0 or "ValType VAL;" not in text[:at]:
        return []  # another version of the header: use it as it is
    method = text[at : end + len("\n  }\n")]
    (scratch / "etc").mkdir()
    (scratch / "etc" / "ap_private.h").write_text(text[:at] + method.replace(" volatile\n", "\n", 1) + text[at:])
    return [f"-I{scratch}"]


def _sources_key(project_dir: Path, command: list[str]) -> str:
    """SHA-256 of everything that goes into the library and its run: sources, weights, command, place."""
    digest = hashlib.sha256("\0".join(command).encode())
    firmware = project_dir / "firmware"
    sources = [
        *project_dir.glob("*_bridge.cpp"),
        *firmware.glob("*.cpp"),
        *firmware.glob("*.h"),
        *firmware.glob("weights/*"),
        *firmware.rglob("nnet_utils/*.h"),
    ]
    for path in sorted(sources):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def compile_library(project_dir: Path, name: str, optimize: str = "-O1") -> tuple[Path, float]:
    """Compile the generated sources into a shared library inside ``project_dir/firmware``.

    Args:
        project_dir: a project written by hls4ml.
        name: its top function.
        optimize: optimization flag; -O1 gave the fastest simulation of the MLPs measured, and compiles fastest.

    Returns:
        The library and the seconds it took (near zero when a library of the same sources, weights and command is there).

    Raises:
        ToolError: g++ is missing or reports an error (the first one is in the message).
    """
    compiler = toolchains.require(
        "g++", instead="Without it the project can still be built on another machine (README.md in the project says how)"
    )
    start = time.perf_counter()
    project_dir = project_dir.resolve()  # the compiler runs inside it
    library = project_dir / "firmware" / f"{name}.so"
    log = project_dir / "compile.log"
    flags = [optimize, "-fPIC", "-fno-gnu-unique", "-w", _standard(compiler), "-Ifirmware/ap_types/"]
    weights = f'-DWEIGHTS_DIR="{project_dir / "firmware" / "weights"}"'
    key = _sources_key(project_dir, [str(compiler), *flags, weights])
    note = library.with_suffix(".so.sha256")
    if library.is_file() and note.is_file() and note.read_text() == key:
        return library, time.perf_counter() - start
    with tempfile.TemporaryDirectory(dir=project_dir) as scratch:
        objects = []
        flags = [*flags[:-1], *_fast_headers(project_dir, Path(scratch)), flags[-1]]
        wrapper = [f"firmware/{name}_axi.cpp"] if (project_dir / "firmware" / f"{name}_axi.cpp").is_file() else []  # VivadoAccelerator
        for source in (f"firmware/{name}.cpp", *wrapper, f"{name}_bridge.cpp"):
            target = f"{scratch}/{Path(source).stem}.o"
            toolchains.run([str(compiler), *flags, weights, "-c", source, "-o", target], cwd=project_dir, log=log)
            objects.append(target)
        built = f"{scratch}/{name}.so"
        toolchains.run([str(compiler), *flags, "-shared", *objects, "-o", built], cwd=project_dir, log=log)
        os.replace(built, library)
        note.write_text(key)
    return library, time.perf_counter() - start


def _collect(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    if process.returncode != 0:
        raise ToolError(
            f"the C simulation stopped (exit status {process.returncode}): {toolchains.first_error(errors or '')}",
            do="compile again; if it stays, report the project folder",
        )


def simulate(
    library: Path, name: str, inputs: np.ndarray, outputs: int, processes: int = 2, traced: dict[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Run samples through a compiled library.

    Args:
        library: from :func:`compile_library`.
        name: the top function.
        inputs: real values, float64, (n, flat input).
        outputs: flat size of the output.
        processes: how many to use for many samples.
        traced: layers whose results are wanted and their flat sizes, for a library compiled with tracing.

    Returns:
        ``{"": outputs (n, outputs), layer: results (n, size), ...}``, float64.

    Raises:
        ToolError: the simulation crashed.
    """
    inputs = np.ascontiguousarray(inputs, np.float64)
    count = max(1, min(processes, len(inputs) // 64 or 1))
    with tempfile.TemporaryDirectory() as scratch:
        running = []
        for i, part in enumerate(np.array_split(inputs, count)):
            source, target = f"{scratch}/in{i}.npy", f"{scratch}/out{i}.npz"
            np.save(source, part)
            sizes = [f"{layer}={size}" for layer, size in (traced or {}).items()]
            command = [sys.executable, "-I", str(_WORKER), str(library.resolve()), name, source, target, str(outputs), *sizes]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            process = subprocess.Popen(
                command, cwd=library.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
            )
            running.append((process, target))
        for process, _ in running:
            _collect(process)
        parts = [dict(np.load(target)) for _, target in running]
    return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
