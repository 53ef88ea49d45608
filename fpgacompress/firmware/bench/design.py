"""A Verilog project as the bench sees it: the network's module, and where each value is in its ports."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import HardwareError
from ...integer import IntegerNetwork
from ...integer.store import network_hash
from ..rtl.project import Port, RtlProject
from ..rtl.protocol import VERSION, Identity
from ..rtl.uart import Core
from .layout import Layout, Values

if TYPE_CHECKING:
    from ..rtl.stream import StreamProject


@dataclass(frozen=True)
class Design:
    """A network's Verilog.

    Attributes:
        folder: of the project.
        network: what it computes.
        core: its module.
        inputs, outputs: of each value, in the order of the ports; of a stream the inputs of all beats.
        sources: its files.

    Raises:
        HardwareError: values and module have other sizes.
    """

    folder: Path
    network: IntegerNetwork
    core: Core
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sources: tuple[Path, ...]

    def __post_init__(self) -> None:
        for what, ports, node, bits in (
            ("inputs", self.inputs, self.network.input, self.core.beats * self.core.beat_bits),
            ("outputs", self.outputs, self.network.output, self.core.output_bits),
        ):
            values, found = prod(node.shape), sum(port.width for port in ports)
            if len(ports) != values or found != bits:
                raise HardwareError(f"{len(ports)} {what} with {found} bits", expected=f"{values} with {bits}, as network and module have")

    @property
    def layout(self) -> Layout:
        """Inputs and outputs in bytes."""
        entry, end = self.network.input, self.network.output
        return Layout(Values(self.inputs, entry.out, entry.shape, self.core.beats), Values(self.outputs, end.out, end.shape))

    @property
    def identity(self) -> Identity:
        """What a board tells of it: it differs where network or ports do."""
        sizes = (self.core.beat_bits, self.core.beats, self.core.output_bits)
        told = [network_hash(self.network), *sizes, [list(port) for port in self.inputs], [list(port) for port in self.outputs]]
        return Identity(VERSION, int(hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8], 16), *sizes)


def graph_design(project: RtlProject) -> Design:
    """An adder graph."""
    inputs, outputs = (sum(port.width for port in ports) for ports in (project.inputs, project.outputs))
    core = Core(project.name, "graph", inputs, 1, outputs, project.stages + 1 if project.stages else 0)
    return Design(project.folder, project.network, core, tuple(project.inputs), tuple(project.outputs), tuple(project.sources))


def stream_design(project: StreamProject) -> Design:
    """A chain of streaming stages."""
    source, result = project.source, project.result
    core = Core(project.name, "stream", source.width, source.count, result.width, None, out_ready=True)
    inputs, outputs = ((Port.of(beats.type),) * (beats.count * beats.values) for beats in (source, result))
    return Design(project.folder, project.network, core, inputs, outputs, tuple(project.sources))
