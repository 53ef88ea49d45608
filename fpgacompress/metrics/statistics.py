"""How sure a comparison is: intervals for proportions, paired tests on the same samples, intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from ..errors import DataError
from ..figures import Figure, unavailable


def _level(confidence: float) -> str:
    return f"{100 * confidence:g} %"


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209).

    Args:
        successes: how many of the ``n`` independent trials succeeded.
        n: number of trials, at least 1.
        confidence: coverage, for example 0.95.

    Returns:
        ``(low, high)`` as fractions.

    Raises:
        DataError: no trials, or more successes than trials.
    """
    if n < 1 or not 0 <= successes <= n:
        raise DataError(f"{successes} successes of {n} trials", expected="0 <= successes <= trials, and at least one trial")
    interval = stats.binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def proportion(
    successes: int,
    n: int,
    unit: str = "fraction",
    *,
    stage: str | None = None,
    provenance: str | None = None,
    what: str = "samples",
    confidence: float = 0.95,
) -> Figure:
    """``successes / n`` as a figure with its :func:`wilson` interval; ``what`` names the trials in the interval's text."""
    low, high = wilson(successes, n, confidence)
    return Figure(successes / n, unit, low, high, f"{_level(confidence)} Wilson, {n:,} {what}", stage, provenance)


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same samples.

    Attributes:
        difference: accuracy of ``a`` minus accuracy of ``b``.
        low, high: interval of the difference.
        p: two-sided p value of McNemar's test that both are equally often right.
        only_a: samples that only ``a`` got right.
        only_b: samples that only ``b`` got right.
        n: samples.
        method: which test and which interval.
    """

    difference: float
    low: float
    high: float
    p: float
    only_a: int
    only_b: int
    n: int
    method: str


def mcnemar_p(only_a: int, only_b: int, method: Literal["exact", "mid-p"] = "mid-p") -> float:
    """Two-sided p value of McNemar's test from the discordant counts alone.

    ``exact`` is the conditional binomial test; ``mid-p`` subtracts half of the double-counted point probability, keeps the nominal level
    in practice and is less conservative (Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol. 13:91, eq. 4).
    """
    discordant = int(only_a) + int(only_b)
    if discordant == 0:
        return 1.0
    p = float(stats.binomtest(int(only_a), discordant, 0.5).pvalue)
    if method == "exact":
        return p
    return min(1.0, p - float(stats.binom.pmf(only_a, discordant, 0.5)))


def newcombe_paired(both: int, only_a: int, only_b: int, neither: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two paired proportions, (both + only_a)/n - (both + only_b)/n.

    Newcombe's square-and-add interval with the corrected correlation (Newcombe 1998, Stat. Med. 17:2635, method 10):
    Wilson intervals of the two proportions joined by phi. It stays inside [-1, 1] and is proper also when nobody disagrees.
    """
    n = both + only_a + only_b + neither
    p_a, p_b = (both + only_a) / n, (both + only_b) / n
    low_a, high_a = wilson(both + only_a, n, confidence)
    low_b, high_b = wilson(both + only_b, n, confidence)
    margins = float(both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    phi = 0.0
    if margins > 0:
        cross = float(both) * neither - float(only_a) * only_b
        phi = (max(cross - n / 2, 0.0) if cross > 0 else cross) / math.sqrt(margins)
    down_a, up_a, down_b, up_b = p_a - low_a, high_a - p_a, p_b - low_b, high_b - p_b
    below = math.sqrt(max(down_a**2 - 2 * phi * down_a * up_b + up_b**2, 0.0))
    above = math.sqrt(max(up_a**2 - 2 * phi * up_a * down_b + down_b**2, 0.0))
    difference = (only_a - only_b) / n
    return max(-1.0, difference - below), min(1.0, difference + above)


def paired_test(
    a_correct: np.ndarray, b_correct: np.ndarray, *, method: Literal["exact", "mid-p"] = "mid-p", confidence: float = 0.95
) -> PairedTest:
    """McNemar's test and Newcombe's interval from two correctness vectors over the same samples.

    Args:
        a_correct, b_correct: booleans ``(n,)``, True where the model was right, same sample order.
        method: ``mid-p`` (default) or ``exact``.
        confidence: coverage of the interval.

    Raises:
        DataError: the vectors are empty or differ in length.
    """
    a, b = np.asarray(a_correct, bool).ravel(), np.asarray(b_correct, bool).ravel()
    if a.size != b.size or a.size == 0:
        raise DataError(
            f"correctness vectors of {a.size} and {b.size} samples", expected="the same samples in the same order for both models"
        )
    both, only_a, only_b = int(np.sum(a & b)), int(np.sum(a & ~b)), int(np.sum(~a & b))
    low, high = newcombe_paired(both, only_a, only_b, a.size - both - only_a - only_b, confidence)
    return PairedTest(
        (only_a - only_b) / a.size,
        low,
        high,
        mcnemar_p(only_a, only_b, method),
        only_a,
        only_b,
        int(a.size),
        f"McNemar {method}, {_level(confidence)} Newcombe paired interval",
    )


def compare(
    a: str,
    b: str,
    a_correct: np.ndarray,
    b_correct: np.ndarray,
    *,
    split: str = "test",
    labels: tuple[str, str] | None = None,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """One entry of a report's ``comparisons``: accuracy of model ``a`` minus that of model ``b`` on the same samples.

    Args:
        a, b: the models' names in the results ("student", "qap").
        a_correct, b_correct: booleans ``(n,)``.
        split: the split they were measured on, for the provenance.
        labels: what the text calls the two models; their names when None.
        confidence: coverage of the interval.

    Returns:
        ``{"a", "b", "metric", "difference": Figure, "p": Figure, "text"}``.
    """
    test = paired_test(a_correct, b_correct, confidence=confidence)
    first, second = labels or (a, b)
    source = f"measured on the {split} split"
    interval = f"{_level(confidence)} Newcombe paired, {test.n:,} {split} samples, one of the two right on {test.only_a + test.only_b:,}"
    difference = Figure(test.difference, "fraction", test.low, test.high, interval, "trained", source)
    p = Figure(test.p, "probability", stage="trained", provenance=f"{source}, McNemar mid-p on {test.only_a:,} against {test.only_b:,}")
    if test.low > 0 or test.high < 0:
        verdict = f"{first} is {'better' if test.difference > 0 else 'worse'} than {second} by {100 * abs(test.difference):.2f} points"
    else:
        verdict = f"no difference shown between {first} and {second}: the interval includes zero"
    text = f"{verdict} ({first} alone right on {test.only_a:,} samples, {second} alone on {test.only_b:,}; one training run of each)"
    return {"a": a, "b": b, "metric": "accuracy", "difference": difference, "p": p, "text": text}


def mean_over_seeds(values: Sequence[float], unit: str = "fraction", *, what: str = "seeds", confidence: float = 0.95) -> Figure:
    """Mean of independent runs with Student's t interval; without an interval when there is only one run.

    Raises:
        DataError: no runs, or a value that is not finite.
    """
    x = np.asarray(values, float).ravel()
    if x.size == 0 or not np.all(np.isfinite(x)):
        raise DataError(f"{x.size} values, {int(np.sum(~np.isfinite(x)))} of them not finite", expected="one finite value for each seed")
    mean, source = float(x.mean()), f"measured, mean of {x.size} {what}"
    if x.size == 1:
        return Figure(mean, unit, stage="trained", provenance=f"measured, one of the {what} only")
    half = float(stats.t.ppf(0.5 + confidence / 2, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size))
    return Figure(mean, unit, mean - half, mean + half, f"{_level(confidence)} t, {x.size} {what}", "trained", source)


def paired_over_seeds(
    a: Sequence[float], b: Sequence[float], unit: str = "fraction", *, what: str = "seeds", confidence: float = 0.95
) -> Figure:
    """Mean of ``a - b`` over runs that share their seed, with the paired Student's t interval.

    Args:
        a, b: one value per seed, same order.
        unit: unit of the values.
        what: what is paired, for the interval's text.
        confidence: coverage.

    Returns:
        Figure; unavailable with fewer than two pairs.

    Raises:
        DataError: the lists differ in length.
    """
    if len(a) != len(b):
        raise DataError(f"{len(a)} values against {len(b)}", expected="one pair for each seed")
    if len(a) < 2:
        return unavailable(f"a paired interval needs at least two {what}, there is {len(a)}", unit)
    figure = mean_over_seeds(np.subtract(a, b), unit, what=what, confidence=confidence)
    return figure.with_interval(figure.low, figure.high, f"{_level(confidence)} paired t, {len(a)} {what}")


def majority_baseline(train_labels: np.ndarray, labels: np.ndarray | None = None, *, split: str = "test") -> Figure:
    """Accuracy of always answering the most frequent training class; what a model has to beat.

    Args:
        train_labels: integer labels ``(n,)`` that the majority is taken from (ties go to the lowest class).
        labels: labels the answer is judged on; the training labels themselves when None.
        split: name of the split of ``labels``.
    """
    train = np.asarray(train_labels).ravel()
    if train.size == 0:
        raise DataError("no labels", expected="at least one training label")
    names, counts = np.unique(train, return_counts=True)
    majority = names[int(np.argmax(counts))]
    judged = train if labels is None else np.asarray(labels).ravel()
    split = "training" if labels is None else split
    return proportion(
        int(np.sum(judged == majority)),
        judged.size,
        stage="trained",
        what=f"{split} samples",
        provenance=f"measured on the {split} split, always answering class {majority}",
    )
