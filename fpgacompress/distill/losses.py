"""Distillation losses between student and teacher logits, TensorFlow in and out."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def decoupled(student: Any, teacher: Any, y: Any, temperature: float, target: float, others: float) -> tuple[Any, Any]:
    """Decoupled distillation (Zhao et al., arXiv:2203.08679, equation 7): ``target * T^2 * KL`` of the right class against all others together, and
    ``others * T^2 * KL`` among the wrong classes alone.

    Args:
        student, teacher: logits ``(batch, classes)`` float32.
        y: labels ``(batch,)`` int.
        temperature: T > 0.
        target, others: the paper's alpha and beta.

    Returns:
        The two scalars, nats.
    """
    tf = load().tf
    right = tf.one_hot(y, student.shape[-1], on_value=True, off_value=False)

    def split(logits: Any) -> tuple[Any, Any]:
        p = tf.nn.softmax(logits / temperature)
        hit = tf.reduce_sum(tf.where(right, p, 0.0), -1)
        pair = tf.math.log(tf.maximum(tf.stack([hit, 1.0 - hit], -1), 1e-7))
        return pair, tf.where(right, -1e4, logits / temperature)

    (pair_s, wrong_s), (pair_t, wrong_t) = split(student), split(teacher)
    binary = tf.reduce_mean(tf.reduce_sum(tf.exp(pair_t) * (pair_t - pair_s), -1))
    among = tf.reduce_mean(tf.reduce_sum(tf.nn.softmax(wrong_t) * (tf.nn.log_softmax(wrong_t) - tf.nn.log_softmax(wrong_s)), -1))
    return target * temperature**2 * binary, others * temperature**2 * among


def correlation_distance(a: Any, b: Any) -> Any:
    """``1 - Pearson's r`` along the last axis, mean over the others; scalar in 0..2 (Huang et al., arXiv:2205.10536, equation 5)."""
    tf = load().tf

    def normed(v: Any) -> Any:
        return tf.math.l2_normalize(v - tf.reduce_mean(v, -1, keepdims=True), -1, epsilon=1e-12)

    return 1.0 - tf.reduce_mean(tf.reduce_sum(normed(a) * normed(b), -1))


def binary_cross(student: Any, teacher: Any, temperature: float) -> Any:
    """``T^2 * KL`` between Bernoulli variables ``sigmoid(logit / T)``, mean over batch and classes: for labels that do not exclude each other.

    Args:
        student, teacher: logits ``(batch, classes)`` float32.
        temperature: T > 0.

    Returns:
        Scalar, nats.
    """
    tf = load().tf
    t, s = teacher / temperature, student / temperature
    p = tf.sigmoid(t)
    kl = p * (tf.math.log_sigmoid(t) - tf.math.log_sigmoid(s)) + (1 - p) * (tf.math.log_sigmoid(-t) - tf.math.log_sigmoid(-s))
    return temperature**2 * tf.reduce_mean(kl)


def attention_map(feature: Any) -> Any:
    """``sum over channels of A^2``, flattened and of length 1 in each sample (Zagoruyko, Komodakis, arXiv:1612.03928, equations 1 and 2).

    Args:
        feature: ``(batch, height[, width], channels)``.

    Returns:
        ``(batch, height * width)``.
    """
    tf = load().tf
    energy = tf.reduce_sum(tf.square(feature), -1)
    return tf.math.l2_normalize(tf.reshape(energy, [-1, math.prod(energy.shape[1:])]), -1, epsilon=1e-12)


def unit(vector: Any) -> Any:
    """``(batch, n)`` with length 1 in each sample, however small it is; what is 0 stays 0 and has no gradient."""
    tf = load().tf
    largest = tf.stop_gradient(tf.reduce_max(tf.abs(vector), -1, keepdims=True))
    alive = largest > 1e-30
    return tf.where(alive, tf.math.l2_normalize(tf.where(alive, vector / tf.where(alive, largest, 1.0), 1.0), -1), 0.0)


def input_direction(forward: Callable[[Any], Any], x: Any, y: Any) -> Any:
    """Derivative of the cross entropy with respect to the input, of length 1 in each sample, ``(batch, inputs)``.

    The cross entropy is ``log(1 + exp(m))`` of ``m = logsumexp(wrong logits) - right logit``, so its derivative has the direction of that
    of ``m``, which float32 holds even where the model is so sure that the cross entropy is 0.

    Args:
        forward: x -> logits ``(batch, classes)``.
        x: inputs ``(batch, ...)`` float32.
        y: labels ``(batch,)`` int.
    """
    tf = load().tf
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = forward(x)
        right = tf.one_hot(y, logits.shape[-1], on_value=True, off_value=False)
        wrong = tf.reduce_logsumexp(tf.where(right, -1e9, logits), -1)
        margin = tf.reduce_sum(wrong) - tf.reduce_sum(tf.where(right, logits, 0.0))
    return unit(flat(tape.gradient(margin, x)))


def class_sums(logits: Any, classes: int) -> Any:
    """Logits whose probabilities are those of the subclasses summed by class, ``(batch, classes)``, of ``(batch, classes * s)``."""
    tf = load().tf
    return tf.reduce_logsumexp(tf.reshape(logits, [-1, classes, logits.shape[-1] // classes]), -1)


def likeness(logits: Any, heat: float) -> Any:
    """How alike the samples of a batch are in their logits: ``mean_i log sum_j exp(v_i . v_j / heat) - 1 / heat - log(batch)``.

    ``v`` are the logits with mean 0 and length 1 in each sample (Mueller, Kornblith, Hinton, arXiv:2002.03936: the auxiliary loss that makes
    a teacher use all its subclasses). 0 where all samples have the same logits, below that elsewhere.

    Args:
        logits: ``(batch, n)``.
        heat: temperature > 0.

    Returns:
        Scalar, nats.
    """
    tf = load().tf
    v = tf.math.l2_normalize(logits - tf.reduce_mean(logits, -1, keepdims=True), -1, epsilon=1e-12)
    alike = tf.reduce_logsumexp(tf.matmul(v, v, transpose_b=True) / heat, -1)
    return tf.reduce_mean(alike) - 1.0 / heat - tf.math.log(tf.cast(tf.shape(logits)[0], tf.float32))


def flat(feature: Any) -> Any:
    """``(batch, everything else)``."""
    return load().tf.reshape(feature, [-1, math.prod(feature.shape[1:])])


def pair_distances(feature: Any) -> Any:
    """Euclidean distances between the samples of a batch in units of their mean, ``(batch, batch)`` (Park et al., arXiv:1904.05068, equation 6)."""
    tf = load().tf
    v = flat(feature)
    squares = tf.reduce_sum(v * v, -1)
    gram = squares[:, None] + squares[None] - 2.0 * tf.matmul(v, v, transpose_b=True)
    distances = tf.sqrt(tf.maximum(gram, 1e-12))
    apart = 1.0 - tf.eye(tf.shape(v)[0])
    return apart * distances / (tf.reduce_sum(apart * distances) / tf.reduce_sum(apart) + 1e-12)


def angles(feature: Any) -> Any:
    """Cosines of the angles that samples j and k make at sample i, ``(batch, batch, batch)`` (Park et al., equation 9)."""
    tf = load().tf
    v = flat(feature)
    towards = tf.math.l2_normalize(v[None] - v[:, None], -1, epsilon=1e-12)
    return tf.matmul(towards, towards, transpose_b=True)


def huber(a: Any, b: Any) -> Any:
    """Mean Huber loss of ``a - b`` with threshold 1."""
    tf = load().tf
    d = tf.abs(a - b)
    return tf.reduce_mean(tf.where(d < 1.0, 0.5 * d * d, d - 0.5))


def similarities(feature: Any) -> Any:
    """Inner products between the samples of a batch, each row of length 1, ``(batch, batch)`` (Tung, Mori, arXiv:1907.09682, equation 2)."""
    tf = load().tf
    v = flat(feature)
    return tf.math.l2_normalize(tf.matmul(v, v, transpose_b=True), -1, epsilon=1e-12)
