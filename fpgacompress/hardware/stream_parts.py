"""FIFOs and line buffers that hls4ml makes in io_stream of a network, or of a row of real results: which there are, and how large."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..integer.network import IntegerNetwork, Node
from ..integer.windows import pads_and_shape
from .kernels import built_as, kernel_values
from .streams import Buffer, Fifo

JOINS = ("add", "concatenate")
"""hls4ml joins two tensors at a time, each pair with a stream behind it."""

POOLS = ("maxpool", "sumpool", "avgpool")


def _beats(shape: tuple[int, ...]) -> int:
    return math.prod(shape[:-1])


def _readers(network: IntegerNetwork, node: Node) -> list[Node]:
    return [reader for reader in network.nodes for name in reader.inputs if name == node.name]


def _flat(network: IntegerNetwork, node: Node) -> bool:
    """A flatten that only dense layers read: the stream goes through it as it is."""
    readers = _readers(network, node)
    return node.op in ("flatten", "reshape") and len(node.shape) == 1 and bool(readers) and all(r.op == "dense" for r in readers)


def _same(network: IntegerNetwork, node: Node) -> bool:
    """A cast to the type that is there, which hls4ml leaves out."""
    out = network.node(node.inputs[0]).out if node.inputs else node.out
    return node.op == "quantize" and node.out.signed and (out.width, out.fraction, out.signed) == (node.out.width, node.out.fraction, True)


def stream_pads(network: IntegerNetwork, node: Node) -> list[tuple[int, int]] | None:
    """Zeros before and after each spatial axis of what a convolution reads, which a layer in front brings; None for other layers, and where there are
    none."""
    if node.kernel is None or "strides" not in node.params:
        return None
    kernel, strides = kernel_values(node, stream=True), node.params["strides"]
    dilation = node.params.get("dilation") or [1] * len(strides)
    reach = [(k - 1) * d + 1 for k, d in zip(node.kernel.values.shape, dilation)]
    pads, _ = pads_and_shape(network.node(node.inputs[0]).shape[:-1], reach, strides, node.params["padding"])
    found = [(before, after + k - r) for (before, after), k, r in zip(pads, kernel.shape, reach)]
    return found if any(b or a for b, a in found) else None


def network_fifos(network: IntegerNetwork) -> tuple[Fifo, ...]:
    """Every FIFO inside the design, in order; input and output are ports. What several layers read is copied, each copy with a FIFO of its own."""
    found = []
    for node in network.nodes:
        source = network.node(node.inputs[0]) if node.inputs else node
        if _same(network, node):
            continue
        if pads := stream_pads(network, node):
            size = math.prod(n + before + after for n, (before, after) in zip(source.shape, pads))
            found.append(Fifo(f"{node.name} zeros", size, source.shape[-1], source.out.width))
        if node.op in JOINS:
            found += [_part(network, node, i) for i in range(1, len(node.inputs) - 1)]
        flat, readers = _flat(network, node), _streams(network, node)
        one = Fifo(node.name, _beats(node.shape), source.shape[-1] if flat else node.shape[-1], node.out.width)
        if node.op != "input" and not flat and node is not network.output:
            found.append(one)
        if readers > 1:
            found += [replace(one, name=f"{node.name} copy {i + 1}") for i in range(readers)]
    return tuple(found)


def _part(network: IntegerNetwork, node: Node, last: int) -> Fifo:
    """The stream behind the first ``last + 1`` inputs joined."""
    shape = list(network.node(node.inputs[0]).shape)
    if node.op == "concatenate":
        axis = int(node.params["axis"])
        shape[axis] = sum(network.node(name).shape[axis] for name in node.inputs[: last + 1])
    return Fifo(f"{node.name} part {last}", _beats(tuple(shape)), shape[-1], node.out.width)


def _streams(network: IntegerNetwork, node: Node) -> int:
    """How many layers read a node; one more where it is the output, too."""
    readers = _readers(network, node)
    return int(node is network.output) + sum(_streams(network, r) if _same(network, r) else 1 for r in readers)


def network_buffers(network: IntegerNetwork) -> tuple[Buffer, ...]:
    """Line buffers and windows of convolutions and pooling, in order."""
    found = []
    for node in network.nodes:
        source = network.node(node.inputs[0]) if node.inputs else node
        channels, bits = source.shape[-1], source.out.width
        if node.op in POOLS:
            window = [1, *node.params["pool_size"]][-2:]
            pads, _ = pads_and_shape(source.shape[:-1], node.params["pool_size"], node.params["strides"], node.params["padding"])
            theirs = node.op == "maxpool" and list(node.params["pool_size"]) == list(node.params["strides"])
            shifts = theirs and not any(b or a for b, a in pads)
            found.append(Buffer(node.name, source.shape[-2] + sum(pads[-1]), channels, bits, window[0], window[1], shifts))
        elif node.kernel is not None and built_as(node).startswith(("conv", "depthwise")) and "strides" in node.params:
            kernel = kernel_values(node, stream=True)
            window = [1, *kernel.shape[: len(node.params["strides"])]][-2:]
            pads = stream_pads(network, node) or [(0, 0)]
            found.append(Buffer(node.name, source.shape[-2] + sum(pads[-1]), channels, bits, window[0], window[1]))
    return tuple(found)


def _whole(layer: dict[str, Any], *names: str) -> int:
    """The first of the numbers that is there; 0 without any."""
    return next((int(float(layer[n])) for n in names if layer.get(n) not in (None, "")), 0)


def _bits(layer: dict[str, Any], *names: str) -> int:
    return next((int(layer[n][0]) for n in names if layer.get(n)), 0)


def row_fifos(layers: list[dict[str, Any]]) -> tuple[Fifo, ...] | None:
    """FIFOs of a row of a table of designs (its ``layers_json``): one behind each layer but the last; None where a shape or type is not told."""
    found, word = [], (0, 0)
    for i, layer in enumerate(layers[:-1]):
        kind = layer["type"]
        places = max(_whole(layer, "out_width", "n_out"), 0) * max(_whole(layer, "out_height"), 1)
        if kind == "dense":
            word = (1, _whole(layer, "n_out"))
        elif kind.startswith("global_pooling"):
            word = (1, _whole(layer, "n_filt"))
        elif kind.startswith(("conv", "zeropad", "pooling")):
            word = (places, _whole(layer, "n_filt", "n_chan"))
        elif not word[0]:
            word = (1, _whole(layer, "n_in"))
        bits = _bits(layer, "y", "acc")
        if min(*word, bits) < 1 or kind == "copy_data" or kind.endswith("_stack"):
            return None
        found.append(Fifo(f"{i + 1} {kind}", *word, bits))
    return tuple(found)


def row_buffers(layers: list[dict[str, Any]]) -> tuple[Buffer, ...]:
    """Line buffers and windows of a row's convolutions and pooling, where it tells their sizes."""
    found = []
    for i, layer in enumerate(layers):
        if layer["type"].startswith(("conv", "pooling")):
            pool = layer["type"].startswith("pooling")
            channels = _whole(layer, "n_chan", "n_filt") if not pool else _whole(layer, "n_filt", "n_chan")
            window = [_whole(layer, *names) or 1 for names in (("filt_height", "pool_height"), ("filt_width", "pool_width"))]
            words, bits, places = _whole(layer, "in_width", "n_in"), _bits(layer, "x"), _whole(layer, "out_width", "n_out") if pool else 0
            if min(channels, words, bits, *window) > 0:
                found.append(Buffer(f"{i + 1} {layer['type']}", words, channels, bits, window[0], window[1], places=max(places, 0)))
    return tuple(found)
