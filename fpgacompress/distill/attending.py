"""Attention over teachers: for each sample the student's state asks, the teachers' answers are the keys, and their mixture teaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..keras_stack import load
from . import Objective, Term

NAME = "teachers"
"""Column of the history: cross entropy of the mixture against the labels."""
_WIDTH = 16


def member(number: int) -> str:
    """Name of one teacher's logits among the arrays."""
    return f"teacher_logits/{number}"


class Attention:
    """Weights over k teachers, ``softmax_j(q . k_j / sqrt(d))`` with query ``q = W_q student logits`` and keys ``k_j = W_j log p_j``.

    The student's logits are only looked at. What is trained are W_q and W_j, by the cross entropy of the mixture ``sum_j a_j p_j`` against the
    labels; were they trained by the distance of student and mixture, the teacher that is easiest to copy would win. All teachers have the same
    weight at the start.
    """

    def __init__(self, teachers: int, classes: int, rng: np.random.Generator) -> None:
        tf = load().tf
        self._tf, self.count = tf, teachers
        self.query = tf.Variable(np.zeros((classes, _WIDTH), np.float32), name="attention_query")
        self.keys = tf.Variable(
            rng.normal(0, 1 / math.sqrt(classes), (teachers, classes, _WIDTH)).astype(np.float32), name="attention_keys"
        )

    def log_weights(self, student: Any, logs: Any) -> Any:
        """``(batch, k)`` of student logits ``(batch, classes)`` and log-probabilities ``(batch, k, classes)``."""
        tf = self._tf
        query = tf.matmul(tf.nn.log_softmax(tf.stop_gradient(student)), self.query)
        keys = tf.einsum("bkc,kcd->bkd", logs, self.keys)
        return tf.nn.log_softmax(tf.einsum("bd,bkd->bk", query, keys) / math.sqrt(_WIDTH))

    def mixed(self, student: Any, batch: Mapping[str, Any]) -> Any:
        """Logits of the mixture, ``(batch, classes)``."""
        tf = self._tf
        logs = tf.stack([tf.nn.log_softmax(batch[member(k)]) for k in range(self.count)], 1)
        return tf.reduce_logsumexp(logs + self.log_weights(student, logs)[:, :, None], 1)


def attending(objective: Objective, teachers: int, classes: int, rng: np.random.Generator) -> Objective:
    """The same objective, whose teacher is a mixture that attends to each sample; ``rng`` draws its first weights."""
    tf, attention = load().tf, Attention(teachers, classes, rng)
    members = tuple(member(k) for k in range(teachers))

    def behind(term: Term) -> Term:
        if "teacher_logits" not in term.needs:
            return term

        def loss(student: Any, batch: Mapping[str, Any]) -> Any:
            return term.loss(student, {**batch, "teacher_logits": tf.stop_gradient(attention.mixed(student, batch))})

        needs = (*(n for n in term.needs if n != "teacher_logits"), *members)
        return replace(term, needs=tuple(dict.fromkeys(needs)), loss=loss)

    def fit(student: Any, batch: Mapping[str, Any]) -> Any:
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(batch["y"], attention.mixed(student, batch)))

    gate = Term(NAME, 1.0, members, fit, variables=(attention.query, attention.keys), beside=True)
    return replace(objective, terms=(*(behind(t) for t in objective.terms), gate))
