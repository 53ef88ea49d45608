"""The published demo models, rebuilt with the settings of their notebooks and trained for seconds on real data of this repository.

Sources: kaleidoForge/uclm-2026 and kaleidoForge/ml-fpga-deployment-workflow, `FashionMNIST-ML-Compression.ipynb` (the MLP of 16 epochs),
`MNIST-MLCompression_QAP.ipynb`, `labs/gammaNeutron/partA/03-compression_hls4ml.ipynb`. Where MNIST was used, two classes of Fashion-MNIST are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress import keras_stack
from fpgacompress.data import load

DEMO_DATA = Path(__file__).resolve().parents[2] / "demos" / "data"
stack = keras_stack.load()
keras, qkeras, L = stack.keras, stack.qkeras, stack.keras.layers


def clothes(limit: int = 3000, classes: tuple[int, ...] = tuple(range(10))) -> tuple[np.ndarray, np.ndarray]:
    """Fashion-MNIST as the notebooks scale it: / 255, flat; labels renumbered."""
    train = load("fashion_mnist", data_dir=DEMO_DATA, options={"limit": limit}).train
    keep = np.isin(train.y, classes)
    return train.x[keep].reshape(-1, 784) / 255.0, np.searchsorted(classes, train.y[keep])


def pulses() -> tuple[np.ndarray, np.ndarray]:
    """Gamma/neutron pulses as the lab's text casts them: raw ADC counts."""
    train = load("gamma_neutron", data_dir=DEMO_DATA).train
    return train.x.astype(np.float64), train.y


def _chain(sizes: list[int], kernel: str, activation: str, last_kernel: str, names: str, dropout: float = 0.0) -> list[Any]:
    layers: list[Any] = []
    for number, units in enumerate(sizes[:-1], 1):
        layers.append(
            qkeras.QDense(units, name=f"fc{number}", kernel_quantizer=kernel, bias_quantizer=kernel, kernel_initializer="lecun_uniform")
        )
        layers.append(qkeras.QActivation(activation, name=f"{names}{number}"))
        layers += [L.Dropout(dropout)] if dropout else []
    last = qkeras.QDense(
        sizes[-1], name="output", kernel_quantizer=last_kernel, bias_quantizer=last_kernel, kernel_initializer="lecun_uniform"
    )
    return [*layers, last]


def fashion_qat(epochs: int = 2) -> Any:
    """784-250-100-20-10, (8,4,alpha=1), activations quantized_bits(8,4) called relu, softmax; Adam 1e-3."""
    keras.utils.set_random_seed(1)
    q = "quantized_bits(8,4,alpha=1)"
    layers = _chain([250, 100, 20, 10], q, "quantized_bits(8,4)", q, "relu")
    model = keras.Sequential([keras.Input((784,)), *layers, L.Activation("softmax", name="softmax")], name="fashion_qat")
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(*clothes(), batch_size=64, epochs=epochs, verbose=0)
    return model


def binary_qap() -> Any:
    """784-5-7-10-2, (8,3,alpha=1), activations quantized_bits(16,6), sigmoid; 20 % pruned while it trains with Adam 1e-5."""
    keras.utils.set_random_seed(1)
    q = "quantized_bits(8,3,alpha=1)"
    layers = _chain([5, 7, 10, 2], q, "quantized_bits(16,6)", q, "relu")
    model = keras.Sequential([keras.Input((784,)), *layers, L.Activation("sigmoid", name="sigmoid")], name="binary_qap")
    tfmot = keras_stack.load_tfmot()
    schedule = tfmot.schedules.PolynomialDecay(initial_sparsity=0, final_sparsity=0.2, begin_step=0, end_step=10, frequency=1)
    pruned = tfmot.prune_low_magnitude(model, pruning_schedule=schedule)
    pruned.compile(keras.optimizers.Adam(1e-5), "binary_crossentropy")
    x, y = clothes(classes=(1, 9))
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_callbacks

    pruned.fit(x, np.eye(2)[y], batch_size=32, epochs=2, verbose=0, callbacks=[pruning_callbacks.UpdatePruningStep()])
    return tfmot.strip_pruning(pruned)


def gamma_teacher() -> Any:
    """161-10-5-7-5-6-2 with ReLU and a sigmoid at the end."""
    keras.utils.set_random_seed(2)
    layers: list[Any] = [keras.Input((161,))]
    for number, units in enumerate((10, 5, 7, 5, 6), 1):
        layers += [L.Dense(units, name=f"fc{number}"), L.Activation("relu", name=f"relu{number}")]
    model = keras.Sequential([*layers, L.Dense(2, name="output"), L.Activation("sigmoid", name="activationOutput")], name="teacher")
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    x, y = pulses()
    model.fit(x, np.eye(2)[y], batch_size=64, epochs=8, verbose=0)
    return model


def gamma_student(epochs: int = 2) -> Any:
    """161-6-4-2-4-3-2, (8,4) with no alpha, output (16,6), activations quantized_bits(8) called relu, dropout, sigmoid, from_logits=True."""
    keras.utils.set_random_seed(3)
    layers = _chain([6, 4, 2, 4, 3, 2], "quantized_bits(8,4)", "quantized_bits(8)", "quantized_bits(16,6)", "relu", dropout=0.1)
    model = keras.Sequential(
        [keras.Input((161,), name="inputLayer"), *layers, L.Activation("sigmoid", name="outputActivation")], name="studentMLP"
    )
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = pulses()
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


def gamma_hls_config(model: Any) -> dict[str, Any]:
    """The lab's configuration: every layer forced to ap_fixed<8,4>, the input to ap_fixed<16,6>."""
    names = [layer.name for layer in model.layers if "Dropout" not in type(layer).__name__]
    by_name = {name: {"Precision": "ap_fixed<8,4>", "Strategy": "Latency", "ReuseFactor": 1} for name in names}
    by_name["inputLayer"] = {"Precision": "ap_fixed<16, 6>"}
    return {"Model": {"Precision": "ap_fixed<16,10>", "ReuseFactor": 1, "Strategy": "Latency"}, "LayerName": by_name}
