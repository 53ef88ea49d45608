"""How many bits the values of an edge have, channel by channel (numpy only)."""

from __future__ import annotations

import numpy as np

from .network import IntegerNetwork

_MOVES = ("flatten", "reshape")


def channel_bits(network: IntegerNetwork, name: str) -> np.ndarray:
    """Bits of a node's result per channel of the last axis, int64, ``(channels,)``.

    They are those of the type, but for results of ``quantize_each`` (also behind flatten and reshape), whose channels have widths of their own:
    the largest over all positions, 0 for a channel that is always 0.
    """
    node = source = network.node(name)
    while source.op in _MOVES:
        source = network.node(source.inputs[0])
    if source.op != "quantize_each":
        return np.full(node.shape[-1], node.out.width, np.int64)
    bits = np.broadcast_to(np.asarray(source.params["bits"], np.int64), source.shape)
    return bits.reshape(-1, node.shape[-1]).max(axis=0)
