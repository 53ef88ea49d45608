"""Keras models through hls4ml: with this back end, and with Vivado's C simulation, which is what it has to equal."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np

from fpgacompress import keras_stack
from fpgacompress.firmware import openrtl
from fpgacompress.firmware.openrtl.graph import input_values
from fpgacompress.integer import Emulator, IntegerNetwork

stack = keras_stack.load()
keras, qkeras, L = stack.keras, stack.qkeras, stack.keras.layers
Q = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}

if "openrtl" not in hls4ml.backends.get_available_backends():  # where the package is installed without its entry point
    openrtl.register(hls4ml.backends.register_backend, hls4ml.writer.register_writer)
backend = sys.modules["fpgacompress.firmware.openrtl.backend"]
"""The module; hls4ml imports it."""


@contextlib.contextmanager
def legacy_keras() -> Iterator[None]:
    """hls4ml asks the module ``keras`` for its version; the models here are of tf_keras."""
    before = sys.modules.get("keras")
    sys.modules["keras"] = keras
    try:
        yield
    finally:
        sys.modules.pop("keras")
        if before is not None:
            sys.modules["keras"] = before


def configured(model: Any, granularity: str = "name", precision: str = "fixed<16,6>") -> dict[str, Any]:
    """hls4ml's own configuration of a model."""
    with legacy_keras():
        return hls4ml.utils.config_from_keras_model(model, granularity=granularity, backend="OpenRTL", default_precision=precision)


def convert(model: Any, config: dict[str, Any], folder: Path, backend: str = "OpenRTL", **settings: Any) -> Any:
    """hls4ml's graph of a model."""
    with legacy_keras():
        return hls4ml.converters.convert_from_keras_model(
            model, hls_config=copy.deepcopy(config), backend=backend, output_dir=str(folder / backend), **settings
        )


def c_simulation(model: Any, config: dict[str, Any], folder: Path, x: np.ndarray) -> np.ndarray:
    """What Vivado's C simulation computes, (n, outputs)."""
    graph = convert(model, config, folder, "Vivado")
    with legacy_keras():
        graph.compile()
    return graph.predict(np.ascontiguousarray(x)).reshape(len(x), -1)


def emulated(network: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """What the integer network computes of real inputs, float64 (n, outputs)."""
    stored = Emulator(network).run(input_values(network.input, x))
    return network.output.out.to_float(stored).reshape(len(x), -1)


def joined(inputs: Any, heads: list[Any]) -> Any:
    """A model whose output is all ``heads``, and how many numbers each one has."""
    flat = [head if len(head.shape) == 2 else L.Flatten()(head) for head in heads]
    sizes = [int(part.shape[-1]) for part in flat]
    while len(flat) > 1:
        flat = [L.Concatenate()(flat[i : i + 2]) if i + 1 < len(flat) else flat[i] for i in range(0, len(flat), 2)]
    return keras.Model(inputs, flat[0]), sizes


def scattered(model: Any, seed: int, spread: float = 0.6) -> Any:
    """Random weights; variances positive."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, spread, weight.shape)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)
    return model
