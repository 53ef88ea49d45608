"""Several teachers become one: their probabilities are mixed; and one teacher's probabilities are made honest. Numpy in and out.

Logits of a mixture are the logarithms of its probabilities, so whatever reads a teacher's logits reads a mixture's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

_LOG_T = (-4.0, 4.0)
_ROUNDS = 500


def nll(logits: np.ndarray, y: np.ndarray) -> float:
    """Mean negative log-likelihood (nats) of labels ``(n,)`` under logits ``(n, classes)``."""
    return float(-np.mean(log_softmax(np.asarray(logits, np.float64), 1)[np.arange(len(y)), y]))


def fitted_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The T for which ``softmax(logits / T)`` has the least negative log-likelihood (temperature scaling, Guo et al., arXiv:1706.04599).

    Args:
        logits: of validation samples, ``(n, classes)``.
        y: their labels ``(n,)``.
    """
    found = minimize_scalar(lambda s: nll(logits / np.exp(s), y), bounds=_LOG_T, method="bounded")
    return float(np.exp(found.x))


def validation_weights(members: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Weights ``(k,)``, sum 1, of the mixture under which validation labels are likeliest (expectation-maximisation, which cannot miss: the
    likelihood is concave in the weights).

    Args:
        members: each teacher's logits on validation samples, ``(n, classes)``.
        y: labels ``(n,)``.
    """
    right = np.stack([np.exp(log_softmax(np.asarray(m, np.float64), 1)[np.arange(len(y)), y]) for m in members], 1)
    weights = np.full(len(members), 1 / len(members))
    for _ in range(_ROUNDS):
        share = weights * right
        weights = np.mean(share / np.maximum(share.sum(1, keepdims=True), 1e-300), 0)
    return weights / weights.sum()


def confidences(members: Sequence[np.ndarray]) -> np.ndarray:
    """Weights ``(n, k)`` of each sample, proportional to ``1 - entropy / log(classes)`` of each teacher's probabilities."""
    logs = [log_softmax(np.asarray(m, np.float64), 1) for m in members]
    sure = np.stack([1 + np.sum(np.exp(v) * v, 1) / np.log(v.shape[1]) for v in logs], 1) + 1e-6
    return sure / sure.sum(1, keepdims=True)


def mixture(members: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Logits ``(n, classes)`` float32 of the weighted mean of probabilities.

    Args:
        members: k arrays ``(n, classes)`` of logits.
        weights: ``(k,)`` or ``(n, k)``, sum 1.
    """
    logs = np.stack([log_softmax(np.asarray(m, np.float64), 1) for m in members], 1)
    return logsumexp(logs, axis=1, b=np.broadcast_to(weights, logs.shape[:2])[:, :, None]).astype(np.float32)


def weights_for(combine: str, members: Sequence[np.ndarray], validation: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Weights of ``members`` under a recipe's ``distill.combine``; "attention" is trained later and starts from equal ones.

    Args:
        combine: "equal", "validation", "confidence" or "attention".
        members: logits that will be mixed, each ``(n, classes)``.
        validation: the same teachers' logits on validation samples.
        y: labels of those.
    """
    if combine == "validation":
        return validation_weights(validation, y)
    return confidences(members) if combine == "confidence" else np.full(len(members), 1 / len(members))
