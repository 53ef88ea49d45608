"""What a network costs before any tool runs: sizes and operations counted from the integer weights (numpy only)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..figures import Figure, unavailable
from ..integer.network import IntegerNetwork, Node
from ..integer.widths import channel_bits
from .csd import span_bits
from .packing import pack

COUNTED = "counted from the integer weights"
COUNTED_FLOAT = "counted from the float model's shapes, 32 bits a number"


@dataclass(frozen=True)
class LayerCost:
    """Counts of one layer with weights.

    Attributes:
        name, op: of the node.
        n_in, n_out: products per output and outputs of the matrix product (convolution: of the window kernel).
        positions: how often an inference uses the kernel.
        weight_bits, x_bits: widths of the weight type and of the input type.
        weights, nonzeros: kernel weights, and those that are not zero.
        biases, bias_bits: number of bias terms and their width.
        packed_bits: bits of the kernel in the smallest packing, ``packing`` its name (see :func:`.packing.pack`).
        bit_products: sum over weights of (span of set bits) x (bits of the input it multiplies).
    """

    name: str
    op: str
    n_in: int
    n_out: int
    positions: int
    weight_bits: int
    x_bits: int
    weights: int
    nonzeros: int
    biases: int
    bias_bits: int
    packed_bits: int
    packing: str
    bit_products: int

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of an inference, zeros included."""
        return self.weights * self.positions

    @property
    def bops(self) -> float:
        """Bit operations: ``m n [(1 - f) b_a b_w + b_a + b_w + log2 n]`` per position, ``f`` the share of zeros.

        Baskin et al. 2021 in the form of Hawks et al. (arXiv 2103.05579), equation 1.
        """
        products = self.nonzeros / self.weights * self.x_bits * self.weight_bits if self.weights else 0.0
        return self.macs * (products + self.x_bits + self.weight_bits + math.log2(max(self.n_in, 1)))

    @property
    def ebops(self) -> int:
        """Effective bit operations: sum over weights of (bits from lowest to highest set bit) x input bits, per position (HGQ, arXiv
        2405.00645)."""
        return self.bit_products * self.positions

    @property
    def bytes(self) -> int:
        """Kernel and bias, each filled up to whole bytes."""
        return -(-self.packed_bits // 8) + -(-self.biases * self.bias_bits // 8)

    def to_json(self) -> dict[str, Any]:
        """Row of the report: plain numbers."""
        return {
            "name": self.name,
            "op": self.op,
            "n_in": self.n_in,
            "n_out": self.n_out,
            "positions": self.positions,
            "weights": self.weights,
            "nonzeros": self.nonzeros,
            "sparsity": 1 - self.nonzeros / self.weights,
            "weight_bits": self.weight_bits,
            "x_bits": self.x_bits,
            "bytes": self.bytes,
            "packing": self.packing,
            "macs": self.macs,
            "bops": self.bops,
            "ebops": self.ebops,
        }


def bit_products(network: IntegerNetwork, node: Node) -> int:
    """Sum over the weights of a node of (bits from lowest to highest set bit) x (bits of the input it multiplies)."""
    assert node.kernel is not None
    spans, bits = span_bits(np.asarray(node.kernel.values)), channel_bits(network, node.inputs[0])
    per_channel = spans.reshape(-1, len(bits), spans.size // len(bits)) if node.op == "scale" else spans.reshape(-1, *spans.shape[-2:])
    return int((per_channel.sum(axis=(0, 2)) * bits).sum())


def layer_cost(network: IntegerNetwork, node: Node) -> LayerCost:
    """Counts of a node with a kernel; a convolution counts its output positions."""
    assert node.kernel is not None
    kernel = np.asarray(node.kernel.values)
    width = node.kernel.type.width
    bits, packing = pack(kernel, width, node.kernel.type.signed)
    bias = node.bias
    return LayerCost(
        name=node.name,
        op=node.op,
        n_in=kernel.size // node.shape[-1],
        n_out=node.shape[-1],
        positions=int(np.prod(node.shape[:-1], dtype=np.int64)),
        weight_bits=width,
        x_bits=network.node(node.inputs[0]).out.width,
        weights=int(kernel.size),
        nonzeros=node.kernel.nonzeros,
        biases=int(bias.values.size) if bias is not None else 0,
        bias_bits=bias.type.width if bias is not None else 0,
        packed_bits=bits,
        packing=packing,
        bit_products=bit_products(network, node),
    )


def layer_costs(network: IntegerNetwork) -> list[LayerCost]:
    """Counts of every layer with weights, in order."""
    return [layer_cost(network, node) for node in network.weighted]


def _counted(value: float | int, unit: str, provenance: str = COUNTED) -> Figure:
    return Figure(value, unit, stage="counted", provenance=provenance)


def parameters(network: IntegerNetwork) -> Figure:
    """Kernel weights and biases, zeros included."""
    return _counted(sum(c.weights + c.biases for c in layer_costs(network)), "parameters")


def nonzeros(network: IntegerNetwork) -> Figure:
    """Kernel weights that are not zero as integers (biases not counted)."""
    return _counted(sum(c.nonzeros for c in layer_costs(network)), "weights")


def sparsity(network: IntegerNetwork) -> Figure:
    """Share of kernel weights that are zero as integers."""
    costs = layer_costs(network)
    total = sum(c.weights for c in costs)
    return (
        _counted(1 - sum(c.nonzeros for c in costs) / total, "fraction") if total else unavailable("the network has no weights", "fraction")
    )


def mean_weight_bits(network: IntegerNetwork, per_nonzero: bool = False) -> Figure:
    """Mean width of the weight types over all kernel weights, or over those that are not zero."""
    costs = layer_costs(network)
    counts = [c.nonzeros if per_nonzero else c.weights for c in costs]
    if not sum(counts):
        return unavailable("the network has no such weights", "bits")
    return _counted(sum(n * c.weight_bits for n, c in zip(counts, costs)) / sum(counts), "bits")


def model_bytes(network: IntegerNetwork) -> Figure:
    """Bytes of kernels and biases, each layer in its smallest packing (:func:`pack`); the provenance names the packings used."""
    costs = layer_costs(network)
    used = "; ".join(f"{c.name}: {c.packing}" for c in costs)
    return _counted(sum(c.bytes for c in costs), "bytes", f"{COUNTED}, smallest packing ({used})" if used else COUNTED)


def dense_bytes(network: IntegerNetwork) -> Figure:
    """Bytes with every weight stored, zeros included."""
    costs = layer_costs(network)
    return _counted(sum(-(-c.weights * c.weight_bits // 8) + -(-c.biases * c.bias_bits // 8) for c in costs), "bytes")


def macs(network: IntegerNetwork) -> Figure:
    """Multiply-accumulate operations of one inference, zeros included."""
    return _counted(sum(c.macs for c in layer_costs(network)), "MACs")


def flops(network: IntegerNetwork) -> Figure:
    """Twice :func:`macs`."""
    return _counted(2 * sum(c.macs for c in layer_costs(network)), "FLOPs")


def bops(network: IntegerNetwork) -> Figure:
    """Bit operations (:attr:`LayerCost.bops`)."""
    return _counted(round(sum(c.bops for c in layer_costs(network))), "BOPs")


def ebops(network: IntegerNetwork) -> Figure:
    """Effective bit operations (:attr:`LayerCost.ebops`)."""
    return _counted(sum(c.ebops for c in layer_costs(network)), "EBOPs")


def summary(network: IntegerNetwork) -> dict[str, Any]:
    """All figures by name, and "layers": one plain row per layer with weights."""
    return {
        "parameters": parameters(network),
        "nonzeros": nonzeros(network),
        "sparsity": sparsity(network),
        "mean_weight_bits": mean_weight_bits(network),
        "mean_nonzero_bits": mean_weight_bits(network, per_nonzero=True),
        "model_bytes": model_bytes(network),
        "dense_bytes": dense_bytes(network),
        "macs": macs(network),
        "flops": flops(network),
        "bops": bops(network),
        "ebops": ebops(network),
        "layers": [c.to_json() for c in layer_costs(network)],
    }


def cost_of_float(parameters: int, macs: int) -> dict[str, Figure]:
    """Figures of a float model of 32 bits a number, as far as they exist.

    Args:
        parameters: all weights and biases.
        macs: multiply-accumulate operations of one inference.
    """

    def counted(value: int, unit: str) -> Figure:
        return _counted(int(value), unit, COUNTED_FLOAT)

    low = int(macs) * (32 * 32 + 32 + 32)
    high = low + round(macs * math.log2(max(macs, 2)))
    return {
        "parameters": counted(parameters, "parameters"),
        "mean_weight_bits": counted(32, "bits"),
        "model_bytes": counted(4 * parameters, "bytes"),
        "macs": counted(macs, "MACs"),
        "flops": counted(2 * macs, "FLOPs"),
        "bops": Figure(low, "BOPs", low, high, "from no to the largest possible log2 n term", "counted", COUNTED_FLOAT),
        "nonzeros": unavailable("not counted for float models", "weights"),
        "sparsity": unavailable("not counted for float models", "fraction"),
        "ebops": unavailable("defined for integer weights", "EBOPs"),
    }
