"""Verilog without any vendor tool: integer networks as adder graphs, simulated by Verilator, synthesized by Yosys, placed and routed by nextpnr.

numpy and da4ml; never imports TensorFlow.
"""

from .circuit import circuit
from .devices import DEVICES, choose
from .place import place, require_tools
from .placement import Bitstream, Placement
from .project import Port, RtlProject, generate, module_name
from .serial import SerialWrapper, write_wrapper
from .simulation import RtlExecutor
from .synthesis import TARGETS, Synthesis, synthesize

__all__ = [
    "DEVICES",
    "TARGETS",
    "Bitstream",
    "Placement",
    "Port",
    "RtlExecutor",
    "RtlProject",
    "SerialWrapper",
    "Synthesis",
    "choose",
    "circuit",
    "generate",
    "module_name",
    "place",
    "require_tools",
    "synthesize",
    "write_wrapper",
]
