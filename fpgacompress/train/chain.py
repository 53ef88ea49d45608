"""A chain of dense layers with learned bits as arrays, in which one column at a time is changed and all that lies behind it computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..keras_stack import load
from ..keras_stack.graph import unwrapped
from ..quantize.sites import producers

_PASSED = ("InputLayer", "Flatten", "Reshape", "Dropout")


@dataclass
class Rounding:
    """The quantizer in front of a layer, one number per value that the layer reads.

    Attributes:
        quantizer: that learned them; None for the network's input as it comes.
        fraction, integer: bits, (n,) float64; integer bits without sign.
        width: bits of a value where there is no quantizer.
    """

    quantizer: Any
    fraction: np.ndarray
    integer: np.ndarray
    width: float

    @property
    def signed(self) -> bool:
        """Whether values may be negative."""
        return bool(self.quantizer is not None and self.quantizer.signed)

    @property
    def each(self) -> bool:
        """Whether each value has bits of its own, which may be changed."""
        return self.quantizer is not None and self.quantizer.shape != (1,)

    def bits_of(self, fraction: Any, integer: Any) -> Any:
        """Bits of values with these fractional and integer bits, not below 0."""
        return np.maximum(fraction + integer + self.signed, 0.0)

    @property
    def bits(self) -> np.ndarray:
        """Bits of each value, (n,)."""
        return self.bits_of(self.fraction, self.integer) if self.quantizer is not None else np.full(len(self.fraction), self.width)


@dataclass
class Dense:
    """One layer.

    Attributes:
        layer: the Keras layer.
        reads: what rounds its input.
        kernel: (n_in + 1, n_out) float32, exact values; the last row is the bias.
        free: which of them may be changed, the same shape.
        bias_step: (n_out,), what a bias moves by.
        rows, columns: places in the Keras layer of what ``kernel`` holds, int.
    """

    layer: Any
    reads: Rounding
    kernel: np.ndarray
    free: np.ndarray
    bias_step: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def _reads(quantizer: Any, count: int, width: float) -> Rounding:
    if quantizer is None:
        return Rounding(None, np.zeros(count), np.zeros(count), width)
    fraction, integer = (np.ravel(v).astype(np.float64) for v in (quantizer.fractions, quantizer.integers))
    return Rounding(quantizer, *(np.tile(v, count // len(v)) for v in (fraction, integer)), width)


def _dense(layer: Any, reads: Rounding, mask: Any) -> Dense:
    kernel = layer.kernel_quantizer_internal(layer.kernel).numpy()
    free = np.ones(kernel.shape, bool) if mask is None else mask.numpy() != 0
    bias, step = np.zeros(kernel.shape[1], np.float32), np.zeros(kernel.shape[1])
    if layer.use_bias:
        bias = layer.bias_quantizer_internal(layer.bias).numpy()
        step = np.broadcast_to(2.0 ** -layer.bias_quantizer_internal.fractions.astype(np.float64), bias.shape)
    free = np.concatenate([free, np.full((1, kernel.shape[1]), layer.use_bias)])
    free[:, list(layer.kernel_quantizer_internal.silent)] = False
    whole = np.concatenate([kernel, bias[None]]).astype(np.float32)
    return Dense(layer, reads, whole, free, step, *(np.arange(n) for n in kernel.shape))


def layers_of(model: Any, input_bits: int, pruned: Sequence[tuple[Any, Any]] = ()) -> list[Dense]:
    """The layers of a model made by :func:`fpgacompress.quantize.learned.learned_twin`, as they compute now.

    Args:
        model: the network.
        input_bits: width of its input where it does not quantize it itself.
        pruned: (kernel variable, mask variable) of what is held at zero.

    Raises:
        UnsupportedError: it is not a chain of dense layers with one learned quantizer between any two.
    """
    found: list[Dense] = []
    waiting: Any = None
    masks = {id(kernel): mask for kernel, mask in pruned}
    for node in model.layers:
        layer, kind = unwrapped(node), type(unwrapped(node)).__name__
        if len(producers(node)) > 1 or kind not in (*_PASSED, "QActivation", "QDense"):
            raise _unsupported(layer, "stands in the network")
        if kind == "QActivation":
            if waiting is not None or not hasattr(layer.quantizer, "fractions"):
                raise _unsupported(layer, "quantizes what is quantized" if waiting is not None else "has no learned bits")
            waiting = layer.quantizer
        elif kind == "QDense":
            inside = layer.activation
            if len(node.input_shape) != 2:
                raise _unsupported(layer, f"reads inputs of shape {node.input_shape[1:]}")
            if found and waiting is None:
                raise _unsupported(layer, "reads sums that no quantizer rounds")
            if not hasattr(inside, "fractions") and getattr(inside, "__name__", "linear") != "linear":
                raise _unsupported(layer, f"has the activation {inside}, without learned bits")
            found.append(_dense(layer, _reads(waiting, int(layer.kernel.shape[0]), float(input_bits)), masks.get(id(layer.kernel))))
            waiting = inside if hasattr(inside, "fractions") else None
    if waiting is not None or not found:
        raise _unsupported(unwrapped(model.layers[-1]), "stands at the end")
    return found


def _unsupported(layer: Any, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"layer '{layer.name}' ({type(layer).__name__}) {what}: coordinate descent cannot improve this network",
        expected="dense layers one behind the other, logits last, with one activation of learned bits between any two",
        do="set descent_sweeps: 0",
    )


def _chosen(alive: np.ndarray) -> np.ndarray:
    """Places of those alive, and so many others that there is a power of two of them, or all: few sizes have to be compiled."""
    count = min(1 << max(int(alive.sum()) - 1, 0).bit_length(), len(alive))
    return np.sort(np.argsort(~alive, kind="stable")[:count])


def without_dead(layers: list[Dense]) -> list[Dense]:
    """The same computation without most of what no result depends on: hidden values of 0 bits or that no weight reads."""
    found, rows = [], layers[0].rows
    for place, dense in enumerate(layers):
        columns = dense.columns
        if place + 1 < len(layers):
            later = layers[place + 1]
            columns = _chosen((later.reads.bits > 0) & np.any(later.kernel[:-1] != 0, axis=1))
        reads = Rounding(dense.reads.quantizer, dense.reads.fraction[rows], dense.reads.integer[rows], dense.reads.width)
        cut = np.ix_([*rows, len(dense.kernel) - 1], columns)
        found.append(Dense(dense.layer, reads, dense.kernel[cut], dense.free[cut], dense.bias_step[columns], rows, columns))
        rows = columns
    return found


def whole(values: Any) -> np.ndarray:
    """Multiples of ``2**-24`` as int64."""
    return np.rint(np.asarray(values, np.float64) * 2.0**24).astype(np.int64)


def places(values: Any) -> np.ndarray:
    """Fractional bits that hold each number exactly, negative for multiples of 2; 0 for 0."""
    n = whole(values)
    return np.where(n != 0, 24 - np.log2(np.maximum(n & -n, 1)), 0.0)


def _limits(fraction: np.ndarray, integer: np.ndarray, signed: bool) -> tuple[np.ndarray, ...]:
    """Inverse step, step, lowest and highest value of these bits, float32."""
    step, top = 2.0**-fraction, 2.0**integer
    low = np.where(signed & (top >= step), -top, 0.0)
    return tuple(v.astype(np.float32) for v in (1 / step, step, low, np.maximum(top - step, 0.0)))


class Chain:
    """The layers' values for given samples, samples last: sums ``z[l]`` (n_out, n) and what they read ``h[l]`` (n_in + 1, n), the last row 1.

    Args:
        layers: see :func:`layers_of`; their arrays are changed by the caller, then :meth:`refresh`.
        x: samples, (n, ...).
        loss: of logits (n, classes), a scalar tensor.
    """

    def __init__(self, layers: list[Dense], x: np.ndarray, loss: Callable[[Any], Any]) -> None:
        tf = load().tf
        self.layers, self._loss = layers, loss
        self._x = tf.constant(np.ascontiguousarray(np.reshape(x, (len(x), -1)).T, np.float32))
        self._forward = tf.function(self._compute, jit_compile=True)
        self._weights = [tf.function(self._tried_weights(i), jit_compile=True) for i in range(len(layers))]
        self._bits = [tf.function(self._tried_bits(i), jit_compile=True) for i in range(len(layers))]
        self.refresh()

    def refresh(self) -> float:
        """Compute everything anew from the layers' arrays; returns the loss."""
        tf = load().tf
        self.kernels = [tf.constant(layer.kernel) for layer in self.layers]
        reads = [layer.reads for layer in self.layers]
        self.bits = [tuple(map(tf.constant, _limits(r.fraction, r.integer, r.signed))) for r in reads]
        self.z, self.h, loss = self._forward(self.kernels, self.bits)
        return float(loss)

    def weights(self, place: int, row: int, column: int, values: np.ndarray) -> np.ndarray:
        """Losses with each of ``values`` (k,) in place of one weight or bias."""
        return self._weights[place](
            self.kernels, self.bits, self.z, self.h, np.int32(row), np.int32(column), values.astype(np.float32)
        ).numpy()

    def activations(self, place: int, row: int, fraction: np.ndarray, integer: np.ndarray) -> np.ndarray:
        """Losses with each of these bits (k,) for one value that a layer reads."""
        limits = _limits(fraction, integer, self.layers[place].reads.signed)
        return self._bits[place](self.kernels, self.bits, self.z, self.h, np.int32(row), limits).numpy()

    # compiled; indices by gather: a slice at a place that XLA does not know compiles anew for each place ---------------------------------

    def _read(self, place: int, z: Any, limits: Any) -> Any:
        tf, quantizer = load().tf, self.layers[place].reads.quantizer
        if quantizer is None:
            return z
        inverse, step, low, high = limits
        return tf.clip_by_value(tf.floor(z * inverse + (0.5 if quantizer.rounding == "nearest" else 0.0)) * step, low, high)

    def _compute(self, kernels: Any, bits: Any) -> Any:
        tf = load().tf
        values, sums, read = self._x, [], []
        for place, kernel in enumerate(kernels):
            h = self._read(place, values, [v[:, None] for v in bits[place]])
            read.append(tf.concat([h, tf.ones_like(h[:1])], 0))
            values = tf.linalg.matmul(kernel, read[-1], transpose_a=True)
            sums.append(values)
        return sums, read, self._loss(tf.transpose(values))

    def _each(self, tried: Callable[[Any], Any], values: Any) -> Any:
        """Losses of ``tried`` for each of ``values``, one after the other: one network's sums stay in the processor's cache."""
        tf = load().tf
        return tf.map_fn(tried, values, fn_output_signature=tf.float32)

    def _behind(self, place: int, row: Any, values: Any, kernels: Any, bits: Any, z: Any, h: Any) -> Any:
        """The loss with these values (n,) in place of those of one row that layer ``place`` reads."""
        tf = load().tf
        sums = z[place] + tf.gather(kernels[place], row)[:, None] * (values - tf.gather(h[place], row))
        for later in range(place + 1, len(kernels)):
            read = self._read(later, sums, [v[:, None] for v in bits[later]])
            sums = tf.linalg.matmul(kernels[later][:-1], read, transpose_a=True) + kernels[later][-1][:, None]
        return self._loss(tf.transpose(sums))

    def _tried_weights(self, place: int) -> Callable[..., Any]:
        tf = load().tf
        last = place + 1 == len(self.layers)

        def tried(kernels: Any, bits: Any, z: Any, h: Any, row: Any, column: Any, values: Any) -> Any:
            now = tf.gather(tf.gather(kernels[place], row), column)
            sums, reads = tf.gather(z[place], column), tf.gather(h[place], row)
            here = tf.one_hot(column, z[place].shape[0], on_value=True, off_value=False)[:, None]

            def one(value: Any) -> Any:
                changed = sums + (value - now) * reads
                if last:
                    return self._loss(tf.transpose(tf.where(here, changed, z[place])))
                changed = self._read(place + 1, changed, [tf.gather(v, column) for v in bits[place + 1]])
                return self._behind(place + 1, column, changed, kernels, bits, z, h)

            return self._each(one, values)

        return tried

    def _tried_bits(self, place: int) -> Callable[..., Any]:
        tf = load().tf

        def tried(kernels: Any, bits: Any, z: Any, h: Any, row: Any, limits: Any) -> Any:
            source = tf.gather(z[place - 1] if place else self._x, row)

            def one(own: Any) -> Any:
                return self._behind(place, row, self._read(place, source, tf.unstack(own)), kernels, bits, z, h)

            return self._each(one, tf.stack(limits, axis=1))

        return tried


def put_back(layers: list[Dense]) -> None:
    """Give the model's variables the values and bits of the arrays; what was left out becomes 0."""
    for dense in layers:
        layer, quantizer = dense.layer, dense.layer.kernel_quantizer_internal
        kernel = np.zeros(layer.kernel.shape, np.float32)
        kernel[np.ix_(dense.rows, dense.columns)] = dense.kernel[:-1]
        layer.kernel.assign(kernel)
        fraction = np.where(kernel != 0, places(kernel), quantizer.fraction.numpy())
        axes = tuple(i for i, n in enumerate(quantizer.shape) if n == 1 and kernel.shape[i] != 1)
        quantizer.fraction.assign(np.max(fraction, axes, keepdims=True) if axes else fraction)
        if layer.use_bias:
            bias = np.zeros(layer.bias.shape, np.float32)
            bias[dense.columns] = dense.kernel[-1]
            layer.bias.assign(bias)
        if dense.reads.each:
            rounding = dense.reads.quantizer
            for variable, values in ((rounding.fraction, dense.reads.fraction), (rounding.range, dense.reads.integer)):
                flat = variable.numpy().ravel()
                flat[dense.rows] = values
                variable.assign(flat.reshape(rounding.shape))
