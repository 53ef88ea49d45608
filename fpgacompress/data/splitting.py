"""Seeded splits: stratified by class, whole groups (patients, equal rows) on one side. numpy only."""

from __future__ import annotations

import numpy as np

from ..errors import DataError

TEST_SEED = 20170801
"""Seed of test splits that we draw ourselves; never the recipe's seed, so two runs with different seeds share one test split."""


def sample_count(part: float | int, total: int, classes: int, what: str) -> int:
    """Samples in a part given as a fraction (0 < part < 1) or a count.

    Raises:
        DataError: zero, negative, fewer than one a class, or nothing left for training.
    """
    if isinstance(part, bool) or not isinstance(part, (int, float, np.integer, np.floating)) or not np.isfinite(part) or part < 0:
        raise DataError(f"{what} is {part!r}", expected="a fraction such as 0.1 or a number of samples")
    if part >= 1 and part != int(part):
        raise DataError(f"{what} is {part}", expected="a fraction below 1 or a whole number of samples")
    count = int(round(part * total)) if part < 1 else int(part)
    if count == 0:
        raise DataError(
            f"{what} is {part}, that is 0 of {total} samples",
            expected=f"at least {classes} samples, one a class",
            do=f"set {what} to 0.1; early stopping, best weights, bit widths and temperature are chosen on validation samples, "
            "never on the test split",
        )
    if count < classes or total - count < classes:
        raise DataError(
            f"{what} is {part}, that is {count} of {total} samples", expected=f"{classes} to {total - classes} (one a class on both sides)"
        )
    return count


def apportion(counts: np.ndarray, total: int, reserve: int = 1) -> np.ndarray:
    """Whole shares of ``total`` proportional to ``counts`` (largest remainder).

    ``reserve`` samples of each class are never given away; every class that has more gets at least one.
    """
    counts = np.asarray(counts, np.int64)
    high = np.maximum(counts - reserve, 0)
    low = np.minimum(1, high)
    exact = counts * (total / max(1, counts.sum()))
    share = np.clip(np.floor(exact).astype(np.int64), low, high)
    while share.sum() != total:
        step = 1 if share.sum() < total else -1
        room = (share < high) if step > 0 else (share > low)
        if not room.any():
            break
        share[np.argmax(np.where(room, step * (exact - share), -np.inf))] += step
    return share


def split_indices(y: np.ndarray, count: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the rest and of a part of about ``count`` samples, stratified by class; groups stay whole.

    Without groups the part has exactly ``count`` samples. With groups it comes as near to every class's share as whole groups allow.

    Args:
        y: class numbers, shape (n,).
        count: samples wanted in the part.
        seed: same seed, same split, on every machine (numpy's PCG64).
        groups: group of each sample, shape (n,), or None.

    Returns:
        (rest, part), both sorted int64 indices.

    Raises:
        DataError: whole groups cannot leave every class in the rest.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    classes = int(y.max()) + 1
    target = apportion(np.bincount(y, minlength=classes), count)
    inside = np.zeros(len(y), bool)
    single = np.ones(len(y), bool)
    if groups is not None:
        _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        single = sizes[member] == 1
        inside = _whole_groups(y, np.unique(member[~single], return_inverse=True)[1], ~single, target, rng)
    for k in range(classes):
        free = np.flatnonzero(single & (y == k))
        want = int(target[k] - inside[y == k].sum())
        inside[rng.permutation(free)[: max(0, want)]] = True
    if not inside.any() or (np.bincount(y[~inside], minlength=classes) < (np.bincount(y) > 0)).any():
        raise DataError("no division into whole groups leaves every class in training", do="give more groups (patients) or a smaller part")
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _whole_groups(y: np.ndarray, member: np.ndarray, where: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mask of the samples of those groups that come nearest to ``target`` per class: the best of many greedy fillings in random order."""
    inside = np.zeros(len(y), bool)
    if not len(member):
        return inside
    table = np.zeros((member.max() + 1, len(target)), np.int64)
    np.add.at(table, (member, y[where]), 1)
    present = np.bincount(y, minlength=len(target)) > 0
    weight = 1.0 / np.maximum(target, 1)
    best_cost, best = np.inf, np.zeros(len(table), bool)
    for _ in range(int(np.clip(20000 // len(table), 1, 200))):
        have, chosen = np.zeros(len(target)), np.zeros(len(table), bool)
        cost = float((present * (target > 0)).sum())
        for group in rng.permutation(len(table)):
            new = float(((((have + table[group]) - target) * weight) ** 2).sum())
            if new < cost:
                have, cost, chosen[group] = have + table[group], new, True
        left = np.bincount(y, minlength=len(target)) - have
        if cost < best_cost and (left[present] > 0).all():
            best_cost, best = cost, chosen
    inside[np.flatnonzero(where)] = best[member]
    return inside


def first_stratified(y: np.ndarray, limit: int) -> np.ndarray:
    """Sorted indices of the first samples of each class, ``limit`` in all, in the proportions of ``y`` (at least one a class)."""
    if limit >= len(y):
        return np.arange(len(y))
    counts = np.bincount(y)
    if limit < np.count_nonzero(counts):
        raise DataError(f"limit is {limit}", expected=f"at least {np.count_nonzero(counts)}, one sample a class")
    share = apportion(counts, limit, reserve=0)
    return np.sort(np.concatenate([np.flatnonzero(y == k)[: share[k]] for k in range(len(share))]))


def equal_rows(x: np.ndarray) -> np.ndarray:
    """Group numbers (int64, shape (n,)) such that equal samples have the same number."""
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    return np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel(), return_inverse=True)[1].astype(np.int64)
