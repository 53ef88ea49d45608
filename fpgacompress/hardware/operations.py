"""Layers without weights: casts and activations, tables (sigmoid, tanh, softmax), normalization. What they take, by charges measured on their own
reports."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..integer.network import IntegerNetwork, Node
from .calibration import ZERO, Area, Calibration, load_calibration
from .setting import Setting

WIRES = ("input", "flatten", "reshape", "permute", "zeropad", "upsample", "concatenate", "shift")
"""Operations that are wires in io_parallel."""

CASTS = ("quantize", "quantize_each")
CHARGED = ("cast", "softmax", "table", "normalize")
"""Operations that have a measured charge in parallel form; "table" is a sigmoid or tanh looked up for each element."""


@dataclass(frozen=True)
class OperationFacts:
    """Facts of one layer without weights.

    Attributes:
        name: node name.
        op: one of :data:`CHARGED`, or what the layer is called where nothing is known about its logic.
        elements: numbers it hands on.
        bits: input and output bits of all of them together.
        out_bits: width of one.
        rounds: a cast that rounds to nearest, which costs an adder.
    """

    name: str
    op: str
    elements: int
    bits: int
    out_bits: int
    rounds: bool = False


def operation_facts(network: IntegerNetwork, node: Node, stream: bool = False) -> OperationFacts:
    """Facts of a node without a kernel; in a stream those of the numbers of one word."""
    count = node.shape[-1] if stream else math.prod(node.shape)
    source = network.node(node.inputs[0]).out
    bits = count * (source.width + node.out.width)
    if node.op == "quantize_each":
        widths = np.broadcast_to(np.asarray(node.params["bits"]), node.shape).reshape(-1)[-count:]
        bits = int(widths.sum() + source.width * np.count_nonzero(widths))
    rounds = node.out.rounding != "TRN" and source.fraction > node.out.fraction
    return OperationFacts(node.name, "cast" if node.op in CASTS else node.op, count, bits, node.out.width, rounds)


def network_operations(network: IntegerNetwork, stream: bool = False) -> tuple[OperationFacts, ...]:
    """Facts of every node without weights that is more than wires, in order."""
    return tuple(operation_facts(network, n, stream) for n in network.nodes if n.kernel is None and n.op not in WIRES)


def operation_area(facts: OperationFacts, kind: str, stage: str, mapping: str = "auto", calibration: Calibration | None = None) -> Area:
    """LUT or FF ("lut", "ff") of a layer without weights in parallel form at a stage; ZERO where no charge is known.

    A cast takes elements x (input + output bits) x the measured charge, calibrated on ReLU with truncation and saturation; rounding to
    nearest costs an adder more (counted as one output width, extrapolated). The others take a charge per element; a softmax that may not use
    DSP slices (``mapping`` "fabric") has a multiplier in LUT for each element.
    """
    if facts.op not in CHARGED:
        return ZERO
    calibration = calibration or load_calibration()
    if facts.op == "cast":
        value, low, high = calibration.ratios[f"activation_{kind}"]
        extra = facts.elements * facts.out_bits if facts.rounds and kind == "lut" else 0
        area = Area(facts.bits * value + extra, facts.bits * low, facts.bits * high + 2 * extra, facts.rounds)
    else:
        in_lut = facts.op == "softmax" and mapping == "fabric"
        value, low, high = (facts.elements * v for v in calibration.ratios[f"{facts.op}{'_fabric' if in_lut else ''}_{kind}"])
        area = Area(value, low, high, False)
    return area.scaled(calibration.ratios[f"latency_{kind}"]) if stage == "post-synth" else area


def operation_counts(facts: OperationFacts, setting: Setting) -> dict[str, int]:
    """DSP slices, 18 Kb block RAMs and cycles of a layer without weights.

    A softmax has a product for each element. Its tables of exponentials have two ports; Vitis HLS has one table for each element, Vivado HLS
    one for two, and one of inverses. Cycles of a softmax: what its reports show, 6 and two for each level of its tree of sums at 5 ns on
    7 series, 4 on UltraScale+.
    """
    if facts.op == "softmax":
        levels = (facts.elements - 1).bit_length()
        slow = (6 + 2 * levels) * max(5 / setting.clock_ns, 1) - (2 if setting.mapping == "fabric" else 0)
        tables = -(-facts.elements // 2) + 1 if setting.vivado else facts.elements
        slices = 0 if setting.mapping == "fabric" else facts.elements
        return {"dsp": slices, "bram18": tables, "cycles": 4 if setting.ultrascale else round(slow)}
    if facts.op == "table":
        return {"dsp": 0, "bram18": -(-facts.elements // 2), "cycles": 2}
    if facts.op == "cast":
        return {"dsp": 0, "bram18": 0, "cycles": 0 if setting.ultrascale or setting.clock_ns >= 4 else 1}
    return {"dsp": 0, "bram18": 0, "cycles": 0}
