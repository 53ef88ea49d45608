"""Splits: same seed same split, classes in proportion, groups whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.data.splitting import apportion, equal_rows, first_stratified, sample_count, split_indices
from fpgacompress.errors import DataError

labels = st.integers(2, 5).flatmap(
    lambda k: st.lists(st.integers(0, k - 1), min_size=10, max_size=200).map(lambda y: np.array([*range(k), *range(k), *range(k), *y]))
)


@given(labels, st.floats(0.05, 0.5), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_stratified_disjoint_and_seeded(y, fraction, seed):
    classes = int(y.max()) + 1
    count = max(classes, round(fraction * len(y)))
    rest, part = split_indices(y, count, seed)
    assert np.array_equal(np.sort(np.r_[rest, part]), np.arange(len(y))) and len(part) == count
    assert (np.diff(part) > 0).all() and (np.diff(rest) > 0).all()
    whole, held = np.bincount(y, minlength=classes), np.bincount(y[part], minlength=classes)
    assert (held >= 1).all() and (held < whole).all()
    assert np.abs(held - np.maximum(1, whole * count / len(y))).max() < classes
    assert np.array_equal(split_indices(y, count, seed)[1], part)


@given(labels, st.integers(3, 40), st.integers(0, 99), st.data())
@settings(max_examples=25, deadline=None)
def test_groups_never_leak(y, groups, seed, data):
    member = np.array(data.draw(st.lists(st.integers(0, groups), min_size=len(y), max_size=len(y))))
    try:
        rest, part = split_indices(y, max(int(y.max()) + 1, len(y) // 5), seed, member)
    except DataError:
        return
    assert not set(member[rest]) & set(member[part])
    assert np.array_equal(np.sort(np.r_[rest, part]), np.arange(len(y)))
    assert set(y[rest]) == set(y)
    assert np.array_equal(split_indices(y, max(int(y.max()) + 1, len(y) // 5), seed, member)[1], part)


def test_different_seeds_differ():
    y = np.arange(1000) % 4
    assert not np.array_equal(split_indices(y, 100, 0)[1], split_indices(y, 100, 1)[1])


def test_one_group_cannot_be_divided():
    with pytest.raises(DataError, match="whole groups"):
        split_indices(np.arange(20) % 2, 4, 0, np.zeros(20, int))


@given(st.lists(st.integers(2, 500), min_size=2, max_size=12), st.data())
def test_apportion_is_exact_and_keeps_every_class(counts, data):
    total = data.draw(st.integers(len(counts), sum(counts) - len(counts)))
    share = apportion(np.array(counts), total)
    assert share.sum() == total and (share >= 1).all() and (share < counts).all()


@given(labels, st.integers(5, 150))
def test_first_stratified_takes_the_first_of_each_class(y, limit):
    index = first_stratified(y, limit)
    assert len(index) == min(limit, len(y)) and (np.diff(index) > 0).all() and set(y[index]) == set(y)
    for k in set(y.tolist()):
        chosen = index[y[index] == k]
        assert np.array_equal(chosen, np.flatnonzero(y == k)[: len(chosen)])


def test_equal_rows_share_a_group():
    groups = equal_rows(np.array([[1.0, 2], [3, 4], [1, 2], [1, 4]], np.float32))
    assert groups[0] == groups[2] and len(set(groups.tolist())) == 3


@pytest.mark.parametrize("part", [0, 0.0, 0.0001, -1, 1.5, float("nan"), True, "a", None, 3, 58, 0.99])
def test_counts_that_cannot_be(part):
    with pytest.raises(DataError, match="validation is"):
        sample_count(part, 60, 4, "validation")


def test_counts_that_can_be():
    assert [sample_count(p, 60, 4, "v") for p in (0.1, 4, 56, 10.0)] == [6, 4, 56, 10]
