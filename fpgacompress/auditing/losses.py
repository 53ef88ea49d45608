"""What softened distillation is worth, in numbers (numpy only)."""

from __future__ import annotations

import math

import numpy as np

ODDS = 1e6
"""A confident teacher: its class is so many times likelier than each other one."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, float64."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def divergence(teacher: np.ndarray, student: np.ndarray, temperature: float) -> float:
    """``KL(softmax(teacher / T) || softmax(student / T))`` in nats, mean over rows; no factor T squared (Hinton et al., arXiv:1503.02531)."""
    target, found = softmax(teacher / temperature), softmax(student / temperature)
    return float(np.mean(np.sum(target * (np.log(np.maximum(target, 1e-300)) - np.log(np.maximum(found, 1e-300))), axis=-1)))


def confident_against_uniform(classes: int, temperature: float) -> tuple[float, float]:
    """The divergence between a confident teacher and a student that knows nothing: on outputs of a softmax, and on logits.

    Args:
        classes: number of classes.
        temperature: T.

    Returns:
        (softmax taken twice, on logits), nats.
    """
    teacher = np.zeros((1, classes))
    teacher[0, 0] = math.log(ODDS)
    student = np.zeros((1, classes))
    return divergence(softmax(teacher), softmax(student), temperature), divergence(teacher, student, temperature)


def cross_entropy(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Mean negative log of the probability of the right class, nats."""
    return float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(classes)), classes], 1e-7))))
