"""Whole QKeras models: Keras = emulation = C simulation, every bit, on real data and on random inputs over the whole input type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lower.models import L, Q, keras, qkeras, scatter
from lower.models import mlp as images_mlp
from lower.test_lower import PIXELS, images

from fpgacompress.firmware.executors import HlsExecutor, KerasExecutor
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.verify import verify
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, IntegerNetwork
from fpgacompress.integer.vectors import random_inputs
from fpgacompress.lower import lower

pytestmark = [pytest.mark.slow, pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")]

DATA = Path(__file__).parents[2] / "demos/data"
DEPTHWISE = {"depthwise_quantizer": Q["kernel_quantizer"], "bias_quantizer": Q["bias_quantizer"]}


def relu(x: Any, name: str, bits: str = "5,2") -> Any:
    return qkeras.QActivation(f"quantized_relu({bits})", name=name)(x)


def logits(image: Any, x: Any, name: str) -> Any:
    return scatter(keras.Model(image, qkeras.QDense(10, name="logits", **Q)(x), name=name))


def mlp() -> Any:
    return images_mlp(seed=2)


def cnn() -> Any:
    """Maximum, average that rounds, overlapping average, global average; a leaky and a bounded relu."""
    x = image = L.Input((14, 14, 1), name="image")
    x = relu(qkeras.QConv2D(4, 3, padding="same", name="c1", **Q)(x), "r1")
    x = L.MaxPooling2D(3, 2, padding="same", name="max")(x)
    x = qkeras.QConv2D(4, (3, 2), name="c2", **Q)(x)
    x = qkeras.QActivation("quantized_relu(6,2,negative_slope=0.25)", name="leaky")(x)
    x = qkeras.QActivation("quantized_bits(5,2,alpha=1)", name="a2")(L.AveragePooling2D((3, 2), 1, padding="same", name="avg")(x))
    x = L.ReLU(max_value=3.0, name="bounded")(qkeras.QConv2D(6, 1, name="c3", **Q)(x))
    x = qkeras.QActivation("quantized_bits(8,2,alpha=1)", name="a3")(L.GlobalAveragePooling2D(name="gap")(x))
    return logits(image, x, "cnn")


def residual() -> Any:
    """Three summands, joined branches, zeros around, repeated pixels."""
    x = image = L.Input((14, 14, 1), name="image")
    x = relu(qkeras.QConv2D(3, 3, strides=2, padding="same", name="c1", **Q)(x), "r1")
    y = qkeras.QActivation("quantized_bits(6,2,alpha=1)", name="l2")(qkeras.QConv2D(3, 3, padding="same", name="c2", **Q)(x))
    z = L.UpSampling2D(2, name="up")(L.MaxPooling2D(2, name="half")(L.ZeroPadding2D(((0, 1), (1, 0)), name="zeros")(x)))
    z = qkeras.QConv2D(3, 2, name="c3", **Q)(z)
    x = relu(L.Add(name="add")([x, y, z]), "r3", "6,3")
    x = L.Concatenate(name="join")([x, y])
    x = L.Flatten()(L.MaxPooling2D(2, name="pool")(x))
    return logits(image, x, "residual")


def depthwise() -> Any:
    """Depthwise with strides and with a multiplier, and separable."""
    x = image = L.Input((14, 14, 1), name="image")
    x = relu(qkeras.QConv2D(4, 3, strides=2, name="c1", **Q)(x), "r1")
    x = relu(qkeras.QDepthwiseConv2D(3, padding="same", name="d1", **DEPTHWISE)(x), "r2")
    x = relu(qkeras.QConv2D(6, 1, name="p1", **Q)(x), "r3")
    x = relu(qkeras.QDepthwiseConv2D(3, strides=2, depth_multiplier=2, name="d2", **DEPTHWISE)(x), "r4")
    x = L.Flatten()(x)
    return logits(image, x, "depthwise")


def signal() -> Any:
    """One axis: causal and dilated, pooled both ways."""
    x = beat = L.Input((128, 1), name="beat")
    x = relu(qkeras.QConv1D(4, 5, strides=2, padding="same", name="c1", **Q)(x), "r1")
    x = L.MaxPooling1D(3, 2, name="max")(x)
    x = relu(qkeras.QConv1D(6, 3, padding="causal", dilation_rate=2, name="c2", **Q)(x), "r2")
    x = qkeras.QActivation("quantized_bits(6,2,alpha=1)", name="a3")(L.AveragePooling1D(3, name="avg")(x))
    return logits(beat, L.Flatten()(x), "signal")


def beats(count: int) -> np.ndarray:
    """Real ECG test beats, scaled by a power of two into 8 bits."""
    raw = np.load(DATA / "ecg/mitbih_beats.npz")["x_test"][:count]
    return np.clip(raw.astype(np.int64) >> 4, -128, 127)[..., None]


BEATS = FixedType(8, 1)
MODELS = {"mlp": (mlp, PIXELS, 28), "cnn": (cnn, PIXELS, 14), "residual": (residual, PIXELS, 14), "depthwise": (depthwise, PIXELS, 14)}


def resource(network: IntegerNetwork) -> dict[str, tuple[str, int]]:
    """Layers too large to be unrolled share multipliers."""
    large = [n for n in network.weighted if n.kernel.values.size > 4096]
    return {n.name: ("resource", int(np.prod(n.kernel.values.shape[:-1]))) for n in large}


@pytest.mark.parametrize("backend, io", [("Vitis", "io_parallel"), ("Vivado", "io_stream")])
@pytest.mark.parametrize("name", [*MODELS, "signal"])
def test_three_ways_agree_in_every_bit(name, backend, io, tmp_path):
    make, kind, size = MODELS.get(name, (signal, BEATS, 0))
    model = make()
    network = lower(model, kind)
    real = beats(500) if name == "signal" else images(500, size)
    firmware = generate(network, tmp_path / name, backend=backend, io=io, plan=resource(network))
    inputs = {"real": real, "random": random_inputs(network, 500)}
    executors = {"keras": KerasExecutor(model, network), "hls": HlsExecutor(firmware, traced=30)}
    report = verify(network, inputs, executors)
    assert report.differing_bits == 0 and report.samples == 1000, report.first_difference
    assert {n.name for n in network.nodes[1:]} <= set(firmware.trace(real[:2].reshape(-1, *network.input.shape)))
