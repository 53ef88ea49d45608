"""hls4ml firmware of an integer network: write the project, compile and run its C simulation, synthesize it where the tools are."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FpgaCompressError, HardwareError, ToolError
from ..integer.network import IntegerNetwork
from . import project, vendor
from .graph import build_graph, quiet
from .layers import cpp_names
from .limits import check_lines, check_request
from .simulation import compile_library, simulate
from .vendor.measured import REPLAYED

Plan = Mapping[str, Any]
"""``{layer: (strategy, reuse)}``, or ``{layer: LayerPlan}`` with attributes ``strategy`` and ``reuse``."""


def _pairs(plan: Plan | None) -> dict[str, tuple[str, int]]:
    pairs = {}
    for name, entry in (plan or {}).items():
        strategy, reuse = (entry.strategy, entry.reuse) if hasattr(entry, "strategy") else entry
        pairs[name] = (str(strategy).lower(), int(reuse))
    return pairs


@dataclass
class Firmware:
    """A written hls4ml project.

    Attributes:
        project_dir: its folder.
        network: what it computes.
        name: top function.
        backend, io_type, part, clock_ns, board: as generated.
        plan: ``{layer: (strategy, reuse factor)}``.
        compile_seconds: time g++ took, once compiled.
    """

    project_dir: Path
    network: IntegerNetwork
    name: str
    backend: str = "Vitis"
    io_type: str = "io_parallel"
    part: str = "xc7z020clg400-1"
    clock_ns: float = 10.0
    board: str | None = None
    plan: dict[str, tuple[str, int]] = field(default_factory=dict)
    compile_seconds: float | None = None
    _library: Path | None = None
    _traced: Path | None = None

    def compile(self, optimize: str = "-O1") -> Firmware:
        """Compile the C simulation with g++; a library of the same sources, flags and place is used again.

        Raises:
            ToolError: g++ is missing (names the package) or fails (its first error line).
        """
        self._library, self.compile_seconds = compile_library(self.project_dir, self.name, optimize)
        return self

    def _stored(self, inputs: np.ndarray) -> np.ndarray:
        inputs = np.asarray(inputs)
        stored = inputs if np.issubdtype(inputs.dtype, np.integer) else self.network.input.out.quantize(inputs)
        return stored.reshape(-1, *self.network.input.shape)

    def _real(self, inputs: np.ndarray) -> np.ndarray:
        stored = self._stored(inputs)
        return self.network.input.out.to_float(stored).reshape(len(stored), -1)

    def predict(self, inputs: np.ndarray, processes: int = 2) -> np.ndarray:
        """Run the C simulation.

        Args:
            inputs: stored integers of the input type, or real values, which are cast to it; (n, *input shape).
            processes: how many to use for many samples.

        Returns:
            Stored integers (int64) of the output type, (n, *output shape).

        Raises:
            ToolError: not compilable, or the simulation crashed.
        """
        if self._library is None:
            self.compile()
        assert self._library is not None
        output = self.network.output
        values = simulate(self._library, self.name, self._real(inputs), int(np.prod(output.shape)), processes)[""]
        return output.out.exactly(values).reshape(-1, *output.shape)

    def trace(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Results of every layer the C simulation computes, by node name, as stored integers; compiles a second, tracing library once.

        Args:
            inputs: as for :meth:`predict`; a handful of samples.
        """
        names = cpp_names(self.network)
        if self._traced is None:
            self._traced = self._compile_traced()
        source = (self._traced / "firmware" / f"{self.name}.cpp").read_text()
        sizes = {names[n.name]: int(np.prod(n.shape)) for n in self.network.nodes if f'"{names[n.name]}"' in source}
        output = self.network.output
        library = self._traced / "firmware" / f"{self.name}.so"
        results = simulate(library, self.name, self._real(inputs), int(np.prod(output.shape)), 1, sizes)
        found = {self.network.input.name: self._stored(inputs)}
        for node in self.network.nodes[1:]:
            if names[node.name] in results:
                found[node.name] = node.out.exactly(results[names[node.name]]).reshape(-1, *node.shape)
            elif node.op in ("flatten", "reshape", "quantize") and node.inputs[0] in found:  # left out: moves no bit (see check_graph)
                found[node.name] = found[node.inputs[0]].reshape(-1, *node.shape)
        del found[self.network.input.name]
        return found

    def _compile_traced(self) -> Path:
        folder = self.project_dir / "trace"
        shutil.rmtree(folder, ignore_errors=True)
        _write_hls4ml(self, folder, trace=True)
        compile_library(folder, self.name, "-O1")
        return folder

    def build(
        self,
        csim: bool = False,
        synth: bool = True,
        cosim: bool = False,
        vsynth: bool = False,
        export: bool = False,
        *,
        implementation: bool = False,
        bitfile: bool = False,
        tool_version: str | None = None,
        limit_s: float | None = None,
        again: bool = False,
    ) -> dict[str, Any]:
        """Run the vendor's tools on the project; stages that were done on the same inputs are not run again.

        Stages that others stand on are added. Figures with their stage are in ``measured.json`` of the project
        (:func:`fpgacompress.firmware.vendor.build` returns them).

        Args:
            csim: its own C simulation with the test vectors.
            synth: C synthesis.
            cosim: C/RTL co-simulation.
            vsynth: logic synthesis.
            export: export the IP.
            implementation: place and route of the network alone.
            bitfile: bitstream of a VivadoAccelerator project.
            tool_version: release such as "2023.2"; the newest that fits when left out.
            limit_s: seconds each stage may take.
            again: run everything anew.

        Returns:
            hls4ml's parsed reports; with a key "StandIn" when a stand-in replayed them.

        Raises:
            ToolError: the tool is not there (says where was looked and how to build elsewhere), does not fit, or failed.
            Interrupted: Ctrl-C.
        """
        asked = {
            "csim": csim,
            "csynth": synth,
            "cosim": cosim,
            "vsynth": vsynth,
            "implementation": implementation,
            "export": export,
            "bitfile": bitfile,
        }
        elsewhere = f"Or copy {self.project_dir} to a machine that has it and run there: {project.BUILD_COMMANDS[self.backend]}"
        request = vendor.Request(tuple(name for name, on in asked.items() if on), tool_version, limit_s, again, elsewhere)
        built = vendor.build(self.project_dir, request)
        from hls4ml.report import parse_vivado_report

        with quiet():
            try:
                reports = parse_vivado_report(str(self.project_dir)) or {}
            except (AttributeError, IndexError, KeyError, UnboundLocalError, ValueError):  # a report it expects was not asked for
                reports = {}
        return reports | ({"StandIn": REPLAYED} if built.stand_in else {})


def _configuration(firmware: Firmware, folder: Path) -> dict[str, Any]:
    from hls4ml.utils.config import create_config

    settings: dict[str, Any] = {"part": firmware.part, "clock_period": firmware.clock_ns, "io_type": firmware.io_type}
    if firmware.backend == "VivadoAccelerator":
        settings["board"] = firmware.board or "pynq-z2"
    config = create_config(output_dir=str(folder), project_name=firmware.name, backend=firmware.backend, **settings)
    config["Stamp"] = "fpgacompress"
    return config


@contextlib.contextmanager
def _keras_hidden() -> Iterator[None]:
    """hls4ml's writer imports Keras, and with it TensorFlow (6 s), only to be able to note a Keras model; there is none here."""
    absent = "keras" not in sys.modules
    if absent:
        sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            sys.modules.pop("keras", None)


def _write_hls4ml(firmware: Firmware, folder: Path, trace: bool = False) -> None:
    """hls4ml's own files into ``folder``; what it prints goes into ``hls4ml.log`` there."""
    folder.mkdir(parents=True, exist_ok=True)
    with quiet() as log, _keras_hidden():
        try:
            graph = build_graph(_configuration(firmware, folder), firmware.network, firmware.plan, trace)
            graph.write()
        except (FpgaCompressError, OSError):
            raise
        except Exception as error:  # hls4ml raises bare exceptions
            raise ToolError(f"hls4ml could not write '{firmware.name}' for {firmware.backend} ({error})") from error
        (folder / "hls4ml.log").write_text(log.getvalue())


def _top_name(name: str) -> str:
    clean = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_").lower() or "student"
    return clean if not clean[0].isdigit() else f"net_{clean}"


def generate(
    network: IntegerNetwork,
    project_dir: str | Path,
    *,
    backend: str = "Vitis",
    io: str = "io_parallel",
    part: str = "xc7z020clg400-1",
    clock_ns: float = 10.0,
    board: str | None = "pynq-z2",
    plan: Plan | None = None,
    name: str = "student",
    vectors: np.ndarray | None = None,
    preprocessing: Mapping[str, Any] | str | Path | None = None,
) -> Firmware:
    """Write an hls4ml project for a network; an existing folder is replaced only when everything is written.

    Args:
        network: what the hardware computes.
        project_dir: folder to write.
        backend: "Vitis", "Vivado" or "VivadoAccelerator" (which knows boards such as pynq-z2).
        io: "io_parallel" or "io_stream".
        part: FPGA part number.
        clock_ns: clock period in ns.
        board: for VivadoAccelerator.
        plan: ``{layer: (strategy, reuse factor)}`` or planner's ``LayerPlan``; layers left out get latency at 1.
        name: top function.
        vectors: stored integers of test bench inputs, (n, *input shape); a hundred is plenty.
        preprocessing: how raw data become inputs: a mapping or a JSON file.

    Raises:
        HardwareError: back end, io type, strategy or reuse factor that cannot be had, or too much code for a compiler.
        UnsupportedError: a layer hls4ml cannot compute.
        ToolError: hls4ml failed or changed what was asked, or the disk is full.
    """
    target = Path(project_dir)
    firmware = Firmware(target, network, _top_name(name), backend, io, part, clock_ns, board, _pairs(plan))
    check_request(network, firmware.plan, backend, io)
    check_lines(network, firmware.plan)
    if target.exists() and not target.is_dir():
        raise HardwareError(f"'{target}' is a file", expected="a folder, new or to be replaced")
    scratch: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        _write_hls4ml(firmware, scratch)
        _name_folder(scratch, target)
        samples = (
            np.zeros((0, *network.input.shape), np.int64) if vectors is None else np.asarray(vectors).reshape(-1, *network.input.shape)
        )
        project.write_vectors(scratch, network, samples)
        settings = {"back end": backend, "io type": io, "part": part, "clock": f"{clock_ns} ns", "top function": firmware.name}
        text = project.readme(network, target.name, firmware.plan, settings, len(samples))
        project.write_extras(scratch, network, Path(preprocessing) if isinstance(preprocessing, str) else preprocessing, text)
        _replace(scratch, target)
    except OSError as error:
        raise ToolError(f"the project '{target}' could not be written ({error})", do="free disk space or choose another folder") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return firmware


def _name_folder(scratch: Path, target: Path) -> None:
    """hls4ml notes its output folder in ``hls4ml_config.yml``; that must be the final one, relative so that the project can move."""
    config = scratch / "hls4ml_config.yml"
    if config.is_file():
        config.write_text(config.read_text().replace(str(scratch), target.name))


def _replace(scratch: Path, target: Path) -> None:
    os.chmod(scratch, 0o755)
    old = None
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        os.replace(target, old / "project")
    os.replace(scratch, target)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
