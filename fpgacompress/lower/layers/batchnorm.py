"""Batch normalization that is left in the model: one multiplication and one addition per channel, where float32 computes it exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import keras_stack
from ...errors import UnsupportedError
from ...integer.network import Tensor
from ..builder import Builder, layers
from ..dyadic import fraction_bits, power_of_two, smallest_tensor
from ..steps import MANTISSA

_PROBES = 256


def _refuse(layer: Any, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"layer '{layer.name}' ({type(layer).__name__}): {why}",
        expected="gamma / sqrt(variance + epsilon) and beta - mean * gamma / sqrt(variance + epsilon) of few bits in every channel",
        do="fold it before training with fpgacompress.quantize, or use QConv2DBatchnorm or QDepthwiseConv2DBatchnorm",
    )


def _statistics(layer: Any, channels: int) -> tuple[np.ndarray, ...]:
    """gamma, beta, mean and variance + epsilon (float32, (channels,)) as the layer uses them at inference, quantized if it does so."""

    def part(name: str, values: Any, default: float) -> np.ndarray:
        if values is None:
            return np.full(channels, default, np.float32)
        quantizer = getattr(layer, f"{name}_quantizer_internal", None)
        return np.asarray(values if quantizer is None else quantizer(values), np.float32)

    variance = part("variance", layer.moving_variance, 1.0) + np.float32(layer.epsilon)
    return part("gamma", layer.gamma, 1.0), part("beta", layer.beta, 0.0), part("mean", layer.moving_mean, 0.0), variance


def _probe(layer: Any, net: Builder, source: str, kernel: Tensor, bias: Tensor) -> bool:
    """The layer itself on random inputs and on both bounds of its input's range equals ``x * kernel + bias``."""
    node, range_ = net[source], net.range(source)
    rng = np.random.default_rng(0)
    stored = rng.integers(range_.low, range_.high + 1, (_PROBES, *node.shape))
    stored[0], stored[1] = range_.low, range_.high
    values = node.out.to_float(stored)
    expected = values * kernel.type.to_float(kernel.values) + bias.type.to_float(bias.values)
    tensor = keras_stack.load().tf.constant(values, "float32")
    return np.array_equal(np.asarray(layer(tensor, training=False), np.float64), expected)


@layers.register("BatchNormalization")
@layers.register("QBatchNormalization")
def batchnorm(layer: Any, sources: list[str], net: Builder) -> str:
    """``scale`` with ``gamma / sqrt(variance + epsilon)``, where that and everything float32 meets on the way is exact.

    The root is exact only where ``variance + epsilon`` is a power of four. Even there TensorFlow's vectorized ``rsqrt`` may be off by the
    last place, so the layer itself is asked.
    """
    (source,) = sources
    node = net[source]
    if list(layer.axis) != [len(node.shape)]:
        raise _refuse(layer, f"it normalizes over the axes {list(layer.axis)}, not over the channels alone")
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in _statistics(layer, node.shape[-1]))
    roots = [power_of_two(v) for v in variance]
    wrong = next((i for i, k in enumerate(roots) if k is None or k % 2), None)
    if wrong is not None:
        raise _refuse(
            layer, f"the scale is no power of two: variance + epsilon is {variance[wrong]:.9g} in channel {wrong}, no power of four"
        )
    factor = gamma * 2.0 ** (-np.array(roots) / 2)
    where = f"layer '{layer.name}'"
    grid = max(max(node.out.fraction, fraction_bits(mean, where)) + fraction_bits(factor, where), fraction_bits(beta, where))
    largest = (np.abs(node.out.to_float(net.range(source).magnitude)) + np.abs(mean)) * np.maximum(np.abs(factor), 1) + np.abs(beta)
    bits = int(np.ceil(np.log2(largest.max() * 2.0**grid + 1)))
    if bits > MANTISSA:
        raise _refuse(layer, f"it needs {bits} bits, and float32 holds {MANTISSA}")
    kernel, bias = smallest_tensor(factor, where), smallest_tensor(beta - mean * factor, where)
    if not _probe(layer, net, source, kernel, bias):
        raise _refuse(
            layer, "TensorFlow computes 1 / sqrt(variance + epsilon) of this layer inexactly (its float32 'rsqrt' is off by the last place)"
        )
    return net.weighted(layer.name, "scale", source, node.shape, kernel, bias if bias.nonzeros else None)
