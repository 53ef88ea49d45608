"""Every method: its loss is the published formula, its gradient moves the student to the teacher, and wrong layers are refused."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.special import expit, log_softmax, softmax

from fpgacompress import zoo
from fpgacompress.distill import METHODS, Lesson, Teacher, losses, objective
from fpgacompress.distill.methods.hints import reduction
from fpgacompress.errors import DataError, ModelError
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.prune import prune
from fpgacompress.quantize.build import build_student
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of

RNG = np.random.default_rng(3)
S, T = (RNG.normal(0, 2, (40, 5)).astype(np.float32) for _ in range(2))
Y = RNG.integers(0, 5, 40).astype(np.int32)


def kl(a, b):
    return np.mean(np.sum(np.exp(a) * (a - b), -1))


def test_decoupled_is_the_formula_and_recombines_to_the_plain_loss():
    tau = 3.0
    p, q = softmax(T / tau, 1), softmax(S / tau, 1)
    rows = np.arange(len(Y))
    pair = [np.log(np.stack([v[rows, Y], 1 - v[rows, Y]], 1)) for v in (p, q)]
    wrong = np.arange(5)[None] != Y[:, None]
    rest = [log_softmax(v[wrong].reshape(-1, 4) / tau, 1) for v in (T, S)]
    right, others = losses.decoupled(S, T, Y, tau, 1.5, 4.0)
    assert float(right) == pytest.approx(1.5 * tau**2 * kl(*pair), rel=1e-3)
    assert float(others) == pytest.approx(4.0 * tau**2 * kl(*rest), rel=1e-3)
    each = np.sum(np.exp(rest[0]) * (rest[0] - rest[1]), 1)
    whole = kl(*pair) + np.mean((1 - p[rows, Y]) * each)  # the paper's equation 6
    assert float(losses.soft_cross_entropy(S, T, tau)) == pytest.approx(tau**2 * whole, rel=1e-4)


def test_two_classes_leave_nothing_among_the_wrong_ones():
    assert float(losses.decoupled(S[:, :2], T[:, :2], Y % 2, 2.0, 1.0, 8.0)[1]) == pytest.approx(0, abs=1e-6)


def test_correlation_distance():
    expected = 1 - np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(S, T)])
    assert float(losses.correlation_distance(S, T)) == pytest.approx(expected, rel=1e-4)
    assert float(losses.correlation_distance(S, 3 * S + 1)) == pytest.approx(0, abs=1e-5)


def test_class_by_class():
    p, q = expit(T / 2), expit(S / 2)
    expected = 4 * np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    assert float(losses.binary_cross(S, T, 2.0)) == pytest.approx(expected, rel=1e-4)


def test_relations_between_samples():
    v = S.reshape(10, 4, 5)
    flat = v.reshape(10, 20).astype(np.float64)
    distances = squareform(pdist(flat))
    assert np.allclose(losses.pair_distances(v), distances / (distances.sum() / 90), atol=1e-4)
    towards = flat[None] - flat[:, None]
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True) + 1e-9
    assert np.allclose(losses.angles(v), np.einsum("ijd,ikd->ijk", towards, towards), atol=1e-4)
    gram = flat @ flat.T
    assert np.allclose(losses.similarities(v), gram / np.linalg.norm(gram, axis=1, keepdims=True), atol=1e-5)
    for relation in (losses.pair_distances, losses.angles, losses.similarities):
        tf = load().tf
        x = tf.Variable(v)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(relation(x) * RNG.normal(0, 1, relation(v).shape))
        assert np.all(np.isfinite(tape.gradient(loss, x)))


def test_attention_maps():
    v = RNG.normal(0, 1, (6, 3, 2, 4)).astype(np.float32)
    energy = (v**2).sum(-1).reshape(6, -1)
    assert np.allclose(losses.attention_map(v), energy / np.linalg.norm(energy, axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(losses.attention_map(v), losses.attention_map(5 * v), atol=1e-5)


@pytest.mark.parametrize(("there", "here"), [((8, 4, 3), (4, 2, 5)), ((12, 3), (4, 2))])
def test_larger_maps_of_a_teacher_become_means_over_areas(there, here):
    v = RNG.normal(0, 1, (6, *there)).astype(np.float32)
    kept = reduction(here, there)
    if len(there) == 3:
        expected = v.reshape(6, 4, 2, 2, 2, 3).mean((2, 4))
    else:
        expected = v.reshape(6, 4, 3, 3).mean(2)
    assert np.allclose(kept.apply(v), expected, atol=1e-5) and kept.name == "x".join(map(str, here[:-1]))
    assert np.allclose(reduction((7,), there).apply(v), v.reshape(6, -1, 3).mean(1), atol=1e-5)
    assert reduction(there, there).apply(v) is v


# on real images -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cnn(images):
    """A CNN of Fashion-MNIST, trained."""
    x, y, x_val, y_val = images
    seed_everything(2)
    model = zoo.build("cnn", (28, 28), 10, {"filters": [6, 8], "hidden": [24]})
    fit(model, TrainingData(x, y, x_val, y_val), TrainConfig(4, batch_size=64, learning_rate=3e-3))
    return model


def student_of(kind, images):
    """An untrained QKeras student of 6 bits, its kernels pruned to a half in training."""
    seed_everything(3)
    options = {"hidden": [16]} if kind == "mlp" else {"filters": [4, 4], "hidden": [16]}
    base = zoo.build(kind, (28, 28), 10, options)
    x = images[0]
    return build_student(base, QuantizeSection(), x[:200].reshape(200, *base.input_shape[1:])).model


METHODS_AND_STUDENTS = [
    ("logits", {"scale": "standardise"}, "mlp"),
    ("logits", {"scale": "learned"}, "mlp"),
    ("logits", {"form": "sigmoid"}, "mlp"),
    ("dkd", {}, "mlp"),
    ("dist", {}, "mlp"),
    ("hints", {}, "mlp"),
    ("hints", {"count": 2, "adaptive": True}, "cnn"),
    ("attention", {"count": 2}, "cnn"),
    ("relational", {}, "mlp"),
    ("similarity", {}, "cnn"),
    ("logits+attention", {}, "cnn"),
    ("logits+hints", {"hints": {"weight": 0.5}}, "mlp"),
]


@pytest.mark.parametrize(("method", "options", "kind"), METHODS_AND_STUDENTS)
def test_the_terms_fall_while_a_quantized_pruned_student_trains(cnn, images, tmp_path, method, options, kind):
    x, y, x_val, y_val = images
    model = student_of(kind, images)
    pruning = prune(model, PruneSection(sparsity=0.5), 3 * (len(x) // 64))
    lesson = Lesson(model, Teacher(cnn, x, tmp_path))
    wanted = objective(DistillSection(method=method, temperature=2, alpha=0.5, options=options), lesson)
    arrays = lesson.arrays()
    assert set(arrays) == set(wanted.needs) and all(len(a) == len(x) for a in arrays.values())
    before = [v.numpy().copy() for v in wanted.variables]
    data, config = TrainingData(x, y, x_val, y_val, arrays), TrainConfig(3, batch_size=64, learning_rate=3e-3)
    history = fit(model, data, config, objective=wanted, pruning=pruning)
    for term in wanted.terms:
        assert history[-1][term.name] < 0.9 * history[0][term.name]
    assert all(not np.array_equal(v.numpy(), b) for v, b in zip(wanted.variables, before))
    assert history[-1]["sparsity"] == pytest.approx(0.5, abs=0.01) and history[-1]["val_accuracy"] > 0.5


def test_every_method_is_tried():
    """Above, or with something beside the student, all in one training, in test_together."""
    together = "refinery+gradient_attention+ema+mutual+online+exits+subclass"
    assert f'METHOD = "{together}"' in (Path(__file__).parent / "test_together.py").read_text()
    tried = [method for method, _, _ in METHODS_AND_STUDENTS] + [together]
    assert set(METHODS.names()) == {part for method in tried for part in method.split("+")}


@pytest.mark.parametrize("method", ["hints", "similarity"])
def test_features_alone_teach_what_labels_do_not(cnn, images, method):
    """Labels are noise; a student that learns the teacher's features holds its classes in its own, one without a teacher does not."""
    x, _, x_val, y_val = images
    noise = np.random.default_rng(0).integers(0, 10, len(x)).astype(np.int32)
    reached = {}
    for taught in (False, True):
        seed_everything(5)
        model = zoo.build("mlp", (28, 28), 10, {"hidden": [24]})
        lesson = Lesson(model, Teacher(cnn, x))
        wanted = objective(DistillSection(method=method), lesson) if taught else None
        fit(
            model,
            TrainingData(x, noise, x_val, y_val, lesson.arrays()),
            TrainConfig(6, batch_size=64, learning_rate=3e-3, monitor="loss"),
            objective=wanted,
        )
        inside = load().keras.Model(model.inputs, model.get_layer("relu1").output).predict(x_val.reshape(len(x_val), -1), verbose=0)
        told = logits_of(cnn, x_val).argmax(1)
        means = np.stack([inside[told == c].mean(0) for c in range(10)])
        reached[taught] = float((np.linalg.norm(inside[:, None] - means, axis=-1).argmin(1) == told).mean())
    assert reached[True] > reached[False] + 0.1, reached


def test_a_teacher_is_asked_once(cnn, images, tmp_path, monkeypatch):
    x = images[0]
    first = Lesson(student_of("mlp", images), Teacher(cnn, x, tmp_path))
    objective(DistillSection(method="logits+hints"), first)
    arrays = first.arrays()
    assert np.array_equal(arrays["teacher_logits"], logits_of(cnn, x))
    again = Lesson(student_of("mlp", images), Teacher(cnn, x, tmp_path))
    objective(DistillSection(method="logits+hints"), again)
    monkeypatch.setattr(Teacher, "_forward", lambda *a: pytest.fail("asked again"))
    assert all(np.array_equal(a, arrays[name]) for name, a in again.arrays().items())
    assert not list(tmp_path.glob("*.part"))


def test_what_cannot_be_compared_is_refused(cnn, images):
    mlp = student_of("mlp", images)
    lesson = Lesson(mlp, Teacher(cnn))
    for section, word in (
        ({"method": "attention"}, "with a height and a width"),
        ({"method": "hints", "options": {"layers": {"relu9": "relu1"}}}, "the student has no layer 'relu9'.*did you mean 'relu1'"),
        ({"method": "hints", "options": {"layers": {"relu1": "conv9"}}}, "the teacher has no layer 'conv9'"),
        ({"method": "hints", "options": {"count": 4}}, "of 4 layers, and the student has 1 activations"),
        ({"method": "hints", "options": {"regressor": "none"}}, r"'relu1' has \(16,\), the teacher's 'relu1' \(24,\)"),
        ({"method": "hints", "options": {"weight": "much"}}, "distill.options.weight of 'hints' is 'much'"),
        ({"method": "hints", "options": {"weight": -1.0}}, "distill.options.weight of 'hints' is -1.0.*at least 0"),
        ({"method": "hints", "options": {"weight": math.nan}}, "weight of 'hints' is nan"),
        ({"method": "hints", "options": {"count": True}}, "count of 'hints' is True.*a whole number"),
        ({"method": "relational", "options": {"corners": 2}}, "corners is 2.*at least 3"),
        ({"method": "logits+hints", "options": {"hints": 3}}, "options by method"),
        ({"method": "logits", "options": {"scale": "x"}}, "distill.options.scale is 'x'"),
        ({"method": "logits+hints", "options": {"weight": 1.0}}, "options by method"),
        ({"method": "logits+logits"}, "different methods"),
    ):
        with pytest.raises(ModelError, match=word):
            objective(DistillSection(**section), lesson)
    with pytest.raises(ModelError, match="there is no student"):
        objective(DistillSection(method="hints"))
    objective(DistillSection(method="hints"), lesson)
    with pytest.raises(DataError, match="no samples"):
        lesson.arrays()
