"""A design as the laws see it: its layers with weights, the others, and how they are connected. From an integer network here, from rows of real
results in :mod:`.table`; estimates are made of it and of nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ..integer.network import IntegerNetwork
from .factors import UNROLLED, LayerPlan
from .facts import LayerFacts, network_facts
from .operations import CHARGED, OperationFacts, network_operations
from .stream_parts import network_buffers, network_fifos
from .streams import Buffer, Fifo

NO_CONV = "the LUT and FF laws are calibrated on dense layers; no convolution of the shared table has its layers reported apart"
NO_OPERATION = "no LUT and FF law is calibrated for the logic of {} layers"
NO_UNROLLED = f"no design of the shared table is built in {UNROLLED} strategy, so no LUT and FF law knows it"
NO_STREAM = "what FIFOs the stream has is not known: the table does not tell the shape of every layer's result"


@dataclass(frozen=True)
class Design:
    """What is estimated.

    Attributes:
        layers: facts of every layer with weights, by name, in order.
        operations: facts of the others, wires left out.
        io: "io_parallel" or "io_stream".
        fifos: of a stream, None where they are not known; none in parallel form.
        buffers: line buffers and windows of a stream.
    """

    layers: dict[str, LayerFacts]
    operations: tuple[OperationFacts, ...]
    io: str
    fifos: tuple[Fifo, ...] | None = ()
    buffers: tuple[Buffer, ...] = ()

    @property
    def stream(self) -> bool:
        """Layers hand over through FIFOs."""
        return self.io == "io_stream"

    def without_law(self, plan: dict[str, LayerPlan]) -> str | None:
        """Why LUT and FF of the design cannot be had, or None."""
        if any(not f.is_dense for f in self.layers.values()):
            return NO_CONV
        unknown = sorted({o.op for o in self.operations} - set(CHARGED))
        if unknown:
            return NO_OPERATION.format(", ".join(unknown))
        if self.fifos is None:
            return NO_STREAM
        return NO_UNROLLED if any(p.strategy == UNROLLED for p in plan.values()) else None


def network_design(network: IntegerNetwork, io: str = "io_parallel") -> Design:
    """The design that hls4ml makes of a network with an io type ("io_parallel" or "io_stream")."""
    stream = io == "io_stream"
    parts = (network_fifos(network), network_buffers(network)) if stream else ((), ())
    return Design(network_facts(network, io), network_operations(network, stream), io, *parts)
