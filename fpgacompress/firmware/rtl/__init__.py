"""Verilog without any vendor tool: integer networks as adder graphs or streams, simulated by Verilator, synthesized by Yosys, placed and routed by nextpnr.

numpy and da4ml; never imports TensorFlow.
"""

from .choice import IOS, executor_of, generate_suited, suited_io
from .circuit import circuit
from .devices import DEVICES, choose
from .place import place, require_tools
from .placement import Bitstream, Placement
from .project import Port, RtlProject, generate, module_name
from .serial import SerialWrapper, write_wrapper
from .simulation import RtlExecutor
from .stream import StreamExecutor, StreamProject, generate_stream
from .synthesis import TARGETS, Synthesis, synthesize

__all__ = [
    "DEVICES",
    "IOS",
    "TARGETS",
    "Bitstream",
    "Placement",
    "Port",
    "RtlExecutor",
    "RtlProject",
    "SerialWrapper",
    "StreamExecutor",
    "StreamProject",
    "Synthesis",
    "choose",
    "circuit",
    "executor_of",
    "generate",
    "generate_stream",
    "generate_suited",
    "module_name",
    "place",
    "require_tools",
    "suited_io",
    "synthesize",
    "write_wrapper",
]
