"""How a model's quantizers act while it trains, and only then: fading in, and weights rounded at random.

Both hold inside :meth:`Quantizing.training`, while the training function is traced. The model itself never changes, so validation, files and
hardware see the exact quantizers, and nothing has to be put back at the end.

Fading in is QKeras' ``qnoise_factor``: ``x + factor * (q(x) - x)`` for weights and activations. QKeras' own scheduler is a callback that needs
quantizers made with ``use_variables=True``, whose files then hold whatever factor came last.

Random rounding is ``round(x + u)`` with ``u`` uniform in ``[-1/2, 1/2)`` steps, which goes up with a probability that equals the distance from
the level below (Gupta et al., arXiv 1502.02551, section 3.1); for binary weights it is BinaryConnect's rule (arXiv 1511.00363, eq. 2). It is a
function of seed, update and layer, so a training that was interrupted goes on with the same numbers. QKeras' ``use_stochastic_rounding`` cannot
be used: it acts only under Keras' global learning phase, which our training function does not set, and it rounds activations to half steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import UnsupportedError
from ..keras_stack import load
from ..keras_stack.roles import quantizers


def _spacing(quantizer: Any) -> Any:
    """Distance of two levels in units of the quantizer's input; an array where it has ranges per channel.

    Raises:
        UnsupportedError: levels that are not evenly spaced, or a scale computed from the weights.
    """
    import numpy as np

    kind, alpha = type(quantizer).__name__, getattr(quantizer, "alpha", 1)
    if kind in ("quantized_bits", "channel_bits", "truncated_bits") and not isinstance(alpha, str):
        signed = 1 if kind != "quantized_bits" else int(quantizer.keep_negative)
        if kind == "quantized_bits" and quantizer.bits == signed:
            return 2.0 * (1.0 if alpha is None else float(np.asarray(alpha)))  # the sign function, which knows no integer bits
        return 2.0 ** (np.asarray(quantizer.integer, np.float64) - (quantizer.bits - signed))
    if kind == "binary" and not isinstance(alpha, str):
        return 2.0 * (1.0 if alpha is None else float(np.asarray(alpha)))
    raise UnsupportedError(
        f"weights with the quantizer {quantizer} cannot be rounded at random",
        expected="quantized_bits or binary with a fixed scale, or channel_bits",
        do="set quantize.stochastic_rounding: false",
    )


class Quantizing:
    """The training behaviour of a model's quantizers.

    Args:
        model: QKeras model, pruning wrappers or not.
        warmup: updates over which quantization fades in; 0: quantized from the first one.
        stochastic: round kernels at random (biases have many bits and are rounded to the nearest).
        seed: of the random numbers.

    Raises:
        UnsupportedError: a quantizer that cannot do what is asked for.
    """

    def __init__(self, model: Any, *, warmup: int = 0, stochastic: bool = False, seed: int = 0) -> None:
        self._roles = quantizers(model) if warmup or stochastic else []
        self.warmup, self.stochastic, self.seed = warmup, stochastic, seed
        for role in self._roles:
            if stochastic and role.kind == "kernel":
                _spacing(role.quantizer)
            if warmup and "qnoise_factor" not in vars(role.quantizer):
                raise UnsupportedError(
                    f"layer '{role.layer.name}' has the quantizer {role.quantizer}, which cannot fade in", do="set quantize.noise_warmup: 0"
                )

    def factor(self, step: Any) -> Any:
        """Share of quantization in update ``step`` (int64 tensor, counted from 0): rises evenly, exactly 1 from update ``warmup`` on."""
        tf = load().tf
        return tf.minimum(1.0, tf.cast(step + 1, tf.float32) / self.warmup)

    @contextmanager
    def training(self, step: Any) -> Iterator[None]:
        """Quantizers that are called inside act as in update ``step``."""
        put_back: list[Callable[[], None]] = []
        try:
            for index, role in enumerate(self._roles):
                if self.warmup:
                    put_back.append(_set(role.quantizer, "qnoise_factor", self.factor(step)))
                if self.stochastic and role.kind == "kernel":
                    put_back.append(_set(role.layer, role.attribute, self._dithered(role.quantizer, index, step)))
            yield
        finally:
            for undo in put_back:
                undo()

    def _dithered(self, quantizer: Any, index: int, step: Any) -> Callable[[Any], Any]:
        tf = load().tf

        def rounded_at_random(weights: Any) -> Any:
            weights = tf.convert_to_tensor(weights)
            seed = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(self.seed, tf.int64), step]), index)
            shift = tf.random.stateless_uniform(tf.shape(weights), seed, -0.5, 0.5, weights.dtype)
            return quantizer(weights + shift * tf.constant(_spacing(quantizer), weights.dtype))

        return rounded_at_random


def _set(owner: Any, attribute: str, value: Any) -> Callable[[], None]:
    """Replace an attribute behind the back of Keras' bookkeeping; the result puts the old one back."""
    old = vars(owner)[attribute]
    vars(owner)[attribute] = value
    return lambda: vars(owner).__setitem__(attribute, old)
