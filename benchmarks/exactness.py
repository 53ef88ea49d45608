"""How many bits differ: QKeras against the integer network on whole test sets and ten million random inputs, and hls4ml's C simulation.

Every model kind is trained for a moment on real data, lowered, and compared on every test sample: every layer for Keras, the output for the
C simulation. The test splits serve as inputs only; nothing is chosen by them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.data import Dataset, load
from fpgacompress.errors import DataError
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.verify import HlsExecutor, KerasExecutor, verify
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.reuse import plan
from fpgacompress.integer import Emulator, FixedType
from fpgacompress.keras_stack import load as load_stack
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower

from .common import QUICK, goal, write

SEED = 1
RANDOM = 20_000 if QUICK else 10_000_000


def _bits(bits: int, integer: int) -> str:
    return f"quantized_bits({bits},{integer},alpha=1)"


def _weights(bits: int, integer: int = 0) -> dict[str, str]:
    return {"kernel_quantizer": _bits(bits, integer), "bias_quantizer": _bits(bits + 1, integer + 1)}


def _depthwise(bits: int) -> dict[str, str]:
    return {"depthwise_quantizer": _bits(bits, 0), "bias_quantizer": _bits(bits + 1, 1)}


def _head(x: Any, classes: int) -> Any:
    q = load_stack().qkeras
    return q.QDense(classes, name="logits", **_weights(6))(x)


def mlp(x: Any) -> Any:
    """Two hidden layers of different bits."""
    s = load_stack()
    x = s.keras.layers.Flatten()(x)
    for i, (width, bits) in enumerate(((32, 4), (16, 6))):
        x = s.qkeras.QActivation(f"quantized_relu({bits},2)", name=f"relu{i}")(s.qkeras.QDense(width, name=f"fc{i}", **_weights(bits))(x))
    return x


def cnn(x: Any) -> Any:
    """Convolutions with maximum, average and global average pooling."""
    s = load_stack()
    layers, q = s.keras.layers, s.qkeras
    x = q.QActivation("quantized_relu(5,2)", name="relu1")(q.QConv2D(6, 3, name="conv1", **_weights(5))(x))
    x = layers.MaxPooling2D(2, name="max")(x)
    x = q.QActivation("quantized_relu(5,2)", name="relu2")(q.QConv2D(8, 3, padding="same", name="conv2", **_weights(4))(x))
    x = q.QActivation("quantized_relu(6,2)", name="average_act")(layers.AveragePooling2D(2, name="average")(x))
    x = q.QActivation(_bits(8, 2), name="global_act")(layers.GlobalAveragePooling2D(name="global")(x))
    return x


def residual(x: Any) -> Any:
    """Two convolutions with a shortcut."""
    s = load_stack()
    layers, q = s.keras.layers, s.qkeras
    x = left = q.QActivation("quantized_relu(5,2)", name="relu1")(
        q.QConv2D(4, 3, strides=2, padding="same", name="conv1", **_weights(5))(x)
    )
    x = q.QActivation("quantized_relu(5,2)", name="relu2")(q.QConv2D(4, 3, padding="same", name="conv2", **_weights(4))(x))
    x = q.QActivation("quantized_bits(6,2,alpha=1)", name="act3")(q.QConv2D(4, 3, padding="same", name="conv3", **_weights(4))(x))
    x = q.QActivation("quantized_relu(5,3)", name="relu4")(layers.Add(name="sum")([x, left]))
    x = layers.MaxPooling2D(2, name="max")(x)
    return layers.Flatten(name="flat")(x)


def depthwise(x: Any) -> Any:
    """Depthwise and separable convolutions."""
    s = load_stack()
    layers, q = s.keras.layers, s.qkeras
    x = q.QActivation("quantized_relu(5,2)", name="relu1")(q.QConv2D(4, 3, strides=2, padding="same", name="conv1", **_weights(5))(x))
    x = q.QActivation("quantized_relu(5,2)", name="relu2")(q.QDepthwiseConv2D(3, name="depthwise", **_depthwise(5))(x))
    x = q.QActivation("quantized_relu(5,2)", name="relu3")(q.QConv2D(6, 1, name="pointwise", **_weights(5))(x))
    separable = {"depthwise_quantizer": _bits(4, 0), "pointwise_quantizer": _bits(4, 0), "bias_quantizer": _bits(5, 1)}
    x = q.QActivation("quantized_relu(5,3)", name="relu4")(q.QSeparableConv2D(6, 3, name="separable", **separable)(x))
    x = layers.MaxPooling2D(2, name="max")(x)
    return layers.Flatten(name="flat")(x)


def folded(x: Any) -> Any:
    """Convolutions with batch normalization folded by QKeras."""
    s = load_stack()
    layers, q = s.keras.layers, s.qkeras
    x = q.QActivation("quantized_relu(5,2)", name="relu1")(q.QConv2DBatchnorm(4, 3, strides=2, name="conv1", **_weights(5, 1))(x))
    x = q.QActivation("quantized_relu(5,2)", name="relu2")(
        q.QDepthwiseConv2DBatchnorm(3, name="depthwise", depthwise_quantizer=_bits(6, 1), bias_quantizer=_bits(7, 2))(x)
    )
    x = layers.MaxPooling2D(2, name="max")(x)
    return layers.Flatten(name="flat")(x)


def cnn1d(x: Any) -> Any:
    """One-dimensional convolutions, one of them separable."""
    s = load_stack()
    layers, q = s.keras.layers, s.qkeras
    x = q.QActivation("quantized_relu(5,2)", name="relu1")(q.QConv1D(6, 7, strides=2, padding="same", name="conv1", **_weights(5))(x))
    x = layers.MaxPooling1D(2, name="max1")(x)
    x = q.QActivation("quantized_relu(5,2)", name="relu2")(q.QConv1D(8, 5, name="conv2", **_weights(4))(x))
    x = layers.MaxPooling1D(2, name="max2")(x)
    return layers.Flatten(name="flat")(x)


IMAGES = {"mlp": mlp, "cnn": cnn, "residual": residual, "depthwise": depthwise, "folded batchnorm": folded}
SERIES = {"mlp": mlp, "cnn1d": cnn1d}
JOBS = [(data, kind, make) for data in ("mnist", "fashion_mnist", "breastmnist") for kind, make in IMAGES.items()] + [
    ("ecg", kind, make) for kind, make in SERIES.items()
]
CSIM = {("fashion_mnist", "mlp"), ("fashion_mnist", "cnn"), ("breastmnist", "residual"), ("mnist", "depthwise"), ("ecg", "cnn1d")}
"""One data set per kind for the C simulation, which runs tens to thousands of samples a second."""


def _trained(data: Dataset, make: Callable[[Any], Any]) -> Any:
    """A model of the given body, trained for a moment so that its weights look like weights."""
    stack = load_stack()
    seed_everything(SEED)
    shape = data.train.x.shape[1:]
    shape = (*shape, 1) if make is not mlp and len(shape) == (1 if make is cnn1d else 2) else shape
    inputs = stack.keras.layers.Input(shape, name="x")
    model = stack.keras.Model(inputs, _head(make(inputs), len(data.classes)), name="net")
    model.compile("adam", stack.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = data.preprocessing.apply(data.train.x[:4000]).reshape(-1, *shape)
    model.fit(x, data.train.y[: len(x)].astype(np.int32), batch_size=64, epochs=1 if QUICK else 3, verbose=0)
    return model


def _row(name: str, kind: str, make: Callable[[Any], Any], folder: Path) -> dict[str, Any]:
    data = load(name, options={"limit": 500} if QUICK else {})
    model = _trained(data, make)
    network = lower(model, data.preprocessing.input_type, "net")
    test = data.read_test("exactness benchmark: inputs to compare bits on")
    stored = data.preprocessing.apply_integer(test.x).reshape(-1, *network.input.shape)[: 100 if QUICK else None]
    executors: dict[str, Any] = {"keras": KerasExecutor(model, network)}
    if (name, kind) in CSIM and not (QUICK and kind != "mlp"):
        io = "io_parallel" if kind == "mlp" else "io_stream"
        layers = plan(network, board=load_board("zcu102"), io=io.removeprefix("io_"), strategy="auto", reuse="auto", backend="Vitis")
        executors["hls"] = HlsExecutor(generate(network, folder, io=io, plan=layers, name="net"))
    started = time.perf_counter()
    told = verify(network, stored, executors)
    row = {
        "data": name,
        "kind": kind,
        "samples": told.samples,
        "differing_bits": told.by_executor,
        "layers_compared": {n: len(layers) for n, layers in told.layers_compared.items()},
        "float32_inexact_samples": (told.float32_inexact or {}).get("samples", 0),
        "first_difference": told.first_difference,
        "seconds": time.perf_counter() - started,
    }
    print(f"{name:14} {kind:17} {told.samples:6} samples, differing bits {told.by_executor}, {row['layers_compared']} layers", flush=True)
    return row


def _random(count: int) -> dict[str, Any]:
    """Random inputs over the whole input type of a 16-64-32-32-5 network, in pieces."""
    stack = load_stack()
    seed_everything(SEED)
    kind = FixedType(8, 3)
    layers: list[Any] = [stack.keras.layers.Input((16,))]
    for i, (width, bits) in enumerate(((64, 6), (32, 4), (32, 5), (5, 8))):
        layers.append(stack.qkeras.QDense(width, name=f"fc{i}", bias_initializer="random_uniform", **_weights(bits)))
        if width != 5:
            layers.append(stack.qkeras.QActivation(f"quantized_relu({bits},2)", name=f"relu{i}"))
    model = stack.keras.Sequential(layers)
    network = lower(model, kind, "net")
    emulator, rng, bits = Emulator(network), np.random.default_rng(SEED), 0
    keras = KerasExecutor(model, network, batch=8192)
    for start in range(0, count, 500_000):
        stored = rng.integers(kind.low, kind.high + 1, (min(500_000, count - start), 16), dtype=np.int16)
        bits += int(np.count_nonzero(emulator.run(stored) != keras(stored)))
        print(f"random inputs {start + len(stored):,}: {bits} outputs differ", flush=True)
    return {"data": "random over fixed<8,3>", "kind": "16-64-32-32-5", "samples": count, "differing_outputs": bits}


def main() -> None:
    """Compare everything and write the result."""
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for i, (name, kind, make) in enumerate(JOBS[5:8] if QUICK else JOBS):
            try:
                rows.append(_row(name, kind, make, Path(scratch) / str(i)))
            except DataError as error:
                missing.append(name)
                print(f"{name}: {error}")
    random = _random(RANDOM)
    bits = {who: sum(r["differing_bits"].get(who, 0) for r in rows) for who in ("keras", "hls")}
    compared = {who: sum(r["samples"] for r in rows if who in r["differing_bits"]) for who in bits}
    goals = [
        goal(
            f"bits that differ between QKeras and emulation, every layer, {compared['keras']:,} test samples",
            0,
            bits["keras"],
            "bits",
            at_most=True,
        ),
        goal(
            f"bits that differ between C simulation and emulation, {compared['hls']:,} test samples", 0, bits["hls"], "bits", at_most=True
        ),
        goal(f"outputs that differ in {RANDOM:,} random inputs, 16-64-32-32-5", 0, random["differing_outputs"], "outputs", at_most=True),
    ]
    write("exactness", "make bench-exactness", [SEED], [*rows, random], goals, data_not_here=sorted(set(missing)))


if __name__ == "__main__":
    main()
