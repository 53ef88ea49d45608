"""Random integer networks for the tests."""

from __future__ import annotations

import numpy as np

from fpgacompress.integer import FixedType, IntegerNetwork, Tensor
from fpgacompress.lower.builder import Builder


def tensor(rng: np.random.Generator, shape: tuple[int, ...], kind: FixedType, zeros: float = 0.3) -> Tensor:
    values = rng.integers(kind.low, kind.high + 1, shape)
    values[rng.random(shape) < zeros] = 0
    return Tensor(values.astype(np.int64), kind)


def mlp(rng: np.random.Generator, widths: list[int], kind: FixedType, rounding: str = "RND_CONV", overflow: str = "SAT") -> IntegerNetwork:
    net = Builder("mlp")
    at = net.input("x", kind, (widths[0],))
    for i, (n, m) in enumerate(zip(widths, widths[1:])):
        bits, place = int(rng.integers(2, 9)), int(rng.integers(-3, 3))
        bias = tensor(rng, (m,), FixedType(6, int(rng.integers(-2, 4))), 0.0) if rng.random() < 0.8 else None
        at = net.weighted(f"fc{i}", "dense", at, (m,), tensor(rng, (n, m), FixedType(bits, place)), bias)
        signed = bool(rng.random() < 0.3)
        at = net.quantize(f"act{i}", at, FixedType(int(rng.integers(2, 9)), int(rng.integers(-1, 5)), signed, rounding, overflow))
    return net.network()


def cnn(rng: np.random.Generator, size: int = 9, padding: str = "same") -> IntegerNetwork:
    """conv2d, residual add, max pooling, dense."""
    net = Builder("cnn")
    act = FixedType(5, 2, False, "RND_CONV", "SAT")
    at = net.input("x", FixedType(6, 1), (size, size, 2))
    at = net.weighted(
        "c1", "conv2d", at, (size, size, 3), tensor(rng, (3, 3, 2, 3), FixedType(4, 1)), None, {"strides": [1, 1], "padding": "same"}
    )
    left = net.quantize("r1", at, act)
    at = net.weighted(
        "c2", "conv2d", left, (size, size, 3), tensor(rng, (3, 3, 3, 3), FixedType(4, 0)), None, {"strides": [1, 1], "padding": "same"}
    )
    at = net.add("sum", [left, at])
    at = net.quantize("r2", at, act)
    out = -(-size // 2) if padding == "same" else (size - 2) // 2 + 1
    pool = {"pool_size": [2, 2], "strides": [2, 2], "padding": padding}
    at = net.same_type("p", "maxpool", at, (out, out, 3), pool)
    at = net.same_type("f", "flatten", at, (out * out * 3,))
    net.weighted("fc", "dense", at, (4,), tensor(rng, (out * out * 3, 4), FixedType(5, 1)), tensor(rng, (4,), FixedType(5, 1)))
    return net.network()


def samples(rng: np.random.Generator, network: IntegerNetwork, count: int) -> np.ndarray:
    """Random inputs over the whole input type, the corners among them."""
    kind = network.input.out
    stored = rng.integers(kind.low, kind.high + 1, (count, *network.input.shape))
    stored[0], stored[1] = kind.low, kind.high
    return stored
