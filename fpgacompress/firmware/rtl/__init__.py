"""Verilog without any vendor tool: integer networks as adder graphs or streams, simulated by Verilator, synthesized by Yosys, placed and routed by nextpnr.

numpy and da4ml; never imports TensorFlow.
"""

from .choice import IOS, executor_of, generate_suited, suited_io
from .circuit import circuit
from .cycles import CycleExecutor, Timing
from .devices import DEVICES, choose
from .icarus import IcarusExecutor
from .netlist import Netlist, NetlistExecutor, netlist
from .place import place, require_tools
from .placement import Bitstream, Placement
from .project import Port, RtlProject, generate, module_name
from .serial import SerialWrapper, write_wrapper
from .simulation import RtlExecutor
from .stream import StreamExecutor, StreamProject, generate_stream
from .switching import Switching, switching
from .synthesis import TARGETS, Synthesis, synthesize
from .vhdl import VhdlExecutor, VhdlProject, generate_vhdl, write_vhdl

__all__ = [
    "DEVICES",
    "IOS",
    "TARGETS",
    "Bitstream",
    "CycleExecutor",
    "IcarusExecutor",
    "Netlist",
    "NetlistExecutor",
    "Placement",
    "Port",
    "RtlExecutor",
    "RtlProject",
    "SerialWrapper",
    "StreamExecutor",
    "StreamProject",
    "Switching",
    "Synthesis",
    "Timing",
    "VhdlExecutor",
    "VhdlProject",
    "choose",
    "circuit",
    "executor_of",
    "generate",
    "generate_stream",
    "generate_suited",
    "generate_vhdl",
    "module_name",
    "netlist",
    "place",
    "require_tools",
    "suited_io",
    "switching",
    "synthesize",
    "write_vhdl",
    "write_wrapper",
]
