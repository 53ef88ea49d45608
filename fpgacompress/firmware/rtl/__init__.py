"""Verilog without any vendor tool: integer networks as adder graphs, simulated by Verilator, synthesized by Yosys. numpy and da4ml; never imports TensorFlow."""

from .circuit import circuit
from .project import Port, RtlProject, generate, module_name
from .simulation import RtlExecutor
from .synthesis import TARGETS, Synthesis, synthesize

__all__ = ["TARGETS", "Port", "RtlExecutor", "RtlProject", "Synthesis", "circuit", "generate", "module_name", "synthesize"]
