"""Whether a model and the network it was lowered to compute the same, layer by layer."""

from typing import Any

import numpy as np

from fpgacompress.integer import FixedType, IntegerNetwork, trace
from fpgacompress.lower import lower, results

from .models import keras


def inputs(type: FixedType, shape: tuple[int, ...], count: int, seed: int = 0) -> np.ndarray:
    """Random stored integers over the whole type; the first samples are its corners and a checkerboard of them."""
    x = np.random.default_rng(seed).integers(type.low, type.high + 1, (count, *shape))
    x[0], x[1], x[2] = type.low, type.high, 0
    x[3] = np.where(np.indices(shape).sum(0) % 2, type.low, type.high)
    return x


def differences(model: Any, network: IntegerNetwork, stored: np.ndarray) -> dict[str, int]:
    """Values that differ between Keras (as ``predict`` computes) and emulation, by node; every layer that has a node is compared."""
    tensors = results(model, network)
    values = keras.Model(model.inputs, list(tensors.values())).predict(network.input.out.to_float(stored).astype(np.float32), verbose=0)
    values = values if isinstance(values, list) else [values]
    mine = trace(network, stored, list(tensors))
    found = {}
    for (name, _), value in zip(tensors.items(), values, strict=True):
        expected = network.node(name).out.to_float(mine[name])
        assert expected.shape == value.shape, name
        found[name] = int((expected != value.astype(np.float64)).sum())
    assert network.output.name in found
    return found


def assert_exact(model: Any, type: FixedType, count: int = 300, seed: int = 0) -> IntegerNetwork:
    """Lower, run both on random inputs, and demand equality of every layer; the network, for further questions."""
    network = lower(model, type)
    wrong = {k: v for k, v in differences(model, network, inputs(type, network.input.shape, count, seed)).items() if v}
    assert not wrong, wrong
    return network
