"""The one training step: task loss, distillation terms, fake quantization (in the model) and masks, compiled into one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..distill import Objective
from ..distill.features import layer_of
from ..errors import ModelError
from ..keras_stack import load, through, unwrapped
from ..keras_stack.graph import reads_series
from ..prune import Pruning
from ..views import AUGMENTS
from .probe import StepProbe
from .quantizing import Quantizing

RESTING = 0.1
"""Share of a cycle of "restarts" that trains at the lowest rate."""
_DECAY, _LOWEST = 0.97, 1e-3


class TrainingStep:
    """Updates of one model.

    A call of :meth:`run` executes many updates inside one TensorFlow function: batches are gathered from arrays that stay in TensorFlow's
    memory, so no Python runs between updates.

    Args:
        model: Keras model ending in logits ``(batch, classes)``; its fake quantizers and pruning wrappers act in its forward pass.
        objective: task weight and distillation terms.
        arrays: "x" ``(n, *input_shape)`` float32 (images ``(n, height, width[, channels])`` where they are augmented), "y" ``(n,)`` int, and whatever the terms need, all with the same first axis.
        pruning: the model's masks; they change in front of the updates that it names, and are held after each update.
        class_weights: ``(classes,)`` float32 weights of the task loss, or None.
        learning_rate: peak rate of Adam.
        total_steps: updates of the whole training, for the schedule.
        schedule: "cosine" (to zero), "constant", or "restarts" (cosine anew in each cycle, each peak 3 % lower, the last tenth of a cycle at a
            thousandth of the peak).
        cycle: updates of a cycle of "restarts".
        warmup: updates in which the rate rises from 0 (of the whole training, any schedule): the first steps of Adam have the size of the rate
            in every direction, which throws a trained model of few bits far back.
        augment: name in :data:`fpgacompress.views.AUGMENTS`; the view of each image is drawn from ``seed`` and step number.
        augmented: updates in which images are augmented; None: all.
        seed: seed of the augmentation.
        quantizing: how the quantizers act in training; exactly as outside of it when absent.
        compiled: let XLA compile the step for the processor. Worth it for small models and many updates (learned bits: 3 times faster);
            each new number of batches in a call compiles anew.
    """

    def __init__(
        self,
        model: Any,
        objective: Objective,
        arrays: Mapping[str, np.ndarray],
        *,
        pruning: Pruning,
        class_weights: np.ndarray | None,
        learning_rate: float,
        total_steps: int,
        schedule: str,
        cycle: int = 1,
        warmup: int = 0,
        augment: str = "none",
        augmented: int | None = None,
        seed: int = 0,
        quantizing: Quantizing | None = None,
        compiled: bool = False,
    ) -> None:
        stack = load()
        self._tf = tf = stack.tf
        self.model, self.objective, self.pruning = model, objective, pruning
        if augment != "none" and (arrays["x"].ndim < 3 or reads_series(model)):
            raise ModelError(
                f"augment '{augment}' on samples of shape {arrays['x'].shape[1:]}",
                expected="images (height, width) or (height, width, channels)",
                do="use augment: none",
            )
        self.augment, self.augmented, self.seed = augment, augmented, seed
        self.peak, self.schedule, self.cycle, self.warmup = learning_rate, schedule, cycle, warmup
        self.quantizing, self._compiled = quantizing or Quantizing(model), compiled
        # the legacy optimizer updates each variable in one fused kernel
        self.optimizer = stack.keras.optimizers.legacy.Adam(learning_rate)
        self._inside = self._with_features()
        objective.meet(model, pruning.pairs)
        self.optimizer._create_all_weights(self._trained)
        names = ("x", "y", *objective.needs)
        self._views = AUGMENTS[augment]
        self._seen = [name for name in objective.needs if len(self._views) > 1 and name + self._views[1].suffix in arrays]
        more = [name + view.suffix for name in self._seen for view in self._views[1:]]
        self.arrays = {name: tf.constant(arrays[name]) for name in (*names, *more)}
        self._class_weights = None if class_weights is None else tf.constant(class_weights, tf.float32)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        columns = ("loss", "task", *(t.name for t in objective.terms), "accuracy")
        self._sums = {c: tf.Variable(0.0, trainable=False) for c in columns}
        self.begin_stage(0, total_steps)

    def _with_features(self) -> Any:
        """The model, or one that gives the outputs of the layers that the terms read behind its logits."""
        reads = self.objective.reads
        if not reads:
            return self.model
        layers = {name: layer_of(self.model, name) for name in reads}
        for name, layer in layers.items():
            if layer is None:
                raise ModelError(f"a distillation term reads layer '{name}', which model '{self.model.name}' does not have")
        return load().keras.Model(self.model.inputs, [self.model.output, *(layers[name].output for name in reads)])

    @property
    def _trained(self) -> list[Any]:
        """Variables that the updates move: the model's, the terms', those that say what is pruned."""
        return [*self.model.trainable_variables, *self.objective.variables, *self.pruning.trained]

    def begin_stage(self, begin: int, end: int) -> None:
        """Run the learning rate's schedule from update ``begin`` to ``end``, and read the model's quantizers anew."""
        self._begin, self._end = begin, end
        self._updates = self._function()

    def _function(self) -> Any:
        tf = self._tf
        return tf.function(self._run, input_signature=[tf.TensorSpec([None, None], tf.int32)], jit_compile=self._compiled or None)

    def run(self, indices: np.ndarray) -> None:
        """One update for each row of sample numbers ``(updates, batch)`` int32, with the changes of the masks that are due."""
        begin, done = int(self.step.numpy()), 0
        while done < len(indices):
            if self.pruning.due(begin + done):
                self.pruning.change(begin + done, self.probe)
            count = min(len(indices) - done, self.pruning.until_due(begin + done) or len(indices))
            self._execute(indices[done : done + count])
            done += count

    @cached_property
    def probe(self) -> StepProbe:
        return StepProbe(self)

    def _execute(self, indices: np.ndarray) -> None:
        try:
            self._updates(indices)
        except self._tf.errors.UnimplementedError:
            if not self._compiled:
                raise
            self._compiled = False  # XLA has no deterministic gradient of max pooling; it says so before the first update
            self._updates = self._function()
            self._updates(indices)

    def _rate(self, step: Any) -> Any:
        tf = self._tf
        rate = self._scheduled(step)
        return rate * tf.minimum(tf.cast(step + 1, tf.float32) / self.warmup, 1.0) if self.warmup else rate

    def _scheduled(self, step: Any) -> Any:
        tf = self._tf
        if self.schedule == "constant":
            return tf.constant(self.peak)
        if self.schedule == "restarts":
            within = tf.cast(step % self.cycle, tf.float32) / ((1.0 - RESTING) * self.cycle)
            wave = 0.5 * (1.0 + tf.cos(np.pi * tf.minimum(within, 1.0)))
            peak = self.peak * tf.pow(_DECAY, tf.cast(step // self.cycle, tf.float32))
            return peak * wave + self.peak * _LOWEST
        fraction = tf.cast(step - self._begin, tf.float32) / (self._end - self._begin)
        return self.peak * 0.5 * (1.0 + tf.cos(np.pi * fraction))

    def _task_loss(self, y: Any, logits: Any) -> Any:
        tf = self._tf
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        if self._class_weights is not None:
            losses *= tf.gather(self._class_weights, y)
        return tf.reduce_mean(losses)

    def losses(self, logits: Any, batch: Mapping[str, Any], objective: Objective | None = None) -> tuple[Any, dict[str, Any]]:
        """The objective of a batch's logits, (n, classes), and its unweighted parts: "task" and each term by its name; scalar tensors.

        ``objective`` is one of fewer terms than the step's own. Terms that train what lives beside the student are a part, not in the sum.
        """
        objective = objective or self.objective
        task = self._task_loss(batch["y"], logits)
        loss, parts = objective.task_weight * task, {"task": task}
        for term in objective.terms:
            parts[term.name] = term.loss(logits, batch)
            if not term.beside:
                loss += term.weight * parts[term.name]
        return loss, parts

    def _again(self, x: Any) -> Any:
        """Logits of a further pass in the same update, as in training. Masks, their counters and moving statistics stay as they are."""
        kept = [v for layer in self.model.layers for v in unwrapped(layer).non_trainable_weights]
        before = [v.read_value() for v in kept]
        with self.quantizing.training(self.step), self.pruning.acting():
            logits = through(self.model, x, training=True)
        for variable, value in zip(kept, before):
            variable.assign(value)
        return logits

    def _asked(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with what terms may ask for, and what lives beside the student answers."""
        batch |= {"step": self.step, "forward": self._again, "labels": lambda logits: self._task_loss(batch["y"], logits)}
        for companion in self.objective.companions:
            batch |= companion.answers(batch)
        return batch

    def _update(self, batch: dict[str, Any]) -> None:
        tf, model = self._tf, self.model
        self.optimizer.learning_rate.assign(self._rate(self.step))
        with tf.GradientTape() as tape:
            with self.quantizing.training(self.step), self.pruning.acting():
                logits, *features = tf.nest.flatten(self._inside(batch["x"], training=True))
            batch = batch | {f"student/{name}": feature for name, feature in zip(self.objective.reads, features)}
            loss, parts = self.losses(logits, self._asked(batch))
            if model.losses:
                loss += tf.add_n(model.losses)
            everything = loss + sum(term.weight * parts[term.name] for term in self.objective.terms if term.beside) + self.pruning.penalty()
        variables = self._trained
        gradients = [g if g is None else self.pruning.taken(v, g) for g, v in zip(tape.gradient(everything, variables), variables)]
        self.optimizer.apply_gradients(zip(gradients, variables))
        self.pruning.after_update()
        self.step.assign_add(1)
        for companion in self.objective.companions:
            companion.after_update(self.step)
        right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), tf.cast(batch["y"], tf.int32)), tf.float32))
        for name, value in {"loss": loss, **parts, "accuracy": right}.items():
            self._sums[name].assign_add(value)

    def _augmented(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with a view of each image drawn at random, and for it what the teacher says of that view, where it was asked."""
        if len(self._views) == 1:
            return batch
        tf, x, last = self._tf, batch["x"], len(self._views) - 1
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.step])
        drawn = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], seed)
        chosen = last - tf.minimum(tf.cast(tf.reshape(drawn, [-1]) * (last + 1), tf.int32), last)
        if self.augmented is not None:
            chosen = tf.where(self.step < self.augmented, chosen, 0)
        pairs = tf.stack([chosen, tf.range(tf.shape(x)[0])], 1)

        def of(view: Any) -> Any:
            rows, columns = view.places(int(x.shape[1]), int(x.shape[2]))
            return tf.gather(tf.gather(x, rows, axis=1), columns, axis=2) if view.suffix else x

        images = tf.gather_nd(tf.stack([of(view) for view in self._views]), pairs)
        told = {n: tf.gather_nd(tf.stack([batch[n + view.suffix] for view in self._views]), pairs) for n in self._seen}
        return batch | told | {"x": tf.reshape(images, [-1, *self.model.input_shape[1:]])}

    def _run(self, indices: Any) -> None:
        tf = self._tf
        for i in tf.range(tf.shape(indices)[0]):
            chosen = indices[i]
            self._update(self._augmented({name: tf.gather(array, chosen) for name, array in self.arrays.items()}))

    def take_means(self, steps: int) -> dict[str, float]:
        """Means of loss, its terms and accuracy over the last ``steps`` updates; starts counting anew."""
        means = {name: float(total.numpy()) / steps for name, total in self._sums.items()}
        for total in self._sums.values():
            total.assign(0.0)
        return means

    @property
    def variables(self) -> Sequence[Any]:
        """Everything a checkpoint must hold: weights, optimizer, masks, step, and what the terms train and keep."""
        mask_variables = [*self.pruning.variables]
        model = [v for v in self.model.weights if not any(v is m for m in mask_variables)]
        return [*model, *mask_variables, *self.objective.state, *self.optimizer.variables(), self.step]
