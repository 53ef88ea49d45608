"""Several teachers become one, and one is made honest: weights and temperatures are those that the labels make likeliest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from fpgacompress.distill.mixing import confidences, fitted_temperature, mixture, nll, validation_weights, weights_for

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, 600)
GOOD = 2 * (np.eye(4)[Y] * 3 + RNG.normal(0, 1, (600, 4)))
OTHER = 2 * (np.eye(4)[Y] * 2.5 + RNG.normal(0, 1, (600, 4)))
GUESS = RNG.normal(0, 1, (600, 4))


@given(st.floats(0.1, 8))
def test_an_overconfident_teacher_gets_its_temperature_back(t):
    """Logits of a model whose probabilities are honest, multiplied by a number: that number is found."""
    honest = RNG.normal(0, 2, (4000, 3))
    y = np.array([RNG.choice(3, p=p) for p in softmax(honest, 1)[:500]])
    plain = fitted_temperature(honest[:500], y)
    assert fitted_temperature(honest[:500] * t, y) == pytest.approx(plain * t, rel=1e-3)
    assert 0.7 < plain < 1.4


def test_weights_are_those_under_which_labels_are_likeliest():
    members = [GOOD, OTHER, GUESS]
    weights = validation_weights(members, Y)
    found = minimize(
        lambda v: nll(mixture(members, np.exp(v) / np.exp(v).sum()), Y), np.zeros(3), method="Nelder-Mead", options={"maxiter": 2000}
    )
    assert np.isclose(weights.sum(), 1) and weights[2] < 0.05 < weights[1] < weights[0]
    assert nll(mixture(members, weights), Y) <= found.fun + 1e-5


def test_a_mixture_is_the_mean_of_probabilities():
    weights = np.array([0.2, 0.8])
    expected = 0.2 * softmax(GOOD, 1) + 0.8 * softmax(OTHER, 1)
    assert np.allclose(softmax(mixture([GOOD, OTHER], weights), 1), expected, atol=1e-6)
    each = RNG.dirichlet([1, 1], 600)
    expected = each[:, :1] * softmax(GOOD, 1) + each[:, 1:] * softmax(OTHER, 1)
    assert np.allclose(softmax(mixture([GOOD, OTHER], each), 1), expected, atol=1e-6)
    assert np.allclose(log_softmax(mixture([GOOD], np.ones(1)), 1), log_softmax(GOOD, 1), atol=1e-5)


def test_the_surer_teacher_of_a_sample_has_more_weight():
    sure, unsure = np.array([[9.0, 0, 0], [0.1, 0, 0]]), np.array([[0.1, 0, 0], [9.0, 0, 0]])
    weights = confidences([sure, unsure])
    assert weights[0, 0] > 0.95 and weights[1, 1] > 0.95 and np.allclose(weights.sum(1), 1)
    assert np.allclose(weights_for("equal", [sure, unsure], [], Y), 0.5)


def test_attention_finds_the_teacher_who_knows_and_survives_a_teacher_it_never_hears():
    """Two teachers, each right where the student says so: attention learns whom to hear; weights that vanish leave finite gradients."""
    from fpgacompress.distill.attending import Attention
    from fpgacompress.keras_stack import load

    tf = load().tf
    y = RNG.integers(0, 2, 400)
    first = y == 1
    student = np.where(first[:, None], [0.0, 4.0], [4.0, 0.0]).astype(np.float32)
    right, wrong = 5 * np.eye(2)[y], RNG.normal(0, 3, (400, 2))
    batch = {f"teacher_logits/{k}": np.where((first == (k == 0))[:, None], right, wrong).astype(np.float32) for k in (0, 1)}
    attention = Attention(2, 2, np.random.default_rng(0))
    before = attention.mixed(student, batch).numpy()
    assert np.allclose(softmax(before, 1), sum(softmax(v, 1) for v in batch.values()) / 2, atol=1e-5)
    optimizer = load().keras.optimizers.legacy.Adam(0.05)
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, attention.mixed(student, batch)))
        variables = [attention.query, attention.keys]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    assert float(loss) < 0.5 * nll(before, y)
    attention.query.assign(attention.query * 1e4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(attention.mixed(student, batch))
    assert all(np.isfinite(g).all() for g in tape.gradient(loss, [attention.query, attention.keys]))
