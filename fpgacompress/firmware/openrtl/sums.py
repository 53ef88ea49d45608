"""Sums in accumulators narrower than the exact sum, written as exact sums and casts, which is what becomes hardware (numpy only).

Three ways, the cheapest that is equal on every input: one exact sum that is wrapped at its end, where products lose no bits; products cast one
by one and added exactly, where nothing saturates on the way; one addition after the other with a cast behind each, where something may.
"""

from __future__ import annotations

import numpy as np

from ...integer.network import IntegerNetwork, Node, Tensor
from ...integer.operations import Edge
from ...integer.operations.weighted import DEPTHWISE, holds_exactly
from ...integer.types import FixedType
from ...lower.builder import Builder
from .constants import trimmed


def explicit_sums(network: IntegerNetwork, chain: bool = False) -> IntegerNetwork:
    """The same network without narrow accumulators, but for depthwise convolutions, and those that may saturate while they are summed.

    Args:
        network: any.
        chain: one layer behind the other, as a stream needs it: all different products are one layer, their sums the next. Else dense layers
            become products of each input and a tree of sums, which is traced a hundred times faster.

    Returns:
        A network with the same output for every input, bit for bit. Sums that cannot be written anew stay as they are.
    """
    net, names = Builder(network.name), dict[str, str]()
    for node in network.nodes:
        sources = [names[name] for name in node.inputs]
        narrow = node.kernel is not None and not holds_exactly(node, Edge(net[sources[0]].out, net.range(sources[0])))
        found = _Sum(node, sources[0], net).written(chain) if narrow else None
        names[node.name] = found or _copied(node, sources, net)
    return net.network(names[network.output.name])


def _copied(node: Node, sources: list[str], net: Builder) -> str:
    return net._add(node.name, node.op, sources, node.out, node.shape, kernel=node.kernel, bias=node.bias, params=node.params)


class _Sum:
    """One narrow sum being written: the node, where its inputs come from, and the network that gets it."""

    def __init__(self, node: Node, source: str, net: Builder) -> None:
        assert node.kernel is not None
        self.node, self.source, self.net, self.kernel = node, source, net, node.kernel
        self.bias = node.bias
        if node.bias is not None and node.op != "scale":
            held = trimmed(node.out.cast(node.bias.values, node.bias.type.fraction), node.out.fraction)
            self.bias = held if held.nonzeros else None

    def written(self, chain: bool) -> str | None:
        """The node that is the sum; None for a sum that is not written anew."""
        node, out = self.node, self.node.out
        lossless = out.fraction >= self.net[self.source].out.fraction + self.kernel.type.fraction
        if node.op == "scale" or (out.overflow == "WRAP" and lossless) or not self.kernel.nonzeros:
            total = self.net.weighted(f"{node.name}_sum", node.op, self.source, node.shape, self.kernel, self.bias, node.params)
            return self.fitted(node.name, total)
        if node.op in DEPTHWISE:
            return None
        safe = out.overflow == "WRAP" or self.largest() <= min(out.high, -out.low if out.signed else out.high)
        if chain or node.op != "dense":
            return self.layers() if safe else None
        products = self.products()
        if safe:
            return self.fitted(node.name, self.biased(self.tree(products)))
        total = self.fitted(f"{node.name}_1", self.biased(products[0]))
        for i, product in enumerate(products[1:], 2):
            total = self.fitted(f"{node.name}_{i}", self.net.add(f"{node.name}_add", [total, product]))
        return total

    def largest(self) -> int:
        """A magnitude that no partial sum passes, in the accumulator's least bits; products are rounded away from 0 here."""
        out, kind, matrix = self.node.out, self.net[self.source].out, np.abs(self.kernel.values).astype(object)  # Python's integers
        inputs = self.net.range(self.source).magnitude.reshape(-1, matrix.shape[-2]).max(axis=0)[:, None]
        lost = kind.fraction + self.kernel.type.fraction - out.fraction
        products = -(-inputs * matrix >> lost) if lost > 0 else inputs * matrix << -lost
        bias = 0 if self.bias is None else np.abs(self.bias.values).astype(object) << (out.fraction - self.bias.type.fraction)
        return int(np.max(products.reshape(-1, matrix.shape[-1]).sum(axis=0) + bias))

    def layers(self) -> str:
        """A layer of all different products of an input with a weight, a cast, and a layer of their sums."""
        node, kernel = self.node, self.kernel.values
        matrix = kernel.reshape(-1, kernel.shape[-1])
        terms, outputs = np.nonzero(matrix)
        pairs, place = np.unique(np.stack([terms, matrix[terms, outputs]]), axis=1, return_inverse=True)
        products, sums = np.zeros((len(matrix), pairs.shape[1]), np.int64), np.zeros((pairs.shape[1], kernel.shape[-1]), np.int64)
        products[pairs[0], np.arange(pairs.shape[1])] = pairs[1]
        sums[place.ravel(), outputs] = 1
        first = Tensor(products.reshape(*kernel.shape[:-1], -1), self.kernel.type)
        made = self.net.weighted(f"{node.name}_products", node.op, self.source, (*node.shape[:-1], len(sums)), first, None, node.params)
        fitted, spatial = self.fitted(f"{node.name}_cast", made), kernel.ndim - 2
        second = Tensor(sums.reshape(*[1] * spatial, *sums.shape), FixedType(1, 1, False))
        params = {"strides": [1] * spatial, "padding": "valid"} if spatial else {}
        return self.fitted(node.name, self.net.weighted(f"{node.name}_sum", node.op, fitted, node.shape, second, self.bias, params))

    def fitted(self, name: str, source: str) -> str:
        """The values in the accumulator's type: a cast where one of them changes."""
        out, kind, (low, high) = self.node.out, self.net[source].out, self.net.range(source).bounds
        up = out.fraction - kind.fraction
        if up >= 0 and low << up >= out.low and high << up <= out.high:
            return source
        return self.net.quantize(name, source, out)

    def products(self) -> list[str]:
        """Products of each input with all its weights, in the accumulator's type; inputs without weights are left out."""
        node, found = self.node, []
        for i in np.flatnonzero(self.kernel.values.any(axis=1)).tolist():
            values = np.zeros_like(self.kernel.values)
            values[i] = self.kernel.values[i]
            kernel = Tensor(values, self.kernel.type)
            product = self.net.weighted(f"{node.name}_times{i}", "dense", self.source, node.shape, kernel, None)
            found.append(self.fitted(f"{node.name}_product{i}", product))
        return found

    def tree(self, products: list[str]) -> str:
        """The exact sum, in pairs."""
        while len(products) > 1:
            pairs = [products[i : i + 2] for i in range(0, len(products), 2)]
            products = [self.net.add(f"{self.node.name}_add", pair) if len(pair) == 2 else pair[0] for pair in pairs]
        return products[0]

    def biased(self, source: str) -> str:
        """The values plus the bias, exactly."""
        if self.bias is None:
            return source
        ones = Tensor(np.ones(self.node.shape[-1], np.int64), FixedType(1, 1, False))
        return self.net.weighted(f"{self.node.name}_biased", "scale", source, self.node.shape, ones, self.bias)
