"""Operations that move values and change none, and ``shift``, which moves the binary point."""

from __future__ import annotations

import numpy as np

from ..network import Node
from ..types import FixedType
from ..windows import padded
from .base import monotone


def _reshaped(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0].reshape(-1, *node.shape)


def _permuted(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0].transpose(0, *(axis + 1 for axis in node.params["axes"]))


def _zero_padded(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    return padded(inputs[0], node.params["pads"])


def _upsampled(node: Node, types: list[FixedType], inputs: list[np.ndarray]) -> np.ndarray:
    x = inputs[0]
    for axis, times in enumerate(node.params["size"], 1):
        x = np.repeat(x, times, axis)
    return x


OPERATIONS = {
    "flatten": monotone(_reshaped),
    "reshape": monotone(_reshaped),
    "permute": monotone(_permuted),
    "zeropad": monotone(_zero_padded),
    "upsample": monotone(_upsampled),
    "shift": monotone(_reshaped),
}
