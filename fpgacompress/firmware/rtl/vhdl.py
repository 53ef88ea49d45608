"""VHDL of a network: the same adder graph and the same registers as the Verilog beside it, and GHDL, which runs it cycle by cycle."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import HardwareError, ToolError
from ...hardware import toolchains
from ...integer import IntegerNetwork
from .circuit import LEVELS
from .cycles import CycleExecutor, Design
from .ports import read_hex, write_hex
from .project import RtlProject, generate

_BASICS = ("shift_adder", "negative", "mux", "binop")
"""da4ml's entities that an adder graph is made of."""


@dataclass(frozen=True)
class VhdlProject:
    """VHDL of one network.

    Attributes:
        project: the network's Verilog, with ports, stages and counts, which are those of the VHDL as well.
        name: of the top entity; its ports are those of the Verilog.
        sources: VHDL-2008 files, each one behind those that it needs.
    """

    project: RtlProject
    name: str
    sources: tuple[Path, ...]


def entity_name(module: str) -> str:
    """A module's name as that of an entity: VHDL has neither two underscores in a row nor one at the end."""
    return re.sub("_+", "_", module).rstrip("_")


def generate_vhdl(
    network: IntegerNetwork, folder: str | Path, *, levels: int = LEVELS, say: Callable[[str], None] = lambda text: None
) -> VhdlProject:
    """Write a network as pipelined Verilog and VHDL.

    Args:
        network, folder, levels, say: as those of :func:`fpgacompress.firmware.rtl.generate`, with the same errors.
    """
    return write_vhdl(generate(network, folder, levels=levels, say=say))


def write_vhdl(project: RtlProject) -> VhdlProject:
    """Write a project's VHDL into its folder ``vhdl``; an earlier one stays until the new one is complete.

    The circuit is read from the project, not traced once more.

    Args:
        project: of :func:`fpgacompress.firmware.rtl.generate`.

    Raises:
        HardwareError: the folder cannot be written.
        ToolError: da4ml is not installed.
    """
    try:
        from da4ml.codegen.rtl import vhdl
        from da4ml.types import CombLogic, Pipeline
    except ImportError:
        raise ToolError("da4ml is not installed", do="pip install 'fpgacompress[rtl]'") from None
    name, model = entity_name(project.name), project.folder / "model"
    if project.stages:
        files = vhdl.pipeline_logic_gen(Pipeline.load(str(model / "pipeline.json")), name)
    else:
        files = {name: vhdl.comb_logic_gen(CombLogic.load(model / "comb.json"), name)}
    basics = Path(vhdl.__file__).parent / "source"
    folder, partial = project.folder / "vhdl", project.folder / "vhdl.part"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for basic in _BASICS:
            shutil.copy(basics / f"{basic}.vhd", partial)
        for part, text in files.items():
            (partial / f"{part}.vhd").write_text(text, "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise HardwareError(f"the VHDL in '{folder}' could not be written ({error})", do="free space, or give another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return VhdlProject(project, name, tuple(folder / f"{part}.vhd" for part in (*_BASICS, *files)))


_BENCH = """\
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity bench is
end entity bench;

architecture simulation of bench is
    signal clk : std_logic := '0';
    signal model_inp : std_logic_vector({last_input} downto 0);
    signal model_out : std_logic_vector({last_output} downto 0);
begin
    network : entity work.{top} port map ({clock}model_inp => model_inp, model_out => model_out);

    process
        file given : text open read_mode is "given.hex";
        file taken : text open write_mode is "taken.hex";
        variable row : line;
        variable value : std_logic_vector({last_input} downto 0);
    begin
        while not endfile(given) loop
            readline(given, row);
            hread(row, value);
            model_inp <= value;
            wait for 5 ns;
            clk <= '1';
            wait for 5 ns;
            hwrite(row, model_out);
            writeline(taken, row);
            clk <= '0';
        end loop;
        wait;
    end process;
end architecture simulation;
"""


class Ghdl:
    """A project's VHDL, run by GHDL.

    Args:
        vhdl: analysed at once.

    Raises:
        ToolError: GHDL is missing or failed.
    """

    name = "GHDL"

    def __init__(self, vhdl: VhdlProject) -> None:
        found = shutil.which("ghdl")
        if found is None:
            raise ToolError("ghdl is not there (looked for it on PATH), needed for simulation of VHDL", do="apt-get install ghdl")
        design = Design.of(vhdl.project, "ghdl.log")
        self._log, self._inputs, self._outputs = design.log, design.inputs, design.outputs
        bench = _BENCH.format(
            top=vhdl.name,
            last_input=design.inputs - 1,
            last_output=design.outputs - 1,
            clock="clk => clk, " if design.clocked else "",
        )
        self._place = tempfile.TemporaryDirectory(prefix="fpgacompress-ghdl-")
        self._folder = Path(self._place.name)
        for path in vhdl.sources:
            shutil.copy(path, self._folder)
        (self._folder / "bench.vhd").write_text(bench, "utf-8")
        self._log.unlink(missing_ok=True)
        options, files = ["--std=08", "-fsynopsys"], [path.name for path in vhdl.sources]  # or_reduce is in Synopsys' old package
        self._run = [found, "-r", *options, "bench"]
        toolchains.run([found, "-a", *options, *files, "bench.vhd"], cwd=self._folder, log=self._log)

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As a :class:`fpgacompress.firmware.rtl.cycles.Simulator`."""
        write_hex(self._folder / "given.hex", rows, self._inputs)
        toolchains.run(self._run, cwd=self._folder, log=self._log)
        return read_hex(self._folder / "taken.hex", self._outputs)


class VhdlExecutor(CycleExecutor):
    """GHDL's simulation of a project's VHDL, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Args:
        vhdl: from :func:`generate_vhdl` or :func:`write_vhdl`; analysed at once.

    Raises:
        ToolError: GHDL is missing (``apt-get install ghdl``) or failed.
    """

    def __init__(self, vhdl: VhdlProject) -> None:
        super().__init__(vhdl.project, Ghdl(vhdl))
