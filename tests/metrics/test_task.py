"""Task metrics against scikit-learn, and the intervals against repeated sampling."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special
from sklearn import metrics as sk

from fpgacompress.errors import DataError, ModelError
from fpgacompress.metrics import task


def draw(n=600, classes=5, noise=1.0, seed=0, step=None):
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=rng.dirichlet(np.full(classes, 3.0)))
    z = rng.normal(0, noise, (n, classes)) + 1.5 * np.eye(classes)[y]
    return (np.round(z / step) * step if step else z), y


@pytest.mark.parametrize("step", [None, 0.5])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_equals_scikit_learn(classes, step):
    z, y = draw(classes=classes, step=step)
    got = task.evaluate(z, y, classes, split="test", resamples=50)
    p, predicted = special.softmax(z, axis=1), z.argmax(1)
    area = (
        sk.roc_auc_score(y, np.round(z[:, 1] - z[:, 0], 9))
        if classes == 2
        else sk.roc_auc_score(y, np.round(p, 12), multi_class="ovr", average="macro")
    )
    assert got["accuracy"].value == pytest.approx(sk.accuracy_score(y, predicted))
    assert got["macro_f1"].value == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    assert got["auc"].value == pytest.approx(area, abs=1e-9)
    assert got["confusion"] == sk.confusion_matrix(y, predicted, labels=range(classes)).tolist()
    for k, row in enumerate(got["per_class"]):
        assert row["recall"] == pytest.approx(sk.recall_score(y, predicted, labels=[k], average="macro"))


def test_one_logit_and_two_logits_are_the_same_net():
    z, y = draw(classes=2)
    single = z[:, 1] - z[:, 0]
    two = task.evaluate(z, y, ["no", "yes"], split="test", resamples=100)
    for form in (single, single[:, None]):
        one = task.evaluate(form, y, ["no", "yes"], split="test", resamples=100)
        assert one["confusion"] == two["confusion"]
        for name in ("accuracy", "macro_f1", "auc", "ece"):
            assert one[name].value == pytest.approx(two[name].value, abs=1e-12)


def test_tie_goes_to_the_lowest_class():
    assert task.predictions(np.zeros((2, 3))).tolist() == [0, 0]
    assert task.predictions(np.array([0.0, 0.25])).tolist() == [0, 1]


def test_binary_interval_is_delongs():
    # textbook formula: S10/m + S01/n from the placement values
    z, y = draw(n=200, classes=2, seed=3)
    score = z[:, 1] - z[:, 0]
    positive, negative = score[y == 1], score[y == 0]
    pairs = (positive[:, None] > negative).astype(float)
    area, variance = pairs.mean(), pairs.mean(1).var(ddof=1) / len(positive) + pairs.mean(0).var(ddof=1) / len(negative)
    half = 1.959964 * np.sqrt(variance) / (area * (1 - area))
    figure = task.auc(z, y)
    assert (figure.low, figure.high) == pytest.approx(tuple(special.expit(special.logit(area) + np.array([-half, half]))), abs=1e-6)
    assert "DeLong" in figure.interval


def test_macro_auc_interval_agrees_with_the_bootstrap():
    z, y = draw(n=800, classes=4, noise=1.3)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(100):
        chosen = np.concatenate([rng.choice(np.flatnonzero(y == c), (y == c).sum()) for c in range(4)])
        values.append(task.auc(z[chosen], y[chosen]).value)
    figure = task.auc(z, y)
    assert (figure.high - figure.low) / (2 * 1.96) == pytest.approx(np.std(values), rel=0.25)


def test_f1_interval_agrees_with_resampling_the_samples():
    z, y = draw(n=500, classes=3)
    rng, predicted = np.random.default_rng(0), z.argmax(1)
    values = [sk.f1_score(y[i], predicted[i], average="macro") for i in rng.integers(500, size=(150, 500))]
    figure = task.macro_f1(task.confusion_matrix(y, predicted, 3), resamples=2000)
    assert (figure.low, figure.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.012)


def test_calibration_error_by_hand():
    p = np.array([0.95, 0.95, 0.55, 0.55])  # bins of 1/15: two in each; 1 of 2 and 1 of 2 right
    error = task.calibration_error(special.logit(p), np.array([1, 0, 1, 0]))
    assert error.value == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)


def test_same_seed_same_interval():
    z, y = draw()
    assert task.evaluate(z, y, 5, split="test") == task.evaluate(z, y, 5, split="test")
    assert task.evaluate(z, y, 5, split="test") != task.evaluate(z, y, 5, split="test", seed=1)


def test_figures_say_what_they_are():
    got = task.evaluate(*draw(), 5, split="validation", resamples=50)
    for name in ("accuracy", "macro_f1", "auc", "ece"):
        figure = got[name]
        assert (figure.stage, figure.unit, figure.provenance) == ("trained", "fraction", "measured on the validation split")
        assert figure.low <= figure.value <= figure.high and "95 %" in figure.interval


def test_one_class_has_no_auc_and_perfect_order_has_no_interval():
    z, _ = draw(n=30, classes=2)
    one = task.evaluate(z, np.ones(30, int), 2, split="test", resamples=20)
    assert not one["auc"].available and one["auc"].text() == "n/a"
    perfect = task.auc(np.array([-1.0, -2.0, 3.0, 4.0]), np.array([0, 0, 1, 1]))
    assert perfect.value == 1.0 and perfect.low is None


def test_absent_class_is_named_not_averaged():
    z, y = draw(classes=4)
    z, y = z[y != 3], y[y != 3]
    figure = task.auc(z, y)
    assert figure.available and "classes without samples: 1" in figure.interval


@pytest.mark.parametrize(
    ("logits", "labels", "error"),
    [
        (np.zeros((3, 2)), np.array([0, 1]), DataError),
        (np.zeros((0, 2)), np.array([], int), DataError),
        (np.zeros((2, 2)), np.array([0, 2]), DataError),
        (np.zeros((2, 2)), np.array([0.0, 1.0]), DataError),
        (np.zeros((2, 3)), np.array([0, 1]), DataError),
        (np.array([[0.0, np.nan], [1, 2]]), np.array([0, 1]), ModelError),
        (np.zeros((2, 2, 2)), np.array([0, 1]), ModelError),
    ],
)
def test_bad_input_is_refused(logits, labels, error):
    with pytest.raises(error):
        task.evaluate(logits, labels, 2, split="test")


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5).flatmap(lambda c: hnp.arrays(np.int64, (c, c), elements=st.integers(0, 50))).filter(lambda m: m.sum() > 0))
def test_f1_interval_contains_the_value(matrix):
    figure = task.macro_f1(matrix, resamples=100)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_ten_thousand_samples_take_about_a_second():
    z, y = draw(n=10_000, classes=10)
    start = time.process_time()
    task.evaluate(z, y, 10, split="test")
    assert time.process_time() - start < 5.0
