"""Integer networks with random weights."""

from __future__ import annotations

import numpy as np

from fpgacompress.integer.network import IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import FixedType


def mlp(
    sizes: tuple[int, ...], weight_bits: tuple[int, ...], zeros: float, x_bits: int = 8, relu_bits: int = 6, seed: int = 0
) -> IntegerNetwork:
    """Dense layers with ReLU between them, uniform weights and exact accumulators."""
    random = np.random.default_rng(seed)
    nodes = [Node("x", "input", (), FixedType(x_bits, 0, False), (sizes[0],))]
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        width, last = weight_bits[i], nodes[-1]
        top = 2 ** (width - 1)
        kernel = random.integers(-top + 1, top, (n_in, n_out))
        kernel[random.random((n_in, n_out)) < zeros] = 0
        kernel[0] = 1
        reach = int(np.abs(kernel).sum(0).max()) * last.out.high
        type = FixedType(width, 1)
        out = FixedType.holding(-reach, reach, last.out.fraction + type.fraction)
        bias = Tensor(random.integers(-top, top, n_out), type)
        nodes.append(Node(f"fc{i + 1}", "dense", (last.name,), out, (n_out,), Tensor(kernel, type), bias))
        if i < len(sizes) - 2:
            nodes.append(Node(f"relu{i + 1}", "quantize", (f"fc{i + 1}",), FixedType(relu_bits, 2, False, "RND_CONV", "SAT"), (n_out,)))
    return IntegerNetwork("mlp", tuple(nodes))


def cnn() -> IntegerNetwork:
    """8 x 8 x 1 image, one 3 x 3 convolution with four filters, one dense layer."""
    random = np.random.default_rng(1)
    w = FixedType(4, 1)
    return IntegerNetwork(
        "cnn",
        (
            Node("x", "input", (), FixedType(8, 0, False), (8, 8, 1)),
            Node(
                "conv",
                "conv2d",
                ("x",),
                FixedType(16, 5),
                (6, 6, 4),
                Tensor(random.integers(-7, 8, (3, 3, 1, 4)), w),
                None,
                {"strides": [1, 1], "padding": "valid"},
            ),
            Node("relu", "quantize", ("conv",), FixedType(4, 1, False, "RND_CONV", "SAT"), (6, 6, 4)),
            Node("flat", "flatten", ("relu",), FixedType(4, 1, False), (144,)),
            Node("out", "dense", ("flat",), FixedType(16, 8), (3,), Tensor(random.integers(-7, 8, (144, 3)), w)),
        ),
    )
