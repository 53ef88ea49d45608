"""Intervals and paired tests against scipy and published tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fpgacompress.errors import DataError
from fpgacompress.metrics import statistics as s


def test_wilson_matches_newcombes_published_example():
    # Newcombe 1998, Stat. Med. 17:857, table I: 81 of 263
    assert s.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert s.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_estimate_and_stays_a_proportion(pair):
    k, n = pair
    low, high = s.wilson(k, n)
    assert -1e-12 <= low <= k / n + 1e-12 and k / n - 1e-12 <= high <= 1 + 1e-12
    assert s.wilson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    wider = s.wilson(k, n, 0.99)
    assert wider[0] <= low + 1e-12 and wider[1] >= high - 1e-12


@pytest.mark.parametrize("bad", [(1, 0), (-1, 3), (4, 3)])
def test_wilson_refuses_impossible_counts(bad):
    with pytest.raises(DataError):
        s.wilson(*bad)


def test_mcnemar_matches_the_published_airway_example():
    # Bentur et al. 2009 as analysed by Fagerland, Lydersen & Laake 2013: 1, 1 / 7, 12
    assert s.mcnemar_p(1, 7, "exact") == pytest.approx(0.0703, abs=5e-5)
    assert s.mcnemar_p(1, 7, "mid-p") == pytest.approx(0.0391, abs=5e-5)
    assert s.newcombe_paired(1, 1, 7, 12) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_newcombe_matches_the_published_complete_response_example():
    # Cavo et al. 2012 in Fagerland, Lydersen & Laake, Statistical Analysis of Contingency Tables, ch. 8: 59, 6 / 16, 80
    assert s.newcombe_paired(59, 6, 16, 80) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=4, max_size=4).filter(lambda t: sum(t) > 0))
def test_newcombe_is_antisymmetric_and_contains_the_difference(table):
    both, a, b, neither = table
    low, high = s.newcombe_paired(both, a, b, neither)
    difference = (a - b) / sum(table)
    assert -1 <= low <= difference + 1e-12 and difference - 1e-12 <= high <= 1
    assert s.newcombe_paired(both, b, a, neither) == pytest.approx((-high, -low), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_p_values(a, b):
    exact, mid = s.mcnemar_p(a, b, "exact"), s.mcnemar_p(a, b, "mid-p")
    assert 0 <= mid <= exact <= 1
    assert exact == pytest.approx(s.mcnemar_p(b, a, "exact"))
    if a + b:
        assert exact == pytest.approx(min(1.0, 2 * stats.binom.cdf(min(a, b), a + b, 0.5)), abs=1e-9)


def test_paired_test_counts_the_table_and_wants_the_same_samples():
    a = np.array([1, 1, 1, 0, 0, 1], bool)
    b = np.array([1, 0, 0, 0, 1, 0], bool)
    result = s.paired_test(a, b)
    assert (result.only_a, result.only_b, result.n) == (3, 1, 6)
    assert result.difference == pytest.approx(2 / 6)
    with pytest.raises(DataError):
        s.paired_test(a, b[:-1])


def test_paired_interval_is_narrower_than_two_separate_ones_when_models_agree():
    rng = np.random.default_rng(0)
    a = rng.random(10000) < 0.9
    b = a ^ (rng.random(10000) < 0.01)
    result = s.paired_test(a, b)
    separate = sum(high - low for low, high in (s.wilson(int(x.sum()), x.size) for x in (a, b)))
    assert result.high - result.low < 0.5 * separate


def test_compare_says_better_only_when_the_interval_excludes_zero():
    rng = np.random.default_rng(1)
    b = rng.random(5000) < 0.85
    better = b | (rng.random(5000) < 0.2)
    sure = s.compare("student", "qap", better, b)
    assert "student is better than qap" in sure["text"] and sure["difference"].low > 0
    assert sure["difference"].stage == "trained" and "test split" in sure["difference"].provenance
    null = s.compare("student", "qap", b, b)
    assert "no difference shown" in null["text"] and null["p"].value == 1.0 and null["difference"].value == 0.0


def test_seed_intervals_match_scipy():
    a, b = [0.8949, 0.8961, 0.8933, 0.8957, 0.8942], [0.8905, 0.8921, 0.8918, 0.8933, 0.8899]
    reference = stats.ttest_1samp(a, 0.0).confidence_interval(0.95)
    figure = s.mean_over_seeds(a)
    assert (figure.low, figure.high) == pytest.approx((reference.low, reference.high))
    reference = stats.ttest_rel(a, b).confidence_interval(0.95)
    figure = s.paired_over_seeds(a, b)
    assert (figure.low, figure.high) == pytest.approx((reference.low, reference.high))
    assert "paired t, 5 seeds" in figure.interval


def test_one_seed_has_no_interval():
    assert s.mean_over_seeds([0.9]).low is None
    assert not s.paired_over_seeds([0.9], [0.8]).available
    with pytest.raises(DataError):
        s.paired_over_seeds([0.9, 0.8], [0.8])
    with pytest.raises(DataError):
        s.mean_over_seeds([0.9, float("nan")])


def test_majority_baseline_takes_the_class_from_training():
    figure = s.majority_baseline(np.array([2, 2, 0]), np.array([0, 0, 2, 1]))
    assert figure.value == 0.25 and "class 2" in figure.provenance
