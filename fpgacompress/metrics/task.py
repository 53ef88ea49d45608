"""How well a classifier answers: accuracy, macro F1, AUC, calibration error and confusion matrix from logits, each with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special, stats

from ..errors import DataError, ModelError
from ..figures import Figure, unavailable
from .statistics import proportion

CONFIDENCE = 0.95
RESAMPLES = 1000
ECE_BINS = 15


def as_class_logits(logits: np.ndarray) -> np.ndarray:
    """Logits ``(n, c)`` float64 with one column per class; a single-logit binary net ``(n,)`` or ``(n, 1)`` becomes ``(0, z)``.

    Raises:
        ModelError: wrong number of axes, or values that are not finite.
    """
    z = np.asarray(logits, np.float64)
    if z.ndim == 1:
        z = z[:, None]
    if z.ndim != 2 or z.shape[1] == 0:
        raise ModelError(f"logits have shape {np.shape(logits)}", expected="(samples, classes), or (samples, 1) for a binary net")
    bad = int(np.sum(~np.isfinite(z).all(axis=1)))
    if bad:
        raise ModelError(f"logits of {bad:,} of {len(z):,} samples are not finite", do="look for a diverged training or NaN in the data")
    return np.concatenate([np.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z


def predictions(logits: np.ndarray) -> np.ndarray:
    """Predicted class ``(n,)`` int64. Ties, frequent with quantized logits, go to the lowest class as numpy's argmax does."""
    return np.argmax(as_class_logits(logits), axis=1)


def correct(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Booleans ``(n,)``: True where the predicted class is the label; what :func:`statistics.compare` wants."""
    return predictions(logits) == np.asarray(labels).ravel()


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``(classes, classes)`` int64; rows are true classes, columns predicted ones."""
    flat = np.asarray(labels).ravel() * classes + np.asarray(predicted).ravel()
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def f1_per_class(true_positives: np.ndarray, support: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """F1 = 2 TP / (support + predicted) along the last axis; NaN for a class neither present nor predicted (left out of the mean)."""
    total = support + predicted
    return np.where(total > 0, 2.0 * true_positives / np.maximum(total, 1), np.nan)


def macro_f1(confusion: np.ndarray, *, provenance: str | None = None, resamples: int = RESAMPLES, seed: int = 0) -> Figure:
    """Unweighted mean of the classes' F1 with a percentile bootstrap interval.

    F1 depends on the data only through the confusion matrix, so drawing the matrix from a multinomial over its cells *is* the
    bootstrap over samples (Efron 1979), without touching the samples.

    Args:
        confusion: counts ``(c, c)``, rows true.
        provenance: for the figure.
        resamples: bootstrap resamples.
        seed: seed of the bootstrap.
    """
    matrix = np.asarray(confusion, np.int64)
    n, rows_columns = int(matrix.sum()), np.nonzero(matrix)
    value = float(np.nanmean(f1_per_class(np.diag(matrix), matrix.sum(1), matrix.sum(0))))
    rows, columns = rows_columns
    draws = np.random.default_rng(seed).multinomial(n, matrix[rows_columns] / n, size=resamples).astype(np.float64)
    one_hot = np.eye(len(matrix))
    support, predicted = draws @ one_hot[rows], draws @ one_hot[columns]
    hits = (draws * (rows == columns)) @ one_hot[rows]
    low, high = np.quantile(np.nanmean(f1_per_class(hits, support, predicted), axis=1), [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    interval = f"95 % bootstrap percentile, {resamples:,} resamples of {n:,} samples"
    return Figure(value, "fraction", min(float(low), value), max(float(high), value), interval, "trained", provenance)


def _log_odds(z: np.ndarray) -> np.ndarray:
    """Log-odds of each class against all others, ``(n, c)``: ranks samples as the softmax does, but never saturates at 1."""
    columns = [z[:, k] - special.logsumexp(np.delete(z, k, axis=1), axis=1) for k in range(z.shape[1])]
    return np.round(np.stack(columns, axis=1), 9)  # rounding keeps true ties of quantized logits tied


def _placements(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """For every sample the share of the opposite group that it is ordered rightly against (ties count one half), ``(n,)``."""
    result = np.empty(len(scores))
    for group, sign in ((positive, 1), (~positive, -1)):
        others = np.sort(sign * scores[~group])
        own = sign * scores[group]
        result[group] = (np.searchsorted(others, own, "left") + np.searchsorted(others, own, "right")) / (2 * len(others))
    return result


def auc(logits: np.ndarray, labels: np.ndarray, *, provenance: str | None = None) -> Figure:
    """Area under the ROC curve: ordinary for two classes, macro average of one-vs-rest on the softmax's ranking for more.

    The interval is DeLong's (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837) on the logit scale: every sample's placement
    value is its contribution to the AUC; contributions of the classes are averaged before taking the variance within each true
    class, so that correlations between the one-vs-rest curves are counted.

    Args:
        logits: ``(n, c)``, ``(n, 1)`` or ``(n,)``.
        labels: integers ``(n,)``.
        provenance: for the figure.

    Returns:
        Figure; unavailable when fewer than two classes are present; classes without samples are left out of the average and named.
    """
    z, y = as_class_logits(logits), np.asarray(labels).ravel()
    n, classes = z.shape
    counts = np.bincount(y, minlength=classes)
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return unavailable(f"AUC needs samples of two classes, there are samples of {len(present)}", "fraction")
    columns = [1] if classes == 2 else list(present)
    odds = _log_odds(z)
    values, influence = [], np.zeros(n)
    for k in columns:
        positive = y == k
        placement = _placements(odds[:, k], positive)
        value = float(placement[positive].mean())
        values.append(value)
        influence += (placement - value) / (np.where(positive, counts[k], n - counts[k]) * len(columns))
    value = float(np.mean(values))
    figure = Figure(value, "fraction", stage="trained", provenance=provenance)
    kind = "" if classes == 2 else f", macro of {len(columns)} one-vs-rest curves"
    if len(columns) < classes and classes > 2:
        kind += f" (classes without samples: {classes - len(present)})"
    if min(counts[present]) < 2 or not 0.0 < value < 1.0:
        return figure  # one sample of a class, or every pair ordered rightly: DeLong has no variance to offer
    groups = (influence[y == c] for c in present)
    variance = float(sum(np.sum((g - g.mean()) ** 2) * len(g) / (len(g) - 1) for g in groups))
    half = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return figure.with_interval(float(low), float(high), f"95 % DeLong on the logit scale, {n:,} samples{kind}")


def calibration_error(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    provenance: str | None = None,
    bins: int = ECE_BINS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """Expected calibration error: mean gap between confidence and accuracy over equal-width confidence bins (Guo et al. 2017, ICML, eq. 3).

    The estimate is biased upwards by sampling noise (a perfectly calibrated net has ECE > 0 on a finite split), and so is the percentile
    bootstrap interval; both shrink with the number of samples.

    Args:
        logits: ``(n, c)``, ``(n, 1)`` or ``(n,)``; confidence is the largest softmax output.
        labels: integers ``(n,)``.
        provenance: for the figure.
        bins: number of equal-width bins of confidence.
        resamples: bootstrap resamples.
        seed: seed of the bootstrap.
    """
    z = as_class_logits(logits)
    confidence = special.softmax(z, axis=1).max(axis=1)
    gap = correct(z, labels) - confidence
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    n, rng = len(z), np.random.default_rng(seed)

    def ece(chosen: np.ndarray | slice) -> float:
        return float(np.abs(np.bincount(bin_of[chosen], gap[chosen], bins)).sum() / n)

    value = ece(slice(None))
    low, high = np.quantile([ece(rng.integers(n, size=n)) for _ in range(resamples)], [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    interval = f"95 % bootstrap percentile, {resamples:,} resamples of {n:,} samples; {bins} bins"
    return Figure(value, "fraction", min(float(low), value), max(float(high), value), interval, "trained", provenance)


def evaluate(
    logits: np.ndarray, labels: np.ndarray, classes: Sequence[str] | int, *, split: str, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Everything a report says about a classifier's answers on one split.

    Args:
        logits: ``(n, c)`` float; ``(n, 1)`` or ``(n,)`` for a binary net with one logit.
        labels: integers ``(n,)`` in ``0 .. c-1``.
        classes: the classes' names in label order, or their number.
        split: "test", "validation", ...; becomes the provenance "measured on the test split".
        resamples: bootstrap resamples.
        seed: seed of the bootstrap; same seed, same interval.

    Returns:
        ``{"split", "samples", "accuracy", "macro_f1", "auc", "ece"`` (figures, stage "trained"), ``"confusion": [[int]]``,
        ``"per_class": [{"class", "samples", "precision", "recall", "f1"}]}``; a ratio without a denominator is None.

    Raises:
        DataError: no samples, labels that do not match the logits or lie out of range.
        ModelError: logits of a wrong shape or not finite.
    """
    names = [str(k) for k in range(classes)] if isinstance(classes, int) else [str(c) for c in classes]
    z, y = as_class_logits(logits), np.asarray(labels).ravel()
    if len(y) == 0 or len(z) != len(y):
        raise DataError(
            f"{len(z):,} rows of logits and {len(y):,} labels in the {split} split", expected="as many of each, and at least one"
        )
    if z.shape[1] != len(names):
        raise DataError(
            f"logits have {z.shape[1]} classes, the data has {len(names)} ({', '.join(names[:12])})", expected="the same number"
        )
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= len(names):
        raise DataError(f"labels of type {y.dtype} from {y.min()} to {y.max()}", expected=f"integers from 0 to {len(names) - 1}")
    y = y.astype(np.int64)
    source = f"measured on the {split} split"
    matrix = confusion_matrix(y, predictions(z), len(names))
    hits, support, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    f1 = f1_per_class(hits, support, predicted)

    def ratio(a: int, b: int) -> float | None:
        return float(a / b) if b else None

    return {
        "split": split,
        "samples": int(len(y)),
        "accuracy": proportion(int(hits.sum()), len(y), stage="trained", provenance=source, what=f"{split} samples"),
        "macro_f1": macro_f1(matrix, provenance=source, resamples=resamples, seed=seed),
        "auc": auc(z, y, provenance=source),
        "ece": calibration_error(z, y, provenance=source, resamples=resamples, seed=seed),
        "confusion": matrix.tolist(),
        "per_class": [
            {
                "class": name,
                "samples": int(support[k]),
                "precision": ratio(hits[k], predicted[k]),
                "recall": ratio(hits[k], support[k]),
                "f1": None if np.isnan(f1[k]) else float(f1[k]),
            }
            for k, name in enumerate(names)
        ],
    }
