"""Which Verilog suits a network: one block that takes a whole sample in each cycle, or a stream of beats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...integer import IntegerNetwork, simplify
from .circuit import JOINS, OPERATIONS
from .project import RtlProject, generate
from .simulation import RtlExecutor
from .stream import StreamExecutor, StreamProject, generate_stream

IOS = ("parallel", "stream")
PARALLEL_WEIGHTS = 3000
"""Weights that are not zero, beyond which tracing one block takes minutes and more."""


def suited_io(network: IntegerNetwork) -> str:
    """ "parallel" for networks of a few thousand weights without convolutions, else "stream"."""
    weights = sum(node.kernel.nonzeros for node in network.weighted if node.kernel is not None)
    whole = all(node.op in OPERATIONS + JOINS for node in network.nodes[1:])
    return "parallel" if whole and weights <= PARALLEL_WEIGHTS else "stream"


def generate_suited(
    network: IntegerNetwork, folder: str | Path, *, say: Callable[[str], None] = lambda text: None
) -> RtlProject | StreamProject:
    """Verilog of a network without neurons that nothing reads, in the form that suits it; see :func:`generate` and :func:`generate_stream`."""
    network = simplify(network).network
    return generate(network, folder, say=say) if suited_io(network) == "parallel" else generate_stream(network, folder, say=say)


def executor_of(project: RtlProject | StreamProject) -> RtlExecutor | StreamExecutor:
    """Verilator's simulation of a project."""
    return StreamExecutor(project) if isinstance(project, StreamProject) else RtlExecutor(project)
