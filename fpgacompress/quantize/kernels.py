"""Weight quantizers: fitted to the weights, checked for a dead start, as QKeras writes them.

Every form is exact with powers of two and has the straight-through gradient 1 (measured with qkeras 0.9): integers are
``quantized_bits(b, i, alpha=1)``, ternary weights ``quantized_bits(2, i, symmetric=1, alpha=1)`` with the levels ``0`` and ``+-2**(i - 1)``,
binary ones ``binary(alpha=2**(i - 1))``. QKeras' own ``ternary`` is not used: its threshold is no half level. One range per channel is
:class:`..keras_stack.channel.channel_bits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..keras_stack import load
from ..recipe import LayerBits, QuantizeSection
from .policy import kernel_width
from .ranges import Levels, RangeFit, fit_bias, fit_channels, fit_levels, kernel_levels, measured
from .start import Start, start_of


@dataclass(frozen=True)
class Fitted:
    """A quantizer for weights.

    Attributes:
        quantizer: QKeras quantizer object.
        range: how it was fitted.
        note: a sentence where the fit is not the one asked for, else "".
    """

    quantizer: Any
    range: RangeFit
    note: str = ""


def surviving(kernel: np.ndarray, zeros: float) -> np.ndarray:
    """``kernel`` with its smallest weights set to 0, as pruning to ``zeros`` will."""
    size = np.abs(kernel)
    return np.where(size >= np.sort(size.ravel())[int(zeros * size.size)], kernel, 0.0)


def kernel_quantizer(kernel: int | str, integer: int | np.ndarray) -> Any:
    """The QKeras quantizer of weights of so many bits (or "ternary", "binary") in the range ``2**integer``, of each channel where it is an array."""
    qkeras, symmetric = load().qkeras, int(kernel == "ternary")
    if np.ndim(integer):
        return qkeras.quantizers.channel_bits(kernel_width(kernel), np.asarray(integer).tolist(), symmetric)
    if kernel == "binary":
        return qkeras.binary(alpha=2.0 ** (int(integer) - 1))
    return qkeras.quantized_bits(kernel_width(kernel), int(integer), symmetric, alpha=1)


def _fit(values: np.ndarray, axes: int, bits: int | str, rule: str, section: QuantizeSection) -> Any:
    """Integer bits for the whole kernel, or for each output channel."""
    levels = kernel_levels(bits)

    def fit(part: np.ndarray) -> int:
        return fit_levels(part, levels, "mse" if rule == "surviving" else rule, section.percentile)

    return fit(values) if section.scales == "tensor" else fit_channels(values, axes, max(kernel_width(bits), 2), fit)


def _start(values: np.ndarray, levels: Levels, integer: Any) -> Start:
    return start_of(values, levels.quantize(values, integer), levels.step * float(2.0 ** np.max(integer)))


def fit_kernel(values: np.ndarray, layer: str, part: str, bits: LayerBits, section: QuantizeSection, zeros: float = 0.0) -> Fitted:
    """The quantizer of one kernel.

    A range of ours that leaves (nearly) all weights at zero is made smaller until it does not; one that the recipe gives is refused, or made
    smaller with ``dead_start: rescale``. Both are noted. Ternary and binary weights are always fitted for least squared error.

    Args:
        values: real weights.
        layer: name of the layer.
        part: "kernel", "depthwise" or "pointwise".
        bits: of the layer, all fields given.
        section: recipe section ``quantize``.
        zeros: sparsity the kernel will be pruned to; the start is judged by what that leaves.

    Raises:
        ModelError: a dead start.
    """
    width, axes = bits.kernel, 2 if part == "depthwise" else 1
    levels = kernel_levels(width)
    alive = surviving(values, zeros) if zeros else values
    rule = "mse" if isinstance(width, str) else section.ranges
    given = bits.kernel_integer != "auto"
    integer = bits.kernel_integer if given else _fit(alive if rule == "surviving" else values, axes, width, rule, section)
    start, note = _start(alive, levels, integer), ""
    if given:
        rule = "given"
        if start.dead and section.dead_start == "refuse":
            raise start.error(layer, str(kernel_quantizer(width, integer)))
    if start.dead:
        note = f"{part} of '{layer}': the range {rule} left {100 * start.zeroed:.4g} % of the weights at 0 and was made smaller"
        integer, rule = _fit(alive, axes, width, "mse", section), "alive"
        while _start(alive, levels, integer).dead:  # a few very large weights decide the squared error alone
            integer = integer - 1
    return Fitted(kernel_quantizer(width, integer), measured(layer, part, kernel_width(width), integer, rule, values, levels), note)


def fit_bias_quantizer(values: np.ndarray, kernel: np.ndarray, layer: str, bits: LayerBits) -> Fitted:
    """The quantizer of a bias: every value fits, with a spare bit for training."""
    given = bits.bias_integer != "auto"
    integer = int(bits.bias_integer) if given else fit_bias(values, kernel)
    rule = "given" if given else "headroom"
    range_ = measured(layer, "bias", bits.bias, integer, rule, values, kernel_levels(bits.bias))
    return Fitted(load().qkeras.quantized_bits(bits.bias, integer, alpha=1), range_)
