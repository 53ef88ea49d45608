"""The average of a student's weights over its training, which computes as the student does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UnsupportedError
from ..keras_stack import load, through, unwrapped
from ..keras_stack.graph import standing_in
from .companion import Companion

ANSWER = "average/logits"
"""Name of the average's logits in a batch."""


class Average(Companion):
    """An exponential moving average of all weights of a model: kernels, biases, moving statistics, learned bits.

    It has no layers of its own: its variables stand in for the student's while the student's layers are called, so that it computes with
    the very same quantizers. Pruned weights are pruned in it, too. Outside of the training there is no trace of it.

    Args:
        decay: share of the old average that is kept in each update, at most ``(1 + t) / (10 + t)`` after t of them.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.model: Any = None
        self._pairs: list[tuple[Any, Any]] = []  # the student's variable, its average
        self._places: list[tuple[Any, str, Any]] = []
        self._masks: list[tuple[Any, Any]] = []

    def meet(self, model: Any, pruned: Sequence[tuple[Any, Any]] = ()) -> None:
        """Start from the weights that the model has now, unless it is known.

        Raises:
            UnsupportedError: a layer keeps a weight where none can stand in for it.
        """
        if model is self.model:
            return
        tf, self.model = load().tf, model
        layers = [unwrapped(layer) for layer in model.layers]
        student = {id(v): v for layer in layers for v in layer.weights}
        twins = {key: tf.Variable(v, trainable=False, name=f"average/{v.name.partition(':')[0]}") for key, v in student.items()}
        self._pairs = [(student[key], twin) for key, twin in twins.items()]
        owners = {id(part): part for layer in layers for part in (layer, *layer.submodules)}
        self._places = [(owner, name, twins[id(v)]) for owner in owners.values() for name, v in vars(owner).items() if id(v) in twins]
        placed = {id(twin) for _, _, twin in self._places}
        for variable, twin in self._pairs:
            if id(twin) not in placed:
                raise UnsupportedError(
                    f"the weight '{variable.name}' cannot be averaged", expected="weights that are attributes of their layers"
                )
        self._masks = [(twins[id(weight)], mask) for weight, mask in pruned]

    def answers(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """:data:`ANSWER`: logits of the average for the batch's samples, ``(batch, classes)``, as outside of training."""
        with standing_in(self._places):
            return {ANSWER: load().tf.stop_gradient(through(self.model, batch["x"], training=False))}

    def after_update(self, step: Any) -> None:
        """Take the student's new weights in."""
        tf = load().tf
        t = tf.cast(step, tf.float32)
        taken = 1.0 - tf.minimum(self.decay, (1.0 + t) / (10.0 + t))
        for variable, twin in self._pairs:
            if twin.dtype.is_floating:
                twin.assign_add(tf.cast(taken, twin.dtype) * (variable - twin))
            else:
                twin.assign(variable)
        for twin, mask in self._masks:
            twin.assign(twin * mask)

    @property
    def kept(self) -> tuple[Any, ...]:
        """The average."""
        return tuple(twin for _, twin in self._pairs)
