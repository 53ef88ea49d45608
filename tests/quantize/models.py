"""Float models with every kind of layer that a student can be built from, and what demands exactness of the student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from lower.exact import differences
from lower.test_lower import PIXELS

from fpgacompress.integer import IntegerNetwork
from fpgacompress.keras_stack import load, load_model, save_model
from fpgacompress.lower import lower

L = load().keras.layers
MAX_EXACT_SAMPLES = 300


def mobile(seed: int = 0) -> Any:
    """Convolution, depthwise, pointwise, separable, BatchNormalization behind each, averages over windows and over everything."""
    keras = load().keras
    x = image = keras.Input((28, 28, 1), name="input")
    x = L.ReLU(name="r1")(L.BatchNormalization(name="b1")(L.Conv2D(4, 3, strides=4, use_bias=False, name="c1")(x)))
    x = L.ReLU(name="r2")(L.BatchNormalization(name="b2")(L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="d1")(x)))
    x = L.BatchNormalization(name="b3")(L.SeparableConv2D(6, 2, padding="same", depth_multiplier=2, name="s1")(x))
    x = L.AveragePooling2D(2, name="avg")(L.ReLU(name="r3")(x))
    x = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(5, 1, activation="relu", name="p1")(x))
    return scattered(keras.Model(image, L.Dense(10, name="logits")(x), name="mobile"), seed)


def all_convolutional(seed: int = 0) -> Any:
    """Ends in a global average, read by nobody."""
    keras = load().keras
    x = image = keras.Input((28, 28, 1), name="input")
    x = L.Conv2D(6, 5, strides=4, activation="relu", name="c1")(x)
    x = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(10, 3, name="c2")(x))
    return scattered(keras.Model(image, x, name="all_convolutional"), seed)


def signal(seed: int = 0) -> Any:
    """One axis: separable, and an average whose only reader is a ReLU."""
    keras = load().keras
    x = pixels = keras.Input((784, 1), name="input")
    x = L.Conv1D(4, 5, strides=4, activation="relu", name="c1")(x)
    x = L.BatchNormalization(name="b1")(L.SeparableConv1D(5, 3, name="s1")(x))
    x = L.ReLU(name="r1")(L.AveragePooling1D(6, name="avg")(x))
    x = L.GlobalAveragePooling1D(name="gap")(x)
    return scattered(keras.Model(pixels, L.Dense(10, name="logits")(x), name="signal"), seed)


def scattered(model: Any, seed: int) -> Any:
    """Random weights of the size that training leaves, statistics too."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        fan = int(np.prod(layer.get_weights()[0].shape[:-1])) if layer.get_weights() else 1
        normal = type(layer).__name__ == "BatchNormalization"
        draw = (lambda w: rng.uniform(0.5, 1.5, w.shape)) if normal else (lambda w, fan=fan: rng.normal(0, fan**-0.5, w.shape))
        layer.set_weights([draw(w) for w in layer.get_weights()])
    return model


def assert_student_exact(student: Any, x: np.ndarray, file: Path) -> IntegerNetwork:
    """Save, read, lower, and demand equality of every layer on real images; the network, for further questions."""
    again = load_model(save_model(student, file))
    network = lower(again, PIXELS)
    stored = PIXELS.quantize(x[:MAX_EXACT_SAMPLES].reshape(-1, *network.input.shape))
    wrong = {name: count for name, count in differences(again, network, stored).items() if count}
    assert not wrong, wrong
    return network
