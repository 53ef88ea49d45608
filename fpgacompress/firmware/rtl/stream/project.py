"""A network as a chain of streaming stages, on disk."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....errors import HardwareError
from ....integer import IntegerNetwork
from ..project import KIND, METADATA, check_place, module_name, written_whole
from .beats import Beats
from .branches import Fifo, Join
from .kernel import Kernel
from .plan import GRAPH_WEIGHTS, LEVELS, plan
from .sequential import Sequential
from .sparse import Sparse
from .stage import Link, Stage
from .window import Window


@dataclass(frozen=True)
class StreamProject:
    """Verilog of one network whose samples come in beats.

    Attributes:
        folder: of the project; the Verilog is in ``src``, with ``<name>.v`` at the top.
        name: of the top module. Its ports are ``clk``, ``rst``, ``in_valid``, ``in_ready``, ``in_data``, ``out_valid``, ``out_ready`` and
            ``out_data``: a beat passes in each cycle in which its valid and its ready are 1.
        network: what it computes.
        links: stages and what connects them, in order.
    """

    folder: Path
    name: str
    network: IntegerNetwork
    links: list[Link]

    @property
    def stages(self) -> list[Stage]:
        """All of them."""
        return [link.stage for link in self.links]

    @property
    def source(self) -> Beats:
        """Beats of a sample, the first value in the lowest bits."""
        return self.stages[0].source

    @property
    def result(self) -> Beats:
        """One beat of all outputs."""
        return self.stages[-1].result

    @property
    def interval(self) -> int:
        """Cycles between two samples that the slowest stage needs; waiting for each other may add some."""
        return max(stage.cycles for stage in self.stages)

    @property
    def multipliers(self) -> int:
        """Of layers computed in turn."""
        return sum(stage.multipliers for stage in self.stages if isinstance(stage, (Sequential, Sparse)))

    @property
    def memory_bits(self) -> int:
        """Of weights, line buffers and FIFOs."""
        return sum(stage.memory_bits for stage in self.stages if isinstance(stage, (Sequential, Sparse, Window, Fifo)))

    @property
    def sources(self) -> list[Path]:
        """The Verilog files."""
        return sorted((self.folder / "src").rglob("*.v"))


def generate_stream(
    network: IntegerNetwork,
    folder: str | Path,
    *,
    interval: int | None = None,
    graph_weights: int = GRAPH_WEIGHTS,
    levels: int = LEVELS,
    say: Callable[[str], None] = lambda text: None,
) -> StreamProject:
    """Write a network as streaming Verilog; an earlier project stays until the new one is complete.

    Args:
        network: one layer after the other: dense, convolutions, pooling, casts, with exact sums.
        folder: of the project; must not exist, be empty, or hold an earlier one.
        interval: cycles between two samples that layers computed in turn may take; see :func:`plan`.
        graph_weights: layers of more weights that are not zero are computed in turn.
        levels: levels of adders between two rows of registers.
        say: told of progress.

    Raises:
        UnsupportedError: an operation or a structure that is no stage.
        HardwareError: ``folder`` holds something else or cannot be written; an option is out of its range.
        ToolError: da4ml is not installed.
    """
    for what, value, least in (("interval", interval, 1), ("graph_weights", graph_weights, 0), ("levels", levels, 1)):
        if value is not None and value < least:
            raise HardwareError(f"{what} {value}", expected=f"at least {least}")
    folder = Path(folder).resolve()
    check_place(folder)
    project = StreamProject(
        folder, module_name(network.name), network, plan(network, interval=interval, graph_weights=graph_weights, levels=levels, say=say)
    )
    stages = project.stages
    with written_whole(folder) as partial:
        (partial / "src").mkdir()
        for name, text in _files(project).items():
            (partial / "src" / f"{name}.v").write_text(text, "utf-8")
        if any(isinstance(stage, Kernel) for stage in stages):
            _copy_adders(partial / "src" / "static")
        told = {
            "kind": KIND,
            "network": network.name,
            "top": project.name,
            "io": "stream",
            "stages": [{"module": _module(project, stage), "what": stage.what, "cycles": stage.cycles} for stage in stages],
            "input": {"beats": project.source.count, "values": project.source.values, "bits": project.source.type.width},
            "output": {"values": project.result.values, "bits": project.result.type.width},
        }
        (partial / METADATA).write_text(json.dumps(told, indent=1), "utf-8")
    return project


def _module(project: StreamProject, stage: Stage) -> str:
    return f"{project.name}_{re.sub(r'[^A-Za-z0-9_]', '_', stage.name)}"


def _copy_adders(folder: Path) -> None:
    """da4ml's modules of adders and multiplexers."""
    import da4ml.codegen.rtl

    folder.mkdir()
    for path in (Path(da4ml.codegen.rtl.__file__).parent / "verilog" / "source").glob("*.v"):
        if path.stem in ("shift_adder", "mux", "negative", "binop"):
            shutil.copy(path, folder)


def _files(project: StreamProject) -> dict[str, str]:
    """Names of modules to their Verilog."""
    found: dict[str, str] = {}
    wires, instances = [], []
    for i, (stage, takes, gives) in enumerate(project.links):
        module = _module(project, stage)
        for name, text in stage.files(module).items():
            found[name] = f"{_TIMESCALE}\n\n{text.removeprefix(_TIMESCALE).lstrip()}"
        if i == len(project.links) - 1:
            gives = ("out",)
        else:
            wires += [
                f"    wire {n}_valid, {n}_ready;\n    wire [{stage.result.width - 1}:0] {n}_data;  // {stage.result.what}" for n in gives
            ]
        connected = [] if isinstance(stage, Join) else [".clk(clk), .rst(rst)"]
        for side, names in (("in", takes), ("out", gives)):
            connected += [
                ", ".join(f".{side}{k if len(names) > 1 else ''}_{part}({name}_{part})" for part in ("valid", "ready", "data"))
                for k, name in enumerate(names)
            ]
        instances.append(f"    // {stage.what}\n    {module} stage{i} (\n        " + ",\n        ".join(connected) + "\n    );")
    found[project.name] = _VERILOG.format(
        name=project.name,
        network=project.network.name,
        source=project.source.what,
        result=project.result.what,
        interval=project.interval,
        last_in=project.source.width - 1,
        last_out=project.result.width - 1,
        wires="\n".join(wires),
        instances="\n".join(instances),
    )
    return found


_TIMESCALE = "`timescale 1 ns / 1 ps"

_VERILOG = """\
`timescale 1 ns / 1 ps

// {name}: the network {network}, written by fpgacompress.
//   in   {source}, the first value in the lowest bits
//   out  {result}
// A beat passes in each cycle in which its valid and its ready are 1. The slowest stage takes {interval} cycles for a sample.
// rst has to be 1 in one cycle before the first beat.
module {name} (
    input clk,
    input rst,
    input in_valid,
    output in_ready,
    input [{last_in}:0] in_data,
    output out_valid,
    input out_ready,
    output [{last_out}:0] out_data
);

{wires}

{instances}
endmodule
"""
