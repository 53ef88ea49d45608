"""QKeras models for the tests, trained on nothing: weights random, biases too."""

from __future__ import annotations

from typing import Any

import numpy as np

from fpgacompress import keras_stack

stack = keras_stack.load()
keras, qkeras, L = stack.keras, stack.qkeras, stack.keras.layers
Q = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}


def scatter(model: Any, seed: int = 0, spread: float = 0.6) -> Any:
    """Random weights wide enough to reach every rounding and some saturation."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, spread, weight.shape))
    return model


def mlp(seed: int = 0) -> Any:
    """784-32-16-10 with kernels of negative integer bits."""
    narrow = Q | {"kernel_quantizer": "quantized_bits(6,-3,alpha=1)"}
    x = image = L.Input((784,), name="image")
    for name, units in (("fc1", 32), ("fc2", 16)):
        x = qkeras.QDense(units, name=name, **narrow)(x)
        x = qkeras.QActivation("quantized_relu(6,2)", name=f"{name}_relu")(x)
    x = qkeras.QDense(10, name="logits", **Q)(x)
    return scatter(keras.Model(image, x, name="mlp"), seed, 0.08)


def cnn(seed: int = 0) -> Any:
    """Strided and padded conv2d, pooling, a 1x1 convolution, activations given inside the layers."""
    x = image = L.Input((14, 14, 1), name="input")
    x = qkeras.QConv2D(3, 3, strides=2, padding="same", name="c1", **Q)(x)
    x = qkeras.QActivation("quantized_relu(6,2)", name="c1_relu")(x)
    x = qkeras.QConv2D(4, 3, padding="same", activation="quantized_bits(5,2,alpha=1)", name="c2", **Q)(x)
    x = L.MaxPooling2D(2, name="pool")(x)
    x = qkeras.QConv2D(3, 1, activation="quantized_relu(5,2)", name="c3", **Q)(x)
    x = L.Flatten(name="flat")(x)
    return scatter(keras.Model(image, qkeras.QDense(10, name="logits", **Q)(x), name="cnn"), seed)


def cnn1d(seed: int = 0) -> Any:
    """Sequential, with Reshape, Dropout and linear activation."""
    model = keras.Sequential(
        [
            L.Reshape((14, 14), input_shape=(14, 14, 1), name="rows"),
            qkeras.QConv1D(4, 5, strides=2, padding="same", name="c1", **Q),
            qkeras.QActivation("quantized_relu(6,3)", name="c1_relu"),
            L.MaxPooling1D(2, name="pool"),
            qkeras.QConv1D(5, 2, name="c2", activation="quantized_relu(6,3)", **Q),
            L.Dropout(0.5),
            L.Flatten(),
            qkeras.QDense(10, name="logits", **Q),
            L.Activation("linear"),
        ],
        name="cnn1d",
    )
    return scatter(model, seed)


def residual(seed: int = 0) -> Any:
    """Two branches with different types, joined by an exact sum."""
    x = image = L.Input((14, 14, 1), name="image")
    x = qkeras.QConv2D(3, 3, strides=2, padding="same", name="c1", **Q)(x)
    x = qkeras.QActivation("quantized_relu(6,2)", name="r1")(x)
    y = qkeras.QConv2D(3, 3, padding="same", name="c2", **Q)(x)
    y = qkeras.QActivation("quantized_bits(8,3,alpha=1)", name="l2")(y)
    x = L.Add(name="add")([x, y])
    x = qkeras.QActivation("quantized_relu(6,3)", name="r3")(x)
    x = L.Flatten()(L.MaxPooling2D(2)(x))
    return scatter(keras.Model(image, qkeras.QDense(10, name="logits", **Q)(x), name="residual"), seed)


MODELS = {"mlp": mlp, "cnn": cnn, "cnn1d": cnn1d, "residual": residual}
