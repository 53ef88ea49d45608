"""Every operation in Python integers, fractions and loops: slow and obvious, the reference for the fast one."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from fpgacompress.integer import FixedType, IntegerNetwork, Node


def values(stored: np.ndarray, type: FixedType) -> np.ndarray:
    """Stored integers as exact fractions."""
    least = Fraction(2) ** -type.fraction
    return np.vectorize(lambda n: int(n) * least, otypes=[object])(stored) if stored.size else stored.astype(object)


def cast(value: Fraction, type: FixedType) -> Fraction:
    """Assignment to an ap_fixed of this type."""
    scaled = value * Fraction(2) ** type.fraction
    floor = scaled.numerator // scaled.denominator
    rest = scaled - floor
    if type.rounding == "RND" and rest >= Fraction(1, 2):
        floor += 1
    if type.rounding == "RND_CONV" and (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2)):
        floor += 1
    if type.overflow == "WRAP":
        floor = (floor - type.low) % 2**type.width + type.low
    else:
        floor = min(max(floor, type.low), type.high)
    return floor * Fraction(2) ** -type.fraction


def pads(size, window, strides, padding, dilation):
    found = []
    for n, k, s, d in zip(size, window, strides, dilation):
        span = (k - 1) * d + 1
        if padding == "same":
            total = max((-(-n // s) - 1) * s + span - n, 0)
            found.append((total // 2, total - total // 2))
        else:
            found.append((span - 1 if padding == "causal" else 0, 0))
    return found


def window_at(x: np.ndarray, position, window, node: Node):
    """(offset in the window, element of one sample or None for padding) pairs."""
    strides, dilation = node.params["strides"], node.params.get("dilation", [1] * len(window))
    before = [b for b, _ in pads(x.shape[:-1], window, strides, node.params["padding"], dilation)]
    for offset in product(*(range(k) for k in window)):
        place = tuple(p * s + o * d - b for p, s, o, d, b in zip(position, strides, offset, dilation, before))
        inside = all(0 <= i < n for i, n in zip(place, x.shape[:-1]))
        yield offset, (x[place] if inside else None)


def summed(start: Fraction, terms, node: Node) -> Fraction:
    """The accumulator of type ``node.out``, term by term."""
    total = cast(start, node.out)
    for a, w in terms:
        total = cast(total + cast(a * w, node.out), node.out)
    return total


def weighted(node: Node, x: np.ndarray) -> np.ndarray:
    """One sample."""
    kernel = values(node.kernel.values, node.kernel.type)
    bias = values(node.bias.values, node.bias.type) if node.bias is not None else np.full(node.shape[-1], Fraction(0), object)
    y = np.empty(node.shape, object)
    for place in np.ndindex(*node.shape):
        *position, o = place
        if node.op == "scale":
            y[place] = cast(x[place] * kernel[o] + bias[o], node.out)
            continue
        if node.op == "dense":
            terms = [(x[(*position, i)], kernel[i, o]) for i in range(kernel.shape[0])]
        elif node.op.startswith("depthwise"):
            c, m = divmod(o, kernel.shape[-1])
            found = window_at(x, position, kernel.shape[:-2], node)
            terms = [(Fraction(0) if e is None else e[c], kernel[(*offset, c, m)]) for offset, e in found]
        else:
            found = window_at(x, position, kernel.shape[:-2], node)
            terms = [(Fraction(0) if e is None else e[c], kernel[(*offset, c, o)]) for offset, e in found for c in range(kernel.shape[-2])]
        y[place] = summed(bias[o], terms, node)
    return y


def pooled(node: Node, x: np.ndarray) -> np.ndarray:
    y = np.empty(node.shape, object)
    for place in np.ndindex(*node.shape):
        *position, c = place
        found = [e[c] for _, e in window_at(x, position, node.params["pool_size"], node) if e is not None]
        if node.op == "maxpool":
            y[place] = max(found)
        else:
            y[place] = sum(found) if node.op == "sumpool" else cast(sum(found) / Fraction(len(found)), node.out)
    return y


def single(node: Node, x: np.ndarray, source: FixedType) -> np.ndarray:
    """Operations on one value."""
    least = Fraction(2) ** -node.out.fraction
    p = node.params

    def one(v: Fraction) -> Fraction:
        if node.op == "quantize":
            return cast(v, node.out)
        if node.op == "clip":
            return min(max(v, p["low"] * least), p["high"] * least)
        if node.op == "leaky_relu":
            return v if v >= 0 else v / 2 ** p["shift"]
        if node.op == "shift":
            return v * Fraction(2) ** p["shift"]
        stored = v * Fraction(2) ** source.fraction
        return p["values"][sum(t <= stored for t in p["thresholds"])] * least

    return np.vectorize(one, otypes=[object])(x)


def cast_each(node: Node, x: np.ndarray) -> np.ndarray:
    bits, integer = (np.broadcast_to(np.asarray(node.params[k]), x.shape) for k in ("bits", "integer"))
    y = np.full(x.shape, Fraction(0), object)
    for place in np.ndindex(*x.shape):
        if bits[place]:
            kind = FixedType(int(bits[place]), int(integer[place]), node.out.signed, "TRN", "SAT")
            y[place] = cast(x[place], kind)
    return y


def moved(node: Node, x: np.ndarray) -> np.ndarray:
    if node.op == "permute":
        return x.transpose(node.params["axes"])
    if node.op == "zeropad":
        return np.pad(x, (*map(tuple, node.params["pads"]), (0, 0)), constant_values=Fraction(0))
    if node.op == "upsample":
        y = np.empty(node.shape, object)
        for place in np.ndindex(*node.shape):
            y[place] = x[(*(p // s for p, s in zip(place, node.params["size"])), place[-1])]
        return y
    return x.reshape(node.shape)


def sample(network: IntegerNetwork, stored: np.ndarray) -> dict[str, np.ndarray]:
    """All results for one sample, as fractions."""
    found: dict[str, np.ndarray] = {}
    for node in network.nodes:
        xs = [found[i] for i in node.inputs]
        if node.op == "input":
            y = values(stored, node.out)
        elif node.kernel is not None:
            y = weighted(node, xs[0])
        elif node.op.endswith("pool"):
            y = pooled(node, xs[0])
        elif node.op == "quantize_each":
            y = cast_each(node, xs[0])
        elif node.op in ("quantize", "clip", "leaky_relu", "shift", "threshold"):
            y = single(node, xs[0], network.node(node.inputs[0]).out)
        elif node.op == "add":
            y = sum(xs[1:], xs[0])
        elif node.op == "concatenate":
            y = np.concatenate(xs, axis=node.params["axis"])
        else:
            y = moved(node, xs[0])
        found[node.name] = y
    return found


def trace(network: IntegerNetwork, stored: np.ndarray) -> dict[str, np.ndarray]:
    """All results as stored integers (n, *shape), int64."""
    rows = [sample(network, x) for x in stored]
    found = {}
    for node in network.nodes:
        up = Fraction(2) ** node.out.fraction
        exact = [[v * up for v in row[node.name].reshape(-1)] for row in rows]
        assert all(v.denominator == 1 for row in exact for v in row), f"{node.name} is not on the grid of {node.out}"
        found[node.name] = np.array([[int(v) for v in row] for row in exact], np.int64).reshape(len(rows), *node.shape)
    return found
