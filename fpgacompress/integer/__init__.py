"""The integer network: what the hardware computes. numpy only, no TensorFlow."""

from .emulate import Emulator, run, trace
from .intervals import inexact_in_float32, ranges
from .network import IntegerNetwork, Node, Tensor
from .store import load, network_hash, save
from .types import FixedType

__all__ = [
    "Emulator",
    "FixedType",
    "IntegerNetwork",
    "Node",
    "Tensor",
    "inexact_in_float32",
    "load",
    "network_hash",
    "ranges",
    "run",
    "save",
    "trace",
]
