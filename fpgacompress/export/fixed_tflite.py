"""Our fixed-point student as a TFLite model that computes the same integers.

TFLite's int8 arithmetic stores ``real = scale * (q - zero)`` (B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", arXiv 1712.05877, equation 1). With powers of two as scales this *is* fixed point: an unsigned type of ``w``
bits behind a ReLU is an int8 tensor with ``zero = 127 - (2**w - 1)``, which saturates above by int8's own end and below by the ReLU; a signed
type of 8 bits has ``zero = 0``, and an input of fewer bits is clamped; biases are int32 in steps of the products; rescaling is a shift. TFLite's default CPU kernels (XNNPACK) round that
shift half to even, as we do, so every integer is the same. Its reference kernels round ties away from zero and may differ by one step there.

A student's logits are not rounded at all, which int8 cannot hold: the last layer gets float arithmetic on the int8 numbers, exact as long as
24 bits hold its sums. A network that ends in a cast to 8 bits is written without any float.

Weights of fewer than 8 bits stay in int8 tensors. TFLite has INT4 tensors for weights (none for activations), but the kernels that read them are
not XNNPACK's and round ties away from zero: of 800 logits of a 4-bit ECG student 199 differed with INT4 in its dense layers, 709 with INT4 in
its convolutions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedError
from ..integer.network import IntegerNetwork, Node, Tensor
from ..integer.types import FixedType
from ..lower.inputs import FLOAT32_BITS
from .flatbuffer import FlatModel

BITS = 8
_MOVES = ("maxpool", "flatten", "reshape")
_DO = "write TFLite's own int8 form of the float model instead (kind 'int8')"


@dataclass(frozen=True)
class _Edge:
    """A result in the file: number of its tensor, its fixed-point type, and the stored integer that stands for 0."""

    tensor: int
    type: FixedType
    zero: int


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape in the file: batch in front, series as images of height 1."""
    return {1: (1, *shape), 2: (1, 1, *shape), 3: (1, *shape)}[len(shape)]


def _pair(values: list[int]) -> tuple[int, int]:
    return (1, int(values[0])) if len(values) == 1 else (int(values[0]), int(values[1]))


def channel_steps(kernel: Tensor, axes: tuple[int, ...]) -> np.ndarray:
    """Powers of two by which the stored integers of each output channel can be divided so that they fit 8 bits (1 where they fit already).

    Args:
        kernel: integer weights.
        axes: axes that are not output channels.

    Raises:
        UnsupportedError: a channel that needs more than 8 bits.
    """
    steps = np.ones(kernel.values.shape, np.int64).min(axes)
    while True:
        step = np.expand_dims(steps, axes)
        scaled = kernel.values // step
        wide = ((scaled < -128) | (scaled > 127)).any(axes)
        if not wide.any():
            return steps
        if np.any((kernel.values % (2 * step)).any(axes) & wide):
            raise UnsupportedError(f"weights of type {kernel.type} do not fit 8 bits", expected="at most 8 bits", do=_DO)
        steps = np.where(wide, 2 * steps, steps)


class _Writer:
    def __init__(self, network: IntegerNetwork) -> None:
        self.network = network
        self.flat = FlatModel(network.name)
        self.edges: dict[str, _Edge] = {}
        self.readers: dict[str, list[Node]] = {n.name: [m for m in network.nodes if n.name in m.inputs] for n in network.nodes}

    def refuse(self, node: Node, why: str, expected: str = "") -> UnsupportedError:
        return UnsupportedError(f"'{node.name}' ({node.op}) {why}, which TFLite cannot hold exactly", expected=expected, do=_DO)

    def edge(self, node: Node, type: FixedType) -> _Edge:
        """A result tensor of a fixed-point type."""
        zero = 0 if type.signed else 2 ** (BITS - 1) - 2**type.width
        return _Edge(self.flat.tensor(node.name, _shape(node.shape), "INT8", scales=[type.lsb], zero=zero), type, zero)

    def cast_behind(self, node: Node) -> Node | None:
        """The cast that is all that reads a sum, directly or through operations that commute with it."""
        while len(self.readers[node.name]) == 1:
            (node,) = self.readers[node.name]
            if node.op == "quantize":
                return node
            if node.op not in _MOVES:
                return None
        return None

    def check_cast(self, node: Node) -> FixedType:
        kind = node.out
        if kind.rounding != "RND_CONV" or kind.overflow != "SAT":
            raise self.refuse(node, f"casts to {kind}", "rounding half to even and saturation")
        if kind.width > BITS or (kind.signed and kind.width < BITS):
            raise self.refuse(node, f"casts to {kind}", "up to 8 bits behind a ReLU, or 8 bits signed")
        return kind

    def input(self) -> int:
        """The input tensor: of the network's type, or of the one that its only reader casts it to (then the caller does that cast)."""
        node = self.network.input
        kind, readers = node.out, self.readers[node.name]
        if len(readers) == 1 and readers[0].op == "quantize":
            kind = readers[0].out
        if kind.width > BITS:
            raise self.refuse(node, f"has {kind.width} bits", "an input of at most 8 bits, as quantize.input: 8 makes it")
        edge = self.edges[node.name] = self.edge(node, kind)
        if node.out.signed:
            self.edges[node.name] = self.clamped(node, edge)
        return edge.tensor

    def clamped(self, node: Node, edge: _Edge) -> _Edge:
        """The values of the edge's type, where int8 would let others through (fewer than 8 bits)."""
        kind, rail = edge.type, 2 ** (BITS - 1)
        for name, bound, end in (("MAXIMUM", kind.low + edge.zero, -rail), ("MINIMUM", kind.high + edge.zero, rail - 1)):
            if bound != end:
                like = {"scales": [kind.lsb], "zero": edge.zero}
                limit = self.flat.tensor(f"{node.name}/{name.lower()}", (1,), "INT8", values=np.array([bound]), **like)
                to = self.flat.tensor(f"{node.name}/{name.lower()}_of", _shape(node.shape), "INT8", **like)
                self.flat.operator(name, [edge.tensor, limit], to, 2, "MaximumMinimum")
                edge = _Edge(to, kind, edge.zero)
        return edge

    def kernel(self, node: Node, values: np.ndarray, axis: int, source: _Edge) -> tuple[int, int]:
        """Tensors of kernel and bias in the file's axes; one scale per output channel where a single one does not do."""
        assert node.kernel is not None
        others = tuple(i for i in range(values.ndim) if i != axis)
        steps = channel_steps(Tensor(values, node.kernel.type), others)
        stored = values // np.expand_dims(steps, others)
        scales = node.kernel.type.lsb * steps
        shared = [scales[0]] if np.all(scales == scales[0]) else scales
        weights = self.flat.tensor(f"{node.name}/kernel", values.shape, "INT8", scales=shared, axis=axis, values=stored)
        return weights, self.bias(node, scales * source.type.lsb)

    def bias(self, node: Node, steps: np.ndarray) -> int:
        """The int32 bias, in steps of the products."""
        real = np.zeros(len(steps)) if node.bias is None else node.bias.type.to_float(node.bias.values)
        stored = real / steps
        if np.any(stored != np.rint(stored)) or np.any(np.abs(stored) >= 2.0**31):
            raise self.refuse(
                node,
                "has biases finer than its products",
                "biases in steps of input times weight, as post-training quantization makes them",
            )
        shared = steps[:1] if np.all(steps == steps[0]) else steps
        return self.flat.tensor(f"{node.name}/bias", stored.shape, "INT32", scales=shared, values=stored)

    def weighted(self, node: Node) -> None:
        source, cast = self.edges[node.inputs[0]], self.cast_behind(node)
        if cast is None:
            if node is not self.network.output or node.op != "dense":
                raise self.refuse(node, "delivers sums of more than 8 bits", "a cast behind every layer but the last, which is dense")
            self.logits(node, source)
            return
        kind = self.check_cast(cast)
        assert node.kernel is not None
        values = node.kernel.values
        s = self.flat.schema
        fused = s.ActivationFunctionType.NONE if kind.signed else s.ActivationFunctionType.RELU
        if node.op == "dense":
            if values.ndim != 2 or len(node.shape) != 1:
                raise self.refuse(node, "is a dense layer over a series", "a vector")
            weights, bias = self.kernel(node, values.T, 0, source)
            edge = self.edges[node.name] = self.edge(node, kind)
            settings = {"fusedActivationFunction": fused}
            self.flat.operator("FULLY_CONNECTED", [source.tensor, weights, bias], edge.tensor, 4, "FullyConnected", **settings)
            return
        params = node.params
        if params["padding"] == "causal":
            raise self.refuse(node, "has causal padding", "same or valid")
        values = values[None] if node.op.endswith("1d") else values
        (stride_h, stride_w), (dilation_h, dilation_w) = _pair(params["strides"]), _pair(params.get("dilation") or [1])
        settings = {
            "padding": s.Padding.SAME if params["padding"] == "same" else s.Padding.VALID,
            "strideH": stride_h,
            "strideW": stride_w,
            "dilationHFactor": dilation_h,
            "dilationWFactor": dilation_w,
            "fusedActivationFunction": fused,
        }
        if node.op.startswith("depthwise"):
            multiplier = values.shape[-1]
            weights, bias = self.kernel(node, values.reshape(1, *values.shape[:2], -1), 3, source)
            edge = self.edges[node.name] = self.edge(node, kind)
            settings["depthMultiplier"] = multiplier
            self.flat.operator("DEPTHWISE_CONV_2D", [source.tensor, weights, bias], edge.tensor, 3, "DepthwiseConv2D", **settings)
        else:
            weights, bias = self.kernel(node, values.transpose(3, 0, 1, 2), 0, source)
            edge = self.edges[node.name] = self.edge(node, kind)
            self.flat.operator("CONV_2D", [source.tensor, weights, bias], edge.tensor, 3, "Conv2D", **settings)

    def logits(self, node: Node, source: _Edge) -> None:
        """The last layer in float, weights and all; every product and sum is a float32."""
        if node.out.width > FLOAT32_BITS:
            raise self.refuse(node, f"sums in {node.out.width} bits", f"at most {FLOAT32_BITS}, or a cast to 8 bits at the end")
        assert node.kernel is not None
        matrix = node.kernel.type.to_float(node.kernel.values.T)
        x = self.flat.tensor(f"{node.name}/x", (1, matrix.shape[1]), "FLOAT32")
        self.flat.operator("DEQUANTIZE", [source.tensor], x, 2, "Dequantize")
        weights = self.flat.tensor(f"{node.name}/kernel", matrix.shape, "FLOAT32", values=matrix)
        values = np.zeros(node.shape) if node.bias is None else node.bias.type.to_float(node.bias.values)
        bias = self.flat.tensor(f"{node.name}/bias", node.shape, "FLOAT32", values=values)
        out = self.flat.tensor(node.name, (1, *node.shape), "FLOAT32")
        self.flat.operator("FULLY_CONNECTED", [x, weights, bias], out, 1, "FullyConnected")
        self.edges[node.name] = _Edge(out, node.out, 0)

    def quantize(self, node: Node) -> None:
        source = self.edges[node.inputs[0]]
        if source.type != node.out:
            raise self.refuse(node, "casts a second time", "one cast behind each weighted layer")
        self.edges[node.name] = source

    def maxpool(self, node: Node) -> None:
        source, s = self.edges[node.inputs[0]], self.flat.schema
        (height, width), (stride_h, stride_w) = _pair(node.params["pool_size"]), _pair(node.params["strides"])
        edge = self.edges[node.name] = self.edge(node, source.type)
        self.flat.operator(
            "MAX_POOL_2D",
            [source.tensor],
            edge.tensor,
            2,
            "Pool2D",
            padding=s.Padding.SAME if node.params["padding"] == "same" else s.Padding.VALID,
            filterHeight=height,
            filterWidth=width,
            strideH=stride_h,
            strideW=stride_w,
        )

    def move(self, node: Node) -> None:
        source = self.edges[node.inputs[0]]
        edge = self.edges[node.name] = self.edge(node, source.type)
        shape = (-1, *_shape(node.shape)[1:])
        wanted = self.flat.tensor(f"{node.name}/shape", (len(shape),), "INT32", values=np.array(shape))
        self.flat.operator("RESHAPE", [source.tensor, wanted], edge.tensor, 1, "Reshape", newShape=list(shape))

    def write(self) -> bytes:
        entry = self.input()
        steps: dict[str, Callable[[Node], None]] = {
            "quantize": self.quantize,
            "maxpool": self.maxpool,
            "flatten": self.move,
            "reshape": self.move,
        }
        steps |= dict.fromkeys(("dense", "conv1d", "conv2d", "depthwise1d", "depthwise2d"), self.weighted)
        for node in self.network.nodes[1:]:
            if node.op not in steps:
                raise self.refuse(node, "is an operation", f"one of {', '.join(steps)}")
            steps[node.op](node)
        return self.flat.content([entry], [self.edges[self.network.output.name].tensor])


def fixed_point_tflite(network: IntegerNetwork) -> bytes:
    """A TFLite file that computes an integer network's own integers.

    Args:
        network: dense, convolution and depthwise layers of up to 8-bit weights, casts of up to 8 bits behind them, max pooling, flattening.

    Raises:
        UnsupportedError: what TFLite cannot hold exactly; names the node.
    """
    return _Writer(network).write()
