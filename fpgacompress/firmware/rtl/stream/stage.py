"""What every stage of a stream is: a module with one stream in and one out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .beats import Beats

PORTS = """\
    input clk,
    input rst,
    input in_valid,
    output in_ready,
    input [{last_in}:0] in_data,
    output {kind}out_valid,
    input out_ready,
    output {kind}[{last_out}:0] out_data
"""
"""Ports of a stage. A beat passes in each cycle in which its valid and its ready are 1; ``out_data`` stays while it waits."""


class Stage(Protocol):
    """One stage."""

    @property
    def name(self) -> str:
        """Of its module, behind that of the network."""
        ...

    @property
    def source(self) -> Beats:
        """What comes in."""
        ...

    @property
    def result(self) -> Beats:
        """What goes out."""
        ...

    @property
    def what(self) -> str:
        """What it computes, in a line."""
        ...

    @property
    def cycles(self) -> int:
        """Cycles of a sample when nothing waits."""
        ...

    def files(self, module: str) -> dict[str, str]:
        """Verilog of the stage: names of modules to their text; one of them is ``module``."""
        ...


class Link(NamedTuple):
    """A stage and the names of the streams that it takes and gives; ``in`` is the network's input."""

    stage: Stage
    takes: tuple[str, ...]
    gives: tuple[str, ...]


def ports(stage: Stage, *, registered: bool = True) -> str:
    """The ports of a stage; ``registered`` where its outputs are registers."""
    return PORTS.format(last_in=stage.source.width - 1, last_out=stage.result.width - 1, kind="reg " if registered else "")


def header(stage: Stage, module: str) -> str:
    """The comment above a stage's module."""
    return f"// {module}: {stage.what}\n//   in   {stage.source.what}\n//   out  {stage.result.what}\n"
