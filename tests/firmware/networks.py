"""Integer networks of any operation, written by hand: shapes and the smallest exact types are worked out here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from integer.networks import tensor

from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.intervals import exact_type, propagate, sum_fraction
from fpgacompress.integer.windows import pads_and_shape

WEIGHTS = FixedType(4, 1)
KEEPS_TYPE = ("flatten", "reshape", "permute", "zeropad", "upsample", "maxpool")


class Net:
    """A network under construction; :meth:`add` returns the new node's name. ``at`` is the last one."""

    def __init__(self, kind: FixedType, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: dict[str, Node] = {}
        self.ranges: dict[str, Any] = {}
        self._put(Node("x", "input", (), kind, shape))

    def _put(self, node: Node) -> str:
        types = [self.nodes[i].out for i in node.inputs]
        self.ranges[node.name] = propagate(node, [self.ranges[i] for i in node.inputs], types)
        self.nodes[node.name] = node
        self.at = node.name
        return node.name

    def _exact(self, node: Node, fraction: int) -> FixedType:
        draft = replace(node, out=FixedType(62, 62 - fraction))
        return exact_type(propagate(draft, [self.ranges[i] for i in node.inputs], [self.nodes[i].out for i in node.inputs]), fraction)

    def _shape(self, op: str, sources: list[Node], kernel: Tensor | None, p: dict[str, Any]) -> tuple[int, ...]:
        shape = sources[0].shape
        if op == "dense":
            return (*shape[:-1], kernel.values.shape[-1])
        if op.startswith(("conv", "depthwise")):
            n = len(shape) - 1
            reach = [(k - 1) * d + 1 for k, d in zip(kernel.values.shape, p.get("dilation", [1] * n))]
            outputs = kernel.values.shape[-1] * (shape[-1] if op.startswith("depthwise") else 1)
            return (*pads_and_shape(shape[:-1], reach, p["strides"], p["padding"])[1], outputs)
        if op.endswith("pool"):
            return (*pads_and_shape(shape[:-1], p["pool_size"], p["strides"], p["padding"])[1], shape[-1])
        if op == "flatten":
            return (int(np.prod(shape)),)
        if op == "permute":
            return tuple(shape[a] for a in p["axes"])
        if op == "zeropad":
            return (*(n + sum(pad) for n, pad in zip(shape, p["pads"])), shape[-1])
        if op == "upsample":
            return (*(n * s for n, s in zip(shape, p["size"])), shape[-1])
        if op == "concatenate":
            axis = p["axis"]
            return (*shape[:axis], sum(s.shape[axis] for s in sources), *shape[axis + 1 :])
        return shape

    def add(
        self,
        op: str,
        *inputs: str,
        name: str = "",
        out: FixedType | None = None,
        kernel: Tensor | None = None,
        bias: Tensor | None = None,
        shape: tuple[int, ...] | None = None,
        **params: Any,
    ) -> str:
        inputs = inputs or (self.at,)
        sources = [self.nodes[i] for i in inputs]
        found = shape or self._shape(op, sources, kernel, params)
        first = sources[0].out
        node = Node(name or f"{op}_{len(self.nodes)}", op, inputs, first, found, kernel, bias, params)
        if out is None and op not in KEEPS_TYPE:
            if op == "shift":
                out = FixedType(first.width, first.integer + params["shift"], first.signed)
            else:
                fraction = max(s.out.fraction for s in sources)
                fraction += params.get("shift", 0)
                out = self._exact(node, fraction if kernel is None else sum_fraction(first, kernel, bias))
        return self._put(replace(node, out=out or first))

    def weighted(self, op: str, shape: tuple[int, ...], *inputs: str, kind: FixedType = WEIGHTS, biased: bool = True, **more: Any) -> str:
        """A layer with random weights, a third of them zero."""
        outputs = self.nodes[(inputs or (self.at,))[0]].shape[-1] * shape[-1] if op.startswith("depthwise") else shape[-1]
        bias = tensor(self.rng, (outputs,), FixedType(6, 2), 0.0) if biased else None
        return self.add(op, *inputs, kernel=tensor(self.rng, shape, kind), bias=bias, **more)

    def conv(
        self, op: str, window: tuple[int, ...], outputs: int, *inputs: str, strides: Any = None, padding: str = "valid", **more: Any
    ) -> str:
        """A convolution; ``outputs`` is the depth multiplier of a depthwise one."""
        channels = self.nodes[(inputs or (self.at,))[0]].shape[-1]
        return self.weighted(op, (*window, channels, outputs), *inputs, strides=strides or [1] * len(window), padding=padding, **more)

    def pool(self, op: str, size: list[int], strides: list[int] | None = None, padding: str = "valid", **more: Any) -> str:
        return self.add(op, pool_size=size, strides=strides or size, padding=padding, **more)

    def quantize(self, text: str, *inputs: str) -> str:
        return self.add("quantize", *inputs, out=FixedType.parse(text))

    def network(self) -> IntegerNetwork:
        return IntegerNetwork("net", tuple(self.nodes.values()))
