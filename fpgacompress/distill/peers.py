"""Float models that learn beside the student, in the same updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..keras_stack import load, through
from .companion import Companion
from .losses import soft_cross_entropy


class Peers(Companion):
    """Some models with weights of their own.

    They are called as in training: BatchNormalization takes the batch's statistics and keeps its moving ones. What Dropout leaves out is a
    function of the update, so that a training that was interrupted goes on with the same numbers.

    Args:
        name: of their logits in a batch.
        models: float Keras models ending in logits, whose inputs are the student's in any shape.
    """

    def __init__(self, name: str, models: Sequence[Any]) -> None:
        self.name, self.models = name, tuple(models)

    def answers(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """:attr:`name`: logits of each model ``(batch, classes)``, a list."""
        return {self.name: [self._logits(number, model, batch) for number, model in enumerate(self.models)]}

    def _logits(self, number: int, model: Any, batch: Mapping[str, Any]) -> Any:
        stack = load()
        tf, dropped = stack.tf, []

        def call(layer: Any, args: Any, kwargs: Any) -> Any:
            if not isinstance(layer, stack.keras.layers.Dropout):
                return layer(*args, **kwargs)
            dropped.append(layer)
            seed = tf.stack([tf.cast(batch["step"], tf.int32), 1000 * number + len(dropped)])
            return tf.nn.experimental.stateless_dropout(args[0], layer.rate, seed, noise_shape=layer._get_noise_shape(args[0]))

        return through(model, tf.reshape(batch["x"], [-1, *model.input_shape[1:]]), training=True, call=call)

    def penalties(self) -> Any:
        """Sum of what the models' regularizers add to their losses."""
        found = [loss for model in self.models for loss in model.losses]
        return load().tf.add_n(found) if found else 0.0

    @property
    def variables(self) -> tuple[Any, ...]:
        """What is trained."""
        return tuple(v for model in self.models for v in model.trainable_weights)

    @property
    def kept(self) -> tuple[Any, ...]:
        """Moving statistics."""
        return tuple(v for model in self.models for v in model.non_trainable_weights)


def agreement(logits: Any, others: Sequence[Any], temperature: float) -> Any:
    """``T^2 * KL`` of softened probabilities to the mean of those of others, which is only looked at; scalar, nats.

    Args:
        logits: of who learns, ``(batch, classes)``.
        others: logits of those it learns from.
        temperature: T > 0.
    """
    tf = load().tf
    logs = tf.stack([tf.nn.log_softmax(o / temperature) for o in others])
    mean = tf.reduce_logsumexp(logs, 0) - tf.math.log(float(len(others)))
    return soft_cross_entropy(logits, tf.stop_gradient(temperature * mean), temperature)
