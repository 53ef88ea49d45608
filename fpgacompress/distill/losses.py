"""Distillation losses between student and teacher logits, TensorFlow in and out."""

from __future__ import annotations

from typing import Any

from ..keras_stack import load


def soft_cross_entropy(student: Any, teacher: Any, temperature: float) -> Any:
    """``T^2 * KL(softmax(teacher / T) || softmax(student / T))``, mean over the batch.

    The factor T squared keeps the gradient's size independent of T (Hinton, Vinyals, Dean, arXiv:1503.02531, section 2).

    Args:
        student, teacher: logits ``(batch, classes)`` float32.
        temperature: T > 0.

    Returns:
        Scalar, nats.
    """
    tf = load().tf
    target = tf.nn.softmax(teacher / temperature)
    log_target = tf.nn.log_softmax(teacher / temperature)
    log_student = tf.nn.log_softmax(student / temperature)
    return temperature**2 * tf.reduce_mean(tf.reduce_sum(target * (log_target - log_student), axis=-1))


def standardise(logits: Any) -> Any:
    """Logits with mean 0 and standard deviation 1 in each sample (Sun et al., arXiv:2403.01427): only the order and spacing is taught."""
    tf = load().tf
    mean = tf.reduce_mean(logits, axis=-1, keepdims=True)
    deviation = tf.math.reduce_std(logits, axis=-1, keepdims=True)
    return (logits - mean) / (deviation + 1e-7)
