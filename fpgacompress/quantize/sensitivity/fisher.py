"""Sensitivity without running the quantized network: squared quantization errors weighed with the diagonal of the empirical Fisher matrix.

At a trained minimum the loss rises by about ``1/2 sum_i F_ii e_i**2`` when parameter or activation ``i`` is off by ``e_i``, with the
Fisher matrix in the place of the Hessian, which needs first derivatives only: ``F_ii = mean over samples of (d loss / d i)**2`` with the
labels of the data. Sources: Dong et al., "HAWQ-V2" (arXiv 1911.03852), weighs the squared quantization error of a layer with the mean
trace of its Hessian; Zandonati et al., "FIT" (arXiv 2210.08502), takes the trace of the empirical Fisher matrix instead, for activations
too. Here every entry keeps its own error instead of the layer's mean. Correlations between entries are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...keras_stack import load
from ...train.monitor import score
from ..sites import inner_activation
from .candidates import Candidates
from .forward import Forward, fake_quantized
from .table import BITS, Row, Sensitivity
from .tensors import KERNEL

SAMPLES = 512
_BATCH = 128


def fisher(candidates: Candidates, x: np.ndarray, y: np.ndarray, samples: int = SAMPLES) -> Sensitivity:
    """Estimated rise of the loss for each tensor at each of its widths, all else float.

    Args:
        candidates: the model and its tensors at every width.
        x: samples ``(n, *input shape)`` float32.
        y: class numbers ``(n,)``.
        samples: how many of them, from the first on, the Fisher matrix is averaged over.
    """
    started = time.perf_counter()
    x, y = np.asarray(x[:samples], np.float32), np.asarray(y[:samples], np.int32)
    forward = Forward(candidates.model)
    kernels = [t.layer for t in candidates.options if t.kind == KERNEL]
    results = [t for t in candidates.options if t.kind != KERNEL]
    squares = {name: np.zeros(forward.kernel(name).shape) for name in kernels}
    rises = {(t, bits): 0.0 for t in results for bits in candidates.options[t]}
    gradients = _gradients(forward, kernels, [t.layer for t in results])
    logits = []
    for start in range(0, len(x), _BATCH):
        out, by_kernel, by_result = gradients(x[start : start + _BATCH], y[start : start + _BATCH])
        logits.append(out.numpy())
        for name, squared in by_kernel.items():
            squares[name] += squared.numpy() / len(x)
        for tensor in results:
            values, slopes = by_result[tensor.layer]
            for bits in candidates.options[tensor]:
                kind = candidates.change({tensor: bits}).types.get(tensor.layer)
                if kind is not None:
                    errors = (fake_quantized(values, kind) - values) * slopes
                    rises[tensor, bits] += 0.5 * float(np.sum(np.square(errors, dtype=np.float64))) / len(x)
    rows = []
    for tensor, widths in candidates.options.items():
        for bits in widths:
            if tensor.kind == KERNEL:
                error = candidates.kernels[tensor.layer, bits] - forward.kernel(tensor.layer).numpy()
                rows.append(Row(tensor, BITS, bits, 0.5 * float(np.sum(squares[tensor.layer] * np.square(error, dtype=np.float64)))))
            else:
                rows.append(Row(tensor, BITS, bits, rises[tensor, bits]))
    told = score(np.concatenate(logits), y)
    return Sensitivity("fisher", "float", len(x), told["val_loss"], told["val_accuracy"], tuple(rows), time.perf_counter() - started)


def _gradients(forward: Forward, kernels: list[str], results: list[str]) -> Callable[[np.ndarray, np.ndarray], tuple[Any, dict, dict]]:
    """A compiled function of samples and labels: logits, the sum over samples of each kernel's squared gradients, and (values, gradients)
    of each result, all of each sample's own loss.

    The gradient of a plain dense kernel is ``x_i d_o`` with ``d`` that of the layer's result, so its squares are summed by one product;
    other kernels take the whole Jacobian.
    """
    tf = load().tf
    last = forward.layers[-1].name
    dense = [name for name in kernels if _is_plain_dense(forward.model.get_layer(name))]
    others = [name for name in kernels if name not in dense]

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec([None, *forward.model.input_shape[1:]], tf.float32), tf.TensorSpec([None], tf.int32)],
    )
    def gradients(x: Any, y: Any) -> tuple[Any, dict, dict]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            values = forward.run(x)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, values[last])
            total = tf.reduce_sum(losses)  # a result belongs to one sample, so the gradient of the sum is that of its own loss
        wanted = [*results, *dense]
        slopes = dict(zip(wanted, tape.gradient(total, [values[name] for name in wanted])))
        squares = {n: tf.matmul(tf.square(values[forward.sources[n][0]]), tf.square(slopes[n]), transpose_a=True) for n in dense}
        if others:
            each = tape.jacobian(losses, [forward.kernel(name) for name in others])
            squares |= {name: tf.reduce_sum(tf.square(g), axis=0) for name, g in zip(others, each)}
        return values[last], squares, {name: (values[name], slopes[name]) for name in results}

    return gradients


def _is_plain_dense(layer: Any) -> bool:
    """A matrix product on a vector, without an activation of its own."""
    return type(layer).__name__ == "Dense" and len(layer.input_shape) == 2 and inner_activation(layer) == "linear"
