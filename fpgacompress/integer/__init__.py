"""The integer network: what the hardware computes. numpy only, no TensorFlow."""

from .accumulators import Accumulator, accumulators, with_accumulators
from .emulate import Emulator, run, trace
from .intervals import inexact_in_float32, ranges
from .network import IntegerNetwork, Node, Tensor
from .simplify import Simplified, simplify
from .store import load, network_hash, save
from .types import FixedType

__all__ = [
    "Accumulator",
    "Emulator",
    "FixedType",
    "IntegerNetwork",
    "Node",
    "Simplified",
    "Tensor",
    "accumulators",
    "inexact_in_float32",
    "load",
    "network_hash",
    "ranges",
    "run",
    "save",
    "simplify",
    "trace",
    "with_accumulators",
]
