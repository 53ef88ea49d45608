"""The hls4ml back end: an optimized ``ModelGraph`` becomes an integer network, that Verilog, and that a simulation and figures."""

from __future__ import annotations

import warnings
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import model_optimizer
from hls4ml.writer.writers import Writer

from ...errors import HardwareError, ToolError, UnsupportedError
from ...integer import network_hash, simplify, store
from ...integer.network import IntegerNetwork
from ..executors import Executor
from ..rtl import RtlProject, StreamProject, executor_of, generate, generate_stream
from ..rtl.circuit import JOINS, LEVELS, OPERATIONS
from . import figures
from .graph import input_values, network_of
from .sums import explicit_sums

NAME = "OpenRTL"
IO_TYPES = ("io_parallel", "io_stream")
SETTINGS = ("clock_period", "io_type", "levels", "interval")


@dataclass
class _Built:
    """What there is of one model.

    Attributes:
        key: network, settings and folder that it was made of.
        network: of the model.
        project: its Verilog.
        executor: its simulation, once it is compiled.
    """

    key: tuple[Any, ...]
    network: IntegerNetwork
    project: RtlProject | StreamProject
    executor: Executor | None = None


class OpenRTLWriter(Writer):
    """Writes the Verilog project into the output folder."""

    def write_hls(self, model: Any) -> None:
        """See :meth:`OpenRTLBackend.verilog`."""
        model.config.backend.verilog(model)


class OpenRTLBackend(FPGABackend):
    """Verilog without vendor tools, with the numbers of the C simulation of hls4ml's Vivado back end (``io_parallel``, strategy "Latency")."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self._models: weakref.WeakKeyDictionary[Any, _Built] = weakref.WeakKeyDictionary()
        passes = [
            "fuse_consecutive_batch_normalization",
            "openrtl:inplace_parallel_reshape",
            "openrtl:skip_softmax",
            "infer_precision_types",
        ]
        optimize = register_flow("optimize", passes, requires=["optimize"], backend=NAME)
        self._default_flow = register_flow("ip", ["openrtl:check"], requires=["optimize", optimize], backend=NAME)
        self._writer_flow = register_flow("write", ["openrtl:write_hls"], requires=[self._default_flow], backend=NAME)

    def get_default_flow(self) -> str:
        """The flow of a conversion; it ends with a check that the network can be had."""
        return self._default_flow

    def get_writer_flow(self) -> str:
        """The flow of ``write()``."""
        return self._writer_flow

    def create_initial_config(
        self,
        clock_period: float | None = None,
        io_type: str = "io_parallel",
        levels: int = LEVELS,
        interval: int | None = None,
        **others: Any,
    ) -> dict[str, Any]:
        """Settings of a conversion.

        Args:
            clock_period: ns, that ``build(place=True)`` asks the router for; None: that of the board's oscillator.
            io_type: "io_parallel" (all inputs at once, a sample in each cycle) or "io_stream" (beats, large layers computed in turn).
            levels: of adders between two rows of registers, see :func:`fpgacompress.firmware.rtl.generate`.
            interval: of "io_stream": cycles between two samples, see :func:`fpgacompress.firmware.rtl.stream.plan`.
            others: settings of other back ends, which are refused.

        Raises:
            HardwareError: a setting that this back end does not have.
        """
        wrong = [name for name, value in others.items() if value is not None]
        if wrong:
            raise HardwareError(
                f"the back end {NAME} has no setting '{wrong[0]}'",
                expected=", ".join(SETTINGS),
                do="leave it out; the device is named in build(place=True, board=...)",
            )
        if io_type not in IO_TYPES:
            raise HardwareError(f"the back end {NAME} has no io_type '{io_type}'", expected=" or ".join(IO_TYPES))
        if interval is not None and io_type != "io_stream":
            raise HardwareError(f"interval={interval} with io_type '{io_type}', which takes a sample in each cycle", expected="io_stream")
        return {"ClockPeriod": clock_period, "IOType": io_type, "Levels": levels, "Interval": interval, "HLSConfig": {}}

    @model_optimizer()
    def check(self, model: Any) -> bool:
        """Lower the graph, so that what it cannot hold is told when a model is converted."""
        network_of(model)
        for layer in model.get_layers():
            if "weight" in layer.weights and int(model.config.get_reuse_factor(layer)) != 1:
                warnings.warn(
                    f"layer '{layer.name}': this back end does not use ReuseFactor; io_type='io_stream' with interval=... computes in turn",
                    UserWarning,
                    stacklevel=2,
                )
                break
        return False

    def verilog(self, model: Any) -> RtlProject | StreamProject:
        """Write the model's Verilog into its output folder, where it is not there yet; the integer network is beside it (``network.npz``).

        Raises:
            UnsupportedError: a layer or type that cannot be held exactly, or that no Verilog is made of.
            HardwareError: the folder holds something else, or cannot be written.
        """
        network, settings = network_of(model), model.config
        folder, stream = Path(settings.get_output_dir()).resolve(), settings.get_config_value("IOType") == "io_stream"
        levels, interval = settings.get_config_value("Levels", LEVELS), settings.get_config_value("Interval")
        key = network_hash(network), folder, stream, levels, interval
        built = self._models.get(model)
        if built is not None and built.key == key and (folder / "src" / f"{built.project.name}.v").is_file():
            return built.project
        print(f"Writing the Verilog of '{network.name}' into {folder}")
        rewritten = explicit_sums(simplify(network).network, chain=stream)
        if stream:
            project: RtlProject | StreamProject = generate_stream(rewritten, folder, interval=interval, levels=levels)
        else:
            _check_block(rewritten)
            project = generate(rewritten, folder, levels=levels)
        store.save(network, folder / "network.npz")
        self._models[model] = _Built(key, network, project)
        return project

    def compile(self, model: Any) -> None:
        """Compile the Verilog with Verilator.

        Raises:
            ToolError: Verilator or a C++ compiler is missing, or failed.
            UnsupportedError: a trace of all layers is asked for.
        """
        if model.config.trace_output:
            raise UnsupportedError(
                "a trace of every layer of the Verilog is asked for",
                expected="TraceOutput: False",
                do="use fpgacompress.integer.trace on network_of(model), which has the same values",
            )
        project, built = self.verilog(model), self._models[model]
        if built.executor is None:
            print("Compiling it with Verilator")
            built.executor = executor_of(project)

    def predict(self, model: Any, x: np.ndarray) -> np.ndarray:
        """Run the Verilog, cycle by cycle.

        Args:
            model: compiled.
            x: float32 or float64, (n, ...) or one sample.

        Returns:
            Logits in the dtype of ``x``, (n, outputs), or (outputs,) for one sample, as hls4ml's other back ends give them.

        Raises:
            ToolError: the model is not compiled.
            DataError: inputs of another shape or dtype, or that are not finite.
        """
        built = self._models.get(model)
        if built is None or built.executor is None:
            raise ToolError("the model is not compiled", do="call compile() first")
        stored, output = input_values(built.network.input, x), built.project.network.output
        values = output.out.to_float(built.executor(stored)).reshape(len(stored), -1).astype(x.dtype)
        return values[0] if len(values) == 1 else values

    def build(self, model: Any, **options: Any) -> dict[str, Any]:
        """Synthesize, place and route: see :func:`fpgacompress.firmware.openrtl.figures.build_figures` for options and result."""
        return figures.build_figures(self.verilog(model), model.config.get_config_value("ClockPeriod"), **options)


def _check_block(network: IntegerNetwork) -> None:
    """Refuse what is computed in a stream only.

    Raises:
        UnsupportedError: a convolution, for example.
    """
    for node in network.nodes[1:]:
        if node.op not in OPERATIONS + JOINS:
            raise UnsupportedError(
                f"layer '{node.name}': {node.op} with io_type 'io_parallel'",
                expected=f"one of {', '.join(OPERATIONS + JOINS)}",
                do="convert with io_type='io_stream'",
            )
