"""Verilog without any vendor tool: integer networks as adder graphs, simulated by Verilator. numpy and da4ml; never imports TensorFlow."""

from .circuit import circuit
from .project import Port, RtlProject, generate
from .simulation import RtlExecutor

__all__ = ["Port", "RtlExecutor", "RtlProject", "circuit", "generate"]
