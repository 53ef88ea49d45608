"""Softmax and sigmoid: in the model, at its end, and once more in the loss."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..files import Loss
from ..graph import squashing
from ..report import Finding
from ..rule import rule
from ..subject import Subject


@rule("softmax-end")
def softmax_end(subject: Subject) -> Iterator[Finding]:
    """The model ends in class probabilities, which hardware can only look up in a table."""
    if subject.tail is None:
        return
    layer, kind = subject.tail
    same = f"the largest of the {subject.classes} outputs is the same without it"
    if subject.classes == 1:
        same = "it is above one half exactly where its input is above zero"
    yield Finding(
        "softmax-end",
        "warning",
        layer.name,
        f"the model ends in a {kind}: no exact fixed-point form (hls4ml reads it from tables), and {same}",
        f"end in logits: drop the {kind}, put from_logits=True into the loss",
        {"function": kind, "classes": subject.classes},
    )


@rule("softmax-inside")
def softmax_inside(subject: Subject) -> Iterator[Finding]:
    """A softmax or sigmoid before the end."""
    last = subject.tail[0] if subject.tail else None
    for layer in subject.layers:
        kind = squashing(layer)
        if kind and layer is not last:
            yield Finding(
                "softmax-inside",
                "error",
                layer.name,
                f"a float {kind} inside the model has no exact fixed-point form: hardware reads another function from a table",
                "use quantized_relu, or quantized_sigmoid / quantized_tanh in their hard forms",
                {"function": kind},
            )


@dataclass(frozen=True)
class Costs:
    """What a loss with ``from_logits=True`` says about a perfect prediction, nats.

    Attributes:
        proper: on its logits.
        in_training: on the model's own last layer, as ``fit`` computes it.
        plain: on the same probabilities from anywhere else.
    """

    proper: float
    in_training: float
    plain: float


def costs(loss: Loss, layer: Any, classes: int) -> Costs:
    """Measured on logits of 30 for the right class and -30 for the others.

    Keras' backend hides the logits of its softmax and sigmoid in the tensor they return, and its cross entropies take them from there
    (tf_keras 2.21, backend.py, ``_get_logits``). Whether that saves this model is not assumed but measured, in a compiled function.
    """
    from ...keras_stack import load

    stack = load()
    tf = stack.tf
    function = stack.keras.losses.get(loss.config)
    squash = layer.activation if getattr(layer, "weights", None) else layer
    logits = np.full((1, classes), -30.0, np.float32)
    logits[0, 0] = 30.0
    target = np.zeros(1, np.int64) if "sparse" in loss.name.lower() else np.eye(1, classes, dtype=np.float32)

    def cost(z: Any) -> float:
        return float(tf.reduce_mean(function(target, z)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = tf.function(lambda z: tf.reduce_mean(function(target, squash(z))))(tf.constant(logits))
        return Costs(cost(tf.constant(logits)), float(trained), cost(tf.constant(squash(tf.constant(logits)).numpy())))


@rule("softmax-twice")
def softmax_twice(subject: Subject) -> Iterator[Finding]:
    """The loss was told that it gets logits, and the model delivers probabilities; or the other way round."""
    loss = subject.loss
    if loss is None or subject.classes is None or "crossentropy" not in loss.name.lower().replace("_", ""):
        return
    if subject.tail is None:
        if not loss.from_logits and subject.quantized:
            yield Finding(
                "softmax-twice",
                "warning",
                None,
                f"the loss {loss.name} was told to expect probabilities (from_logits=False), but the model ends in logits",
                "put from_logits=True into the loss",
                {"loss": loss.name, "from_logits": False},
            )
        return
    if not loss.from_logits or subject.classes < 2:
        return
    layer, kind = subject.tail
    found = costs(loss, layer, subject.classes)
    twice = found.in_training - found.proper > 0.01
    evidence = (
        f"{loss.name}(from_logits=True) is given the outputs of a {kind}; squashed twice, a perfect prediction costs {found.plain:.3f} "
        f"instead of {found.proper:.3f}"
    )
    if twice:
        evidence += ", and so it does in training: the gradient fades long before"
    else:
        evidence += (
            f". This Keras notices and takes the logits (measured {found.in_training:.3f}); a distiller or a loss of your own does not"
        )
    yield Finding(
        "softmax-twice",
        "error" if twice else "warning",
        layer.name,
        evidence,
        f"drop the {kind} from the model, or from_logits from the loss",
        {"loss": loss.name, "from_logits": True, "classes": subject.classes, **asdict(found)},
    )
