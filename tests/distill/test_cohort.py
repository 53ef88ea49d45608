"""Mutual learning and teachers that learn: the published losses, nobody's gradient in another's weights, labels only through them."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax

from fpgacompress import zoo
from fpgacompress.distill import Lesson, Teacher, objective
from fpgacompress.distill.checks import training_notes
from fpgacompress.distill.peers import agreement
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.keras_stack.floats import float_copy
from fpgacompress.quantize.build import build_student
from fpgacompress.recipe import DistillSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit

RNG = np.random.default_rng(6)
S, P, Q = (RNG.normal(0, 2, (40, 10)).astype(np.float32) for _ in range(3))
Y = RNG.integers(0, 10, 40).astype(np.int32)


def kl(target, learner, t):
    """T^2 KL of softened probabilities, mean over samples; ``target`` are log-probabilities."""
    return t**2 * np.mean(np.sum(np.exp(target) * (target - log_softmax(learner / t, 1)), 1))


def labels(logits):
    return -np.mean(log_softmax(np.asarray(logits), 1)[np.arange(40), Y])


def batch(**answers):
    tf = load().tf
    return {"labels": lambda z: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(Y, z)), **answers}


def quantized(images, **options):
    seed_everything(3)
    base = zoo.build("mlp", (28, 28), 10, {"hidden": [16], **options})
    return build_student(base, QuantizeSection(), images[0][:200].reshape(200, -1)).model


def test_a_mean_of_probabilities_is_taught():
    mean = logsumexp([log_softmax(P / 3, 1), log_softmax(Q / 3, 1)], 0) - np.log(2)
    assert float(agreement(S, [P, Q], 3.0)) == pytest.approx(kl(mean, S, 3.0), rel=1e-4)
    assert np.allclose(np.exp(mean), (softmax(P / 3, 1) + softmax(Q / 3, 1)) / 2)


def test_what_a_method_draws_follows_the_seed(images):
    student = quantized(images)
    for method in ("mutual", "exits"):
        first, again, other = (
            objective(DistillSection(method=method), Lesson(student, seed=seed)).variables[0].numpy() for seed in (1, 1, 2)
        )
        assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_losses_of_a_cohort_and_of_a_teacher_that_learns(images):
    student = quantized(images)
    wanted = objective(DistillSection(method="mutual", temperature=3, alpha=0.3, options={"peers": 2}), Lesson(student))
    own, theirs = (t.loss(S, batch(**{"mutual/logits": [P, Q]})) for t in wanted.terms)
    assert wanted.task_weight == 0.7 and wanted.terms[0].weight == 0.3 and len(wanted.variables) == 8
    assert float(own) == pytest.approx((kl(log_softmax(P / 3, 1), S, 3) + kl(log_softmax(Q / 3, 1), S, 3)) / 2, rel=1e-4)

    def mean(*others):
        return logsumexp([log_softmax(o / 3, 1) for o in others], 0) - np.log(len(others))

    expected = labels(P) + kl(mean(S, Q), P, 3) + labels(Q) + kl(mean(S, P), Q, 3)
    assert float(theirs) == pytest.approx(expected / 2, rel=1e-4)
    teacher = zoo.build("mlp", (28, 28), 10, {"hidden": [12]})
    for back in (0.0, 0.5):
        section = DistillSection(method="online", temperature=3, options={"back": back})
        own, theirs = (t.loss(S, batch(**{"online/logits": [P]})) for t in objective(section, Lesson(student, Teacher(teacher))).terms)
        assert float(own) == pytest.approx(kl(log_softmax(P / 3, 1), S, 3), rel=1e-4)
        assert float(theirs) == pytest.approx(labels(P) + back * kl(log_softmax(S / 3, 1), P, 3), rel=1e-4)
    for section, word in (
        ({"method": "mutual", "options": {"peers": 0}}, "peers is 0.*at least 1"),
        ({"method": "online", "options": {"start": "cold"}}, "start is 'cold'.*trained or fresh"),
    ):
        with pytest.raises(ModelError, match=word):
            objective(DistillSection(**section), Lesson(student, Teacher(teacher)))


def test_peers_are_float_have_weights_of_their_own_and_nobody_moves_another(images):
    tf, student = load().tf, quantized(images)
    teacher = zoo.build("cnn", (28, 28), 10, {"filters": [2], "hidden": [4], "dropout": 0.5, "batchnorm": True})
    section = DistillSection(method="mutual+online", options={"mutual": {"peers": 2}, "online": {"back": 1.0}})
    wanted = objective(section, Lesson(student, Teacher(teacher)))
    peers, learning = wanted.companions
    assert [type(layer).__name__ for layer in peers.models[0].layers] == ["InputLayer", "Dense", "Activation", "Dense"]
    kernels = [m.layers[1].kernel.numpy() for m in peers.models]
    assert np.abs(kernels[0] - kernels[1]).min() > 0 and 0.5 < kernels[0].std() / np.sqrt(2 / 784) < 2
    assert np.array_equal(kernels[1], float_copy(student, Lesson(student).seeds(2)[1]).layers[1].kernel.numpy())
    assert all(np.array_equal(a, b) for a, b in zip(learning.models[0].get_weights(), teacher.get_weights()))
    x = tf.constant(images[0][:40].reshape(40, -1))
    with tf.GradientTape(persistent=True) as tape:
        told = {"x": x, "y": Y, "step": tf.constant(1, tf.int64), **batch()}
        for companion in wanted.companions:
            told |= companion.answers(told)
        logits = student(x)
        found = [t.loss(logits, told) for t in wanted.terms]
    sets = {"student": student.trainable_variables, "peers": peers.variables, "teacher": learning.variables}
    for term, loss in zip(wanted.terms, found):
        own = term.name if term.beside else "student"
        for name, variables in sets.items():
            assert all((g is not None) == (name == own) for g in tape.gradient(loss, variables)), (term.name, name)
    again, later = (learning.answers(told | {"step": tf.constant(n, tf.int64)})["online/logits"][0].numpy() for n in (1, 2))
    assert np.array_equal(again, told["online/logits"][0]) and not np.allclose(again, later), (
        "what Dropout leaves out depends on the update"
    )
    assert len(learning.kept) == 4 and not np.allclose(learning.models[0].get_layer("bn1").moving_mean, 0)
    assert np.array_equal(teacher.get_layer("bn1").moving_mean, np.zeros(2)), "the recipe's teacher stays as it is"


def trained(images, method, options):
    """History and objective of a student that gets no label itself, T = 1."""
    x, y, x_val, y_val = images
    seed_everything(8)
    student, teacher = (zoo.build("mlp", (28, 28), 10, {"hidden": [n], "batchnorm": True}) for n in (16, 24))
    wanted = objective(DistillSection(method=method, alpha=1.0, temperature=1, options=options), Lesson(student, Teacher(teacher)))
    data, config = TrainingData(x, y, x_val, y_val), TrainConfig(3, batch_size=64, learning_rate=4e-3)
    return fit(student, data, config, objective=wanted), wanted


@pytest.mark.parametrize(("method", "options"), [("mutual", {"peers": 2}), ("online", {"start": "fresh"})])
def test_a_student_learns_without_labels_from_those_that_learn_them_at_the_same_time(images, method, options):
    """With alpha = 1 the labels reach the student through the others alone, which start from nothing."""
    history, wanted = trained(images, method, options)
    soft, beside = (term.name for term in wanted.terms)
    assert history[-1][beside] < 0.7 * history[0][beside] and history[-1]["val_accuracy"] > 0.7
    assert history[-1]["loss"] == pytest.approx(history[-1][soft], rel=1e-5), "the others' losses are none of the student's"
    assert training_notes(history, wanted) == []
    for model in wanted.companions[0].models:
        assert np.mean(model.predict(images[2].reshape(len(images[2]), -1), verbose=0).argmax(1) == images[3]) > 0.7
