"""Icarus Verilog, a second simulator: event-driven and with undefined bits, slow, ready at once; for some hundred inputs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...hardware import toolchains
from .cycles import CycleExecutor, Design
from .ports import read_hex, write_hex
from .project import RtlProject

_BENCH = """\
`timescale 1 ns / 1 ps

module bench;
    reg clk = 0;
    reg [{last_input}:0] model_inp;
    wire [{last_output}:0] model_out;
    integer given, taken;

    {top} network ({clock}.model_inp(model_inp), .model_out(model_out));

    initial begin
        given = $fopen("given.hex", "r");
        taken = $fopen("taken.hex", "w");
        while ($fscanf(given, "%h", model_inp) == 1) begin
            #5 clk = 1;
            #5 $fdisplay(taken, "%h", {{{watched}}});
            clk = 0;
        end
        $fclose(taken);
        $finish(0);
    end
endmodule
"""


class Icarus:
    """A design compiled by Icarus Verilog.

    Args:
        design: what is simulated.
        watched: names of single bits in the module that are read in place of its output, the lowest first; none: the output.

    Raises:
        ToolError: Icarus Verilog is missing or failed (with the first error).
    """

    name = "Icarus Verilog"

    def __init__(self, design: Design, watched: Sequence[str] = ()) -> None:
        compiler = toolchains.require("iverilog")
        self._program = str(compiler.with_name("vvp"))
        self._log, self._inputs, self._watched = design.log, design.inputs, len(watched) or design.outputs
        bench = _BENCH.format(
            top=design.top,
            last_input=design.inputs - 1,
            last_output=design.outputs - 1,
            clock=".clk(clk), " if design.clocked else "",
            watched=", ".join(f"network.{name}" for name in reversed(watched)) or "model_out",
        )
        self._place = tempfile.TemporaryDirectory(prefix="fpgacompress-icarus-")
        self._folder = Path(self._place.name)
        for path in design.sources:
            shutil.copy(path, self._folder)
        (self._folder / "bench.v").write_text(bench, "utf-8")
        design.log.unlink(missing_ok=True)
        sources = [path.name for path in design.sources if path.suffix == ".v"]
        toolchains.run([str(compiler), "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.v", *sources], cwd=self._folder, log=design.log)

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As a :class:`fpgacompress.firmware.rtl.cycles.Simulator`."""
        write_hex(self._folder / "given.hex", rows, self._inputs)
        toolchains.run([self._program, "-n", "bench.vvp"], cwd=self._folder, log=self._log)
        return read_hex(self._folder / "taken.hex", self._watched)


class IcarusExecutor(CycleExecutor):
    """Icarus Verilog's simulation of a project's Verilog, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Args:
        project: what to simulate; compiled at once.

    Raises:
        ToolError: Icarus Verilog is missing (``apt-get install iverilog``) or failed (with the first error).
    """

    def __init__(self, project: RtlProject) -> None:
        super().__init__(project, Icarus(Design.of(project, "icarus.log")))
