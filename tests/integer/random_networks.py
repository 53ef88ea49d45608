"""Random networks over all operations, with exact types from interval analysis and, if wanted, narrowed accumulators."""

from __future__ import annotations

from typing import Any

import numpy as np

from fpgacompress.integer import FixedType, IntegerNetwork, Node
from fpgacompress.integer.intervals import Range, exact_type, propagate, sum_fraction
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS
from fpgacompress.integer.windows import pads_and_shape

from .networks import tensor


class Growing:
    """A network that grows by random operations.

    Args:
        rng: source of all choices.
        narrow: chance that an accumulator is narrower than the exact sum.
        zeros: share of weights that are zero.
    """

    def __init__(self, rng: np.random.Generator, narrow: float = 0.0, zeros: float = 0.3) -> None:
        self.rng, self.narrow, self.zeros = rng, narrow, zeros
        self.nodes: dict[str, Node] = {}
        self.ranges: dict[str, Range] = {}

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def put(self, op: str, inputs: list[str], shape: tuple[int, ...], fraction: int, out: FixedType | None = None, **rest: Any) -> str:
        """Append a node; its type is ``out`` or the smallest exact one."""
        name = f"{op}_{len(self.nodes)}"
        sources, types = [self.ranges[i] for i in inputs], [self.nodes[i].out for i in inputs]
        if out is None:
            draft = Node(name, op, tuple(inputs), FixedType(62, 62 - fraction), shape, **rest)
            out = exact_type(propagate(draft, sources, types), fraction)
        node = Node(name, op, tuple(inputs), out, shape, **rest)
        self.nodes[name], self.ranges[name] = node, propagate(node, sources, types)
        return name

    def modes(self) -> tuple[str, str]:
        return self.pick(*ROUNDINGS), self.pick(*OVERFLOWS)

    def begin(self) -> str:
        shape = self.pick((6,), (7, 2), (5, 4, 2))
        out = FixedType(int(self.rng.integers(2, 9)), int(self.rng.integers(-1, 5)), bool(self.rng.integers(2)))
        self.nodes["x"] = Node("x", "input", (), out, shape)
        self.ranges["x"] = Range.of_type(out, shape)
        return "x"

    def weighted(self, at: str) -> str:
        source, rng = self.nodes[at], self.rng
        *size, c = source.shape
        outputs = int(rng.integers(1, 4))
        kind = FixedType(int(rng.integers(2, 6)), int(rng.integers(-2, 3)))
        params: dict[str, Any] = {}
        ops = ["dense", "scale"] + ([f"conv{len(size)}d", f"depthwise{len(size)}d"] if size else [])
        op = self.pick(*ops)
        if op == "scale":
            shape, kernel = source.shape, tensor(rng, (c,), kind, self.zeros)
        elif op == "dense":
            shape, kernel = (*size, outputs), tensor(rng, (c, outputs), kind, self.zeros)
        else:
            window = [int(rng.integers(1, min(n, 3) + 1)) for n in size]
            params = {"strides": [int(rng.integers(1, 3))] * len(size), "padding": self.pick("valid", "same")}
            if len(size) == 1 and op == "conv1d" and rng.random() < 0.3:
                params["padding"] = "causal"
            if rng.random() < 0.3 and all(k <= 2 for k in window):
                params |= {"strides": [1] * len(size), "dilation": [2] * len(size)}
                window = [min(k, (n + 1) // 2) for k, n in zip(window, size)]
            _, spatial = pads_and_shape(size, window, params["strides"], params["padding"], params.get("dilation"))
            kernel = tensor(rng, (*window, c, outputs), kind, self.zeros)
            shape = (*spatial, c * outputs if op.startswith("depthwise") else outputs)
        bias = tensor(rng, (shape[-1],), FixedType(5, int(rng.integers(-2, 3))), 0.0) if rng.random() < 0.7 else None
        fraction = sum_fraction(source.out, kernel, bias)
        name = self.put(op, [at], shape, fraction, kernel=kernel, bias=bias, params=params)
        if rng.random() < self.narrow:
            exact = self.nodes.pop(name).out
            width = int(rng.integers(2, max(exact.width, 2) + 1))
            integer = exact.integer - int(rng.integers(0, 4)) + int(rng.integers(0, 2))
            name = self.put(
                op, [at], shape, 0, FixedType(width, integer, exact.signed, *self.modes()), kernel=kernel, bias=bias, params=params
            )
        return name

    def quantize_each(self, at: str) -> str:
        """Bits per element or per channel, in a type that holds them all, some of them none."""
        rng, shape = self.rng, self.nodes[at].shape
        shape_of_bits = shape if rng.random() < 0.5 else shape[-1:]
        bits, integer = rng.integers(0, 8, shape_of_bits), rng.integers(-2, 5, shape_of_bits)
        whole, fraction = int(integer.max()), max(int((bits - integer).max()), 1 - int(integer.max()))
        out = FixedType(whole + fraction, whole, bool(rng.integers(2)), "TRN", "SAT")
        return self.put("quantize_each", [at], self.nodes[at].shape, 0, out, params={"bits": bits.tolist(), "integer": integer.tolist()})

    def quantize(self, at: str) -> str:
        if self.rng.random() < 0.2:
            return self.quantize_each(at)
        out = FixedType(int(self.rng.integers(2, 8)), int(self.rng.integers(-2, 5)), bool(self.rng.integers(2)), *self.modes())
        return self.put("quantize", [at], self.nodes[at].shape, 0, out)

    def single(self, at: str) -> str:
        source, rng = self.nodes[at], self.rng
        low, high = self.ranges[at].bounds
        op = self.pick("clip", "leaky_relu", "shift", "threshold")
        if op == "clip":
            a, b = sorted(int(v) for v in rng.integers(low, high + 1, 2))
            return self.put(op, [at], source.shape, source.out.fraction, params={"low": a, "high": b})
        if op == "leaky_relu":
            shift = int(rng.integers(1, 4))
            return self.put(op, [at], source.shape, source.out.fraction + shift, params={"shift": shift})
        if op == "shift":
            shift = int(rng.integers(-3, 4))
            return self.put(op, [at], source.shape, source.out.fraction - shift, params={"shift": shift})
        count = int(rng.integers(1, 4))
        thresholds = sorted({int(v) for v in rng.integers(low, high + 2, count)})
        steps = [int(v) for v in rng.integers(-3, 4, len(thresholds) + 1)]
        return self.put(op, [at], source.shape, int(rng.integers(-1, 3)), params={"thresholds": thresholds, "values": steps})

    def move(self, at: str) -> str:
        source, rng = self.nodes[at], self.rng
        *size, c = source.shape
        if not size:
            return self.put("reshape", [at], (int(np.prod(source.shape)), 1), source.out.fraction)
        op = self.pick("flatten", "permute", "zeropad", "upsample", "maxpool", "sumpool", "avgpool")
        if op == "flatten":
            return self.put(op, [at], (int(np.prod(source.shape)),), source.out.fraction)
        if op == "permute":
            axes = [int(a) for a in rng.permutation(len(source.shape))]
            return self.put(op, [at], tuple(source.shape[a] for a in axes), source.out.fraction, params={"axes": axes})
        if op == "zeropad":
            pads = [[int(rng.integers(0, 2)), int(rng.integers(0, 3))] for _ in size]
            shape = (*(n + a + b for n, (a, b) in zip(size, pads)), c)
            return self.put(op, [at], shape, source.out.fraction, params={"pads": pads})
        if op == "upsample":
            if int(np.prod(source.shape)) > 60:
                return at
            by = [int(rng.integers(1, 3)) for _ in size]
            return self.put(op, [at], (*(n * s for n, s in zip(size, by)), c), source.out.fraction, params={"size": by})
        window = [int(rng.integers(1, min(n, 3) + 1)) for n in size]
        params = {"pool_size": window, "strides": [int(rng.integers(1, 3)) for _ in size], "padding": self.pick("valid", "same")}
        _, spatial = pads_and_shape(size, window, params["strides"], params["padding"])
        out = FixedType(int(rng.integers(2, 8)), int(rng.integers(0, 4)), bool(rng.integers(2)), *self.modes()) if op == "avgpool" else None
        return self.put(op, [at], (*spatial, c), source.out.fraction, out, params=params)

    def merge(self, at: str) -> str:
        """A second branch from the same place, joined again."""
        source = self.nodes[at]
        other = self.quantize(at)
        inputs = [at, other, self.quantize(at)] if self.rng.random() < 0.3 else [at, other]
        fraction = max(self.nodes[i].out.fraction for i in inputs)
        if self.rng.random() < 0.5:
            return self.put("add", inputs, source.shape, fraction)
        axis = int(self.rng.integers(len(source.shape)))
        shape = tuple(n * len(inputs) if a == axis else n for a, n in enumerate(source.shape))
        return self.put("concatenate", inputs, shape, fraction, params={"axis": axis})

    def grow(self, at: str, steps: int) -> str:
        for _ in range(steps):
            wide = self.nodes[at].out.width > 20 or int(np.prod(self.nodes[at].shape)) > 120
            at = self.quantize(at) if wide else self.pick(self.weighted, self.quantize, self.single, self.move, self.merge)(at)
        return at


def random_network(seed: int, steps: int, narrow: float = 0.0, zeros: float = 0.3) -> IntegerNetwork:
    """A network of about ``steps`` operations; the same for the same arguments."""
    growing = Growing(np.random.default_rng(seed), narrow, zeros)
    at = growing.grow(growing.begin(), steps)
    if at == "x":
        at = growing.quantize(at)
    nodes = list(growing.nodes.values())
    return IntegerNetwork(f"random{seed}", (*(n for n in nodes if n.name != at), growing.nodes[at]))
