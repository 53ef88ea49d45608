"""What pruning methods ask of a training, answered by its step: gradients on training batches, inputs of layers, losses of other weights."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError
from ..keras_stack import load, unwrapped
from ..prune.masks import kernels_of
from ..prune.probe import Arrays, Probe

if TYPE_CHECKING:
    from .step import TrainingStep

BATCH = 128


class StepProbe(Probe):
    """Looks at the model of a training step, on batches drawn from its samples by the number of the update.

    The loss is that of labels and of the teacher's logits; terms of features and of what lives beside the student are left out.

    Args:
        step: of the training.
    """

    def __init__(self, step: TrainingStep) -> None:
        self._step, self._kernels = step, kernels_of(step.model)
        self._samples = int(step.arrays["x"].shape[0])
        self.batch_size = min(BATCH, self._samples)
        self._objective = step.objective.of_logits
        self._functions: dict[str, Callable[..., Any]] = {}

    def kernels(self) -> Arrays:
        """As :class:`Probe` says."""
        return {name: kernel.numpy() for name, kernel in self._kernels.items()}

    def quantized(self) -> Arrays:
        """As :class:`Probe` says."""
        found = {}
        for layer in map(unwrapped, self._step.model.layers):
            if layer.name in self._kernels:
                quantizer = getattr(layer, "kernel_quantizer_internal", None)
                if quantizer is None:
                    raise ModelError(f"pruning looks at quantized weights, and '{layer.name}' has no quantizer", expected="a QKeras layer")
                found[layer.name] = np.asarray(quantizer(layer.kernel))
        return found

    def gradients(self, batches: int, squared: bool = False) -> Arrays:
        """As :class:`Probe` says."""

        def asked(indices: Any) -> list[Any]:
            tf = load().tf
            sums = [tf.zeros_like(k) for k in self._kernels.values()]
            for i in tf.range(tf.shape(indices)[0]):
                found = self._gradient(indices[i])
                sums = [s + (g * g if squared else g) for s, g in zip(sums, found)]
            return sums

        return self._mean(f"gradients {squared}", asked, batches)

    def hessian_products(self, vectors: Arrays, batches: int) -> Arrays:
        """As :class:`Probe` says."""
        tf, names = load().tf, list(self._kernels)
        held = [tf.Variable(np.zeros(k.shape, np.float32), trainable=False) for k in self._kernels.values()]

        def asked(indices: Any) -> list[Any]:
            sums = [tf.zeros_like(k) for k in self._kernels.values()]
            for i in tf.range(tf.shape(indices)[0]):
                with tf.GradientTape() as tape:
                    found = self._gradient(indices[i])
                    product = tf.add_n([tf.reduce_sum(g * tf.stop_gradient(v)) for g, v in zip(found, held)])
                there = tape.gradient(product, list(self._kernels.values()), unconnected_gradients="zero")
                sums = [s + h for s, h in zip(sums, there)]
            return sums

        for variable, name in zip(held, names):
            variable.assign(vectors[name] if name in vectors else np.zeros(variable.shape, np.float32))
        return self._mean("", asked, batches)

    def input_squares(self, samples: int) -> Arrays:
        """As :class:`Probe` says; of a convolution the mean over all positions of the channel."""
        tf, model = load().tf, self._step.model
        layers = {unwrapped(layer).name: layer for layer in model.layers if unwrapped(layer).name in self._kernels}
        inside = load().keras.Model(model.inputs, [layer.input for layer in layers.values()])
        chosen = self._rng.permutation(self._samples)[:samples]
        x = tf.reshape(tf.gather(self._step.arrays["x"], np.sort(chosen)), [-1, *model.input_shape[1:]])
        found = tf.nest.flatten(inside(x, training=False))
        means = {name: np.mean(np.square(v.numpy()), axis=tuple(range(v.shape.rank - 1))) for name, v in zip(layers, found)}
        return {n: np.broadcast_to(means[n][:, None], self._kernels[n].shape) for n in self._kernels}

    def loss(self, kernels: Arrays, batches: int) -> float:
        """As :class:`Probe` says."""
        tf = load().tf
        if "loss" not in self._functions:
            spec = [tf.TensorSpec([None], tf.int32)]
            self._functions["loss"] = tf.function(self._loss, input_signature=spec)
        before = self.kernels()
        for name, value in kernels.items():
            self._kernels[name].assign(value)
        try:
            return float(np.mean([self._functions["loss"](row) for row in self._indices(batches)]))
        finally:
            for name in kernels:
                self._kernels[name].assign(before[name])

    # ----------------------------------------------------------------------------------------------------------------------------------

    @property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self._step.seed, int(self._step.step.numpy()), 1])

    def _indices(self, batches: int) -> np.ndarray:
        rng = self._rng
        return np.stack([rng.permutation(self._samples)[: self.batch_size] for _ in range(batches)]).astype(np.int32)

    def _loss(self, chosen: Any) -> Any:
        tf, step = load().tf, self._step
        names = ("y", *self._objective.needs)
        batch = {name: tf.gather(step.arrays[name], chosen) for name in names}
        x = tf.reshape(tf.gather(step.arrays["x"], chosen), [-1, *step.model.input_shape[1:]])
        return step.losses(step.model(x, training=False), batch, self._objective)[0]

    def _gradient(self, chosen: Any) -> list[Any]:
        tf, kernels = load().tf, list(self._kernels.values())
        with tf.GradientTape() as tape:
            loss = self._loss(chosen)
        return tape.gradient(loss, kernels, unconnected_gradients="zero")

    def _mean(self, name: str, asked: Callable[[Any], list[Any]], batches: int) -> Arrays:
        tf = load().tf
        if name not in self._functions:
            self._functions[name] = tf.function(asked, input_signature=[tf.TensorSpec([None, None], tf.int32)])
        function = self._functions.pop(name) if not name else self._functions[name]  # one without a name has variables of its own
        with self._unchanged():
            return {n: v.numpy() / batches for n, v in zip(self._kernels, function(self._indices(batches)))}

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """What a forward pass may move is as it was behind the block."""
        kept = [v for layer in self._step.model.layers for v in layer.non_trainable_weights]
        before = [v.numpy() for v in kept]
        try:
            yield
        finally:
            for variable, value in zip(kept, before):
                variable.assign(value)
