"""What the laws need to know about a layer: sizes, bit widths and counts taken from its integer weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..integer.network import IntegerNetwork, Node
from ..integer.windows import pads_and_shape
from ..metrics.cost import bit_products
from ..metrics.csd import csd_digits, span_bits
from .kernels import built_as, kernel_values, reuse_limit

UNROLL_LIMIT = 4096
"""Largest array that Vivado HLS and Vitis HLS partition or unroll completely (hls4ml writes it as ``maximum_size`` into
``build_prj.tcl``)."""


@dataclass(frozen=True)
class LayerFacts:
    """Facts of one weighted layer; for a convolution those of its window kernel, applied at ``positions`` places.

    Attributes:
        name: node name.
        op: "dense", "conv1d", "conv2d", "depthwise1d", "depthwise2d" or "scale" (see :func:`.kernels.built_as`).
        n_in, n_out: size of the matrix product that the hardware holds (convolution: kernel positions x input channels, filters, with
            the zeros that stand for dilation; depthwise: kernel positions x channels, depth multiplier; scale: channels, 1).
        positions: how many times an inference uses it (1 for a dense layer on a vector).
        x_bits: width of the input type, bits.
        w_bits: width of the weight type, bits.
        acc_bits: width of the accumulator, bits.
        out_bits: width of what the layer hands on, bits: that of the quantizer behind it (hls4ml's result type is set to it), else
            ``acc_bits``.
        nonzeros: weights that are not zero.
        products: sum over inputs of the number of distinct signed weights with three or more CSD digits (one multiplier each in Latency
            strategy).
        pairs: sum over inputs of the number of distinct odd magnitudes with exactly two CSD digits.
        two_digit: weights with exactly two CSD digits.
        span: widest weight, bits from its lowest to its highest set bit.
        ebops: sum over weights of (span of set bits) x ``x_bits``, one position.
        biases: biases that are not zero: each adds one term to its sum.
        product_spans: ``products`` split by the span of the weight, as (span, count); empty when only ``span`` is known.
        beats: elements (of all channels) that a stream brings to a convolution, padding included; 0 in parallel form.
        groups: independent sums per column of the matrix: the channels of a depthwise or scale layer, else 1.
        saturates: the accumulator saturates, so the value of a sum depends on the order of its additions.
        alive: which weights are not zero, output by output (bool, ``n_weights``), as Resource strategy keeps them; None: not known.
        reuse_limit: largest reuse factor with which hls4ml's function computes the layer (see :func:`.kernels.reuse_limit`); None: ``n_weights``.
    """

    name: str
    op: str
    n_in: int
    n_out: int
    positions: int
    x_bits: int
    w_bits: int
    acc_bits: int
    out_bits: int
    nonzeros: int
    products: int
    pairs: int
    two_digit: int
    span: int
    ebops: int
    biases: int = 0
    product_spans: tuple[tuple[int, int], ...] = ()
    beats: int = 0
    groups: int = 1
    saturates: bool = False
    reuse_limit: int | None = None
    alive: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def sums(self) -> int:
        """Sums that the hardware holds: results of one position."""
        return self.n_out * self.groups

    @property
    def latency_only(self) -> bool:
        """True for layers that hls4ml and we build in Latency strategy only: one product per input and output channel, or a stated order."""
        return self.op.startswith("depthwise") or self.op == "scale" or self.saturates

    @property
    def n_weights(self) -> int:
        """Weights of the kernel, zeros included."""
        return self.n_in * self.n_out

    def live_multipliers(self, reuse: int) -> int:
        """Multipliers of Resource strategy that have a weight other than zero: each takes ``reuse`` consecutive ones, ``reuse`` divides
        ``n_weights``."""
        return self.n_weights // reuse if self.alive is None else int(self.alive.reshape(-1, reuse).any(1).sum())

    def wide_products(self, least_bits: int) -> int:
        """Distinct products (see ``products``) whose input width plus weight span reach ``least_bits``."""
        spans = self.product_spans or ((self.span, self.products),)
        return sum(count for span, count in spans if self.x_bits + span >= least_bits)

    @property
    def rom_bits(self) -> int:
        """Bits of all weights, as Resource strategy stores them."""
        return self.n_weights * self.w_bits

    @property
    def additions(self) -> int:
        """Additions of one position: every live weight and bias beyond the first of its sum."""
        return max(self.nonzeros + self.biases - self.sums, 0)

    @property
    def sum_bits(self) -> float:
        """Mean width of those additions: the first level of a tree adds products of ``x_bits`` and a weight's mean span, each further level
        has half as many additions, one bit wider (2 bits in the mean); the accumulator is the limit."""
        mean_span = self.ebops / self.x_bits / max(self.nonzeros, 1)
        return min(self.acc_bits, self.x_bits + mean_span + 2)

    @property
    def shifted_pairs(self) -> int:
        """Distinct products with a weight of two digits, shifts and signs apart: at most one per weight, and about four per odd magnitude."""
        return min(self.two_digit, 4 * self.pairs)

    @property
    def is_dense(self) -> bool:
        """True when the layer is a plain matrix product, which is what the LUT and FF laws were calibrated on."""
        return self.op == "dense" and self.positions == 1 and self.reuse_limit is None


def _distinct_per_row(values: np.ndarray, chosen: np.ndarray) -> int:
    """Sum over rows of the number of distinct values among the chosen entries (int64 matrix, boolean matrix of the same shape)."""
    rows = np.nonzero(chosen)[0]
    if rows.size == 0:
        return 0
    return int(np.unique(np.stack([rows, values[chosen]], axis=1), axis=0).shape[0])


def weight_facts(kernel: np.ndarray) -> dict[str, Any]:
    """Counts of an integer weight matrix ``(n_in, n_out)``: the fields of :class:`LayerFacts` of these names."""
    kernel = np.asarray(kernel, np.int64)
    digits = csd_digits(kernel)
    spans = span_bits(kernel)
    magnitude = np.abs(kernel)
    odd = magnitude // np.where(magnitude > 0, magnitude & -magnitude, 1)
    product_spans = tuple((int(s), _distinct_per_row(kernel, (digits >= 3) & (spans == s))) for s in np.unique(spans[digits >= 3]))
    return {
        "nonzeros": int(np.count_nonzero(kernel)),
        "products": sum(count for _, count in product_spans),
        "product_spans": product_spans,
        "two_digit": int(np.count_nonzero(digits == 2)),
        "pairs": _distinct_per_row(odd, digits == 2),
        "span": int(spans.max(initial=0)),
    }


def layer_facts(network: IntegerNetwork, node: Node, io: str = "io_parallel") -> LayerFacts:
    """Facts of a node with a kernel, built with an io type ("io_parallel" or "io_stream")."""
    assert node.kernel is not None
    op = built_as(node)
    values = kernel_values(node, io == "io_stream") if op.startswith("conv") else np.asarray(node.kernel.values)
    grouped = op.startswith("depthwise") or op == "scale"
    matrix = values.reshape(-1, 1 if node.op == "scale" else values.shape[-1])
    x_bits = network.node(node.inputs[0]).out.width
    counts = weight_facts(matrix)
    return LayerFacts(
        name=node.name,
        op=op,
        n_in=matrix.shape[0],
        n_out=matrix.shape[1],
        positions=int(np.prod(node.shape[:-1], dtype=np.int64)),
        x_bits=x_bits,
        w_bits=node.kernel.type.width,
        acc_bits=node.out.width,
        out_bits=_out_bits(network, node),
        nonzeros=counts["nonzeros"],
        products=counts["products"],
        pairs=counts["pairs"],
        two_digit=counts["two_digit"],
        span=counts["span"],
        ebops=bit_products(network, node),
        biases=0 if node.bias is None else int(np.count_nonzero(node.bias.values)),
        product_spans=counts["product_spans"],
        beats=_beats(network, node) if io == "io_stream" else 0,
        groups=node.shape[-1] // matrix.shape[1] if grouped else 1,
        saturates=node.out.overflow != "WRAP",
        reuse_limit=reuse_limit(node, matrix.shape[0], io),
        alive=np.ravel(matrix.T != 0),
    )


def _beats(network: IntegerNetwork, node: Node) -> int:
    """Elements that a window slides over, padding included; 0 for other layers."""
    if "padding" not in node.params or node.kernel is None:
        return 0
    size = network.node(node.inputs[0]).shape[:-1]
    window = node.kernel.values.shape[: len(size)]
    pads, _ = pads_and_shape(size, window, node.params["strides"], node.params["padding"], node.params.get("dilation"))
    return math.prod(n + before + after for n, (before, after) in zip(size, pads))


def _out_bits(network: IntegerNetwork, node: Node) -> int:
    readers = [other for other in network.nodes if node.name in other.inputs]
    return readers[0].out.width if len(readers) == 1 and readers[0].op in ("quantize", "quantize_each") else node.out.width


def network_facts(network: IntegerNetwork, io: str = "io_parallel") -> dict[str, LayerFacts]:
    """Facts of every weighted layer, in order, by name; ``io`` is "io_parallel" or "io_stream"."""
    return {node.name: layer_facts(network, node, io) for node in network.weighted}
