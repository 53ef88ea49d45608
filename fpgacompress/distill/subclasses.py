"""Subclasses that a trained teacher's features hold: a head of ``classes * s`` logits, fitted once on what the teacher computes.

It minimises ``cross entropy of the class probabilities, summed over subclasses + contrast * likeness`` (Mueller, Kornblith, Hinton,
arXiv:2002.03936, section 3), by Adam, the same bits each time.
"""

from __future__ import annotations

import numpy as np

from ..keras_stack import load
from .heads import Linear
from .losses import class_sums, likeness

UPDATES, BATCH, RATE = 400, 256, 1e-2
_SCALE_FROM = 10_000


def fitted_head(
    features: np.ndarray, y: np.ndarray, classes: int, subclasses: int, contrast: float, heat: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the head.

    Args:
        features: ``(n, d)``, such as a memory map.
        y: labels ``(n,)``.
        classes: number of classes.
        subclasses: of each class.
        contrast: weight of :func:`.losses.likeness`.
        heat: its temperature.

    Returns:
        Kernel ``(d, classes * subclasses)`` and bias, float32; the first ``subclasses`` columns are logits of class 0, and so on.
    """
    stack, rng = load(), np.random.default_rng(0)
    tf = stack.tf
    some = np.asarray(features[:_SCALE_FROM], np.float32)
    mean, deviation = some.mean(0), some.std(0)
    deviation[deviation < 1e-6] = 1.0
    head = Linear(features.shape[1], classes * subclasses, "subclasses", rng)
    optimizer = stack.keras.optimizers.legacy.Adam(RATE)

    def update(x: object, labels: object) -> None:
        with tf.GradientTape() as tape:
            logits = head((x - mean) / deviation)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, class_sums(logits, classes)))
            loss += contrast * likeness(logits, heat)
        optimizer.apply_gradients(zip(tape.gradient(loss, head.variables), head.variables))

    step, batch = tf.function(update), min(BATCH, len(y))
    for _ in range(UPDATES):
        chosen = np.sort(rng.choice(len(y), batch, replace=False))
        step(tf.constant(features[chosen], tf.float32), tf.constant(y[chosen], tf.int32))
    kernel = head.kernel.numpy() / deviation[:, None]
    return kernel, head.bias.numpy() - mean @ kernel
