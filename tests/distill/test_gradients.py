"""Attention on gradients: directions of the cross entropy, kept once; the further pass leaves no trace; students react alike."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.distill import Lesson, Teacher, objective
from fpgacompress.distill.losses import input_direction, unit
from fpgacompress.errors import DataError, ModelError
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.prune import prune
from fpgacompress.quantize.build import build_student
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.step import TrainingStep

RNG = np.random.default_rng(1)
SECTION = DistillSection(method="gradient_attention", options={"weight": 3.0})


def by_hand(weights, x, y):
    """d cross entropy / dx of a network 784-32-16-10 in float64, each sample divided by its length."""
    (a, p, b, q, c, r), x = (np.float64(w) for w in weights), np.float64(x)
    h = x @ a + p
    g = np.maximum(h, 0) @ b + q
    z = np.maximum(g, 0) @ c + r
    others = z.copy()
    others[np.arange(len(y)), y] = -np.inf
    share = np.exp(others - others.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)  # p_j / (1 - p_y), which is what is left of p - onehot(y) once its size is gone
    share[np.arange(len(y)), y] = -1
    d = ((share @ c.T) * (g > 0) @ b.T * (h > 0)) @ a.T
    return d / np.linalg.norm(d, axis=1, keepdims=True)


@pytest.mark.parametrize("surer", [1.0, 1000.0])
def test_directions_are_those_of_the_cross_entropy_however_sure_the_model_is(trained_mlp, images, surer):
    tf, model = load().tf, trained_mlp[0]
    x, y = images[0][:200].reshape(200, -1), images[1][:200]
    found = input_direction(lambda v: surer * model(v, training=False), tf.constant(x), y).numpy()
    weights = model.get_weights()
    expected = by_hand([*weights[:4], surer * weights[4], surer * weights[5]], x, y)
    assert np.mean(np.sum(found * expected, 1)) > 0.9999 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)
    if surer == 1:
        v = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(v)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(v))
        plain = tape.gradient(loss, v).numpy()
        unsure = loss.numpy() > 0.05
        plain = plain[unsure] / np.linalg.norm(plain[unsure], axis=1, keepdims=True)
        assert np.allclose(np.sum(found[unsure] * plain, 1), 1, atol=1e-4)


def test_nothing_has_no_direction_and_no_gradient():
    tf = load().tf
    v = tf.Variable(np.float32([[0, 0], [3e-20, -4e-20]]))
    with tf.GradientTape() as tape:
        found = unit(v)
        loss = tf.reduce_sum(found[0] * [1.0, 2.0])
    assert np.allclose(found, [[0, 0], [0.6, -0.8]], atol=1e-6) and np.all(tape.gradient(loss, v).numpy() == 0)


def test_a_teacher_is_asked_once_for_directions_which_need_labels(trained_mlp, images, tmp_path, monkeypatch):
    x, y = images[0][:300], images[1][:300]
    lesson = Lesson(trained_mlp[0], Teacher(trained_mlp[0], x, tmp_path), "flip", y)
    objective(SECTION, lesson)
    arrays = lesson.arrays()
    expected = by_hand(trained_mlp[0].get_weights(), x.reshape(300, -1), y)
    assert arrays["teacher/input_gradient"].dtype == np.float16
    assert np.mean(np.sum(arrays["teacher/input_gradient"] * expected, 1)) > 0.999
    mirrored = by_hand(trained_mlp[0].get_weights(), x[:, :, ::-1].reshape(300, -1), y)
    assert np.mean(np.sum(arrays["teacher/input_gradient-flip"] * mirrored, 1)) > 0.999
    assert {p.name for p in tmp_path.iterdir()} == {"input_gradient.npy", "input_gradient-flip.npy"}
    monkeypatch.setattr("fpgacompress.distill.teacher.input_direction", lambda *a: pytest.fail("asked again"))
    assert all(np.array_equal(a, arrays[name]) for name, a in lesson.arrays().items())
    with pytest.raises(DataError, match="300 samples and 299 labels"):
        Teacher(trained_mlp[0], x).input_gradient(y[1:])
    unlabelled = Lesson(trained_mlp[0], Teacher(trained_mlp[0], x))
    objective(SECTION, unlabelled)
    with pytest.raises(ModelError, match="labels, and there are none"):
        unlabelled.arrays()
    with pytest.raises(ModelError, match="the student has 4 inputs, the teacher 784"):
        objective(SECTION, Lesson(zoo.build("mlp", (4,), 10, {"hidden": [3]}), Teacher(trained_mlp[0])))


def test_a_further_pass_leaves_no_trace(trained_mlp, images):
    """With weight 0 pruning counters, masks and moving statistics are those of a training without the term, to the bit."""
    x, y = images[0][:320].reshape(320, -1), images[1][:320]
    states = []
    for weight in (None, 0.0):
        seed_everything(2)
        model = zoo.build("mlp", (28, 28), 10, {"hidden": [16], "batchnorm": True})
        pruning = prune(model, PruneSection(sparsity=0.5, begin=0.0, end=0.6, frequency=2), 10)
        pruning.begin()
        lesson = Lesson(model, Teacher(trained_mlp[0], x), y=y)
        wanted = objective(DistillSection(method="gradient_attention", options={"weight": weight}), lesson) if weight == 0 else None
        arrays = {"x": x, "y": y, **(lesson.arrays() if wanted else {})}
        rates = {"class_weights": None, "learning_rate": 1e-2, "total_steps": 10, "schedule": "constant"}
        step = TrainingStep(
            model,
            wanted or objective(DistillSection(alpha=0.0)),
            arrays | {"teacher_logits": np.zeros((320, 10), np.float32)},
            pruning=pruning,
            **rates,
        )
        step.run(np.arange(320, dtype=np.int32).reshape(10, 32))
        states.append([v.numpy() for v in [*model.weights, *pruning.variables]])
        assert pruning.sparsity() == pytest.approx(0.5, abs=0.01)
    assert all(np.array_equal(a, b) for a, b in zip(*states, strict=True))


def test_a_quantized_pruned_student_comes_to_react_as_its_teacher(trained_mlp, images):
    """Cosine between the two directions on validation images, with the term and without."""
    tf, (x, y, x_val, y_val) = load().tf, images
    there = Teacher(trained_mlp[0], x_val).input_gradient(y_val).astype(np.float32)
    alike = {}
    for taught in (False, True):
        seed_everything(3)
        base = zoo.build("mlp", (28, 28), 10, {"hidden": [16]})
        model = build_student(base, QuantizeSection(), x[:200].reshape(200, -1)).model
        pruning = prune(model, PruneSection(sparsity=0.3), 3 * 62)
        lesson = Lesson(model, Teacher(trained_mlp[0], x), y=y)
        wanted = objective(SECTION, lesson) if taught else None
        data = TrainingData(x, y, x_val, y_val, lesson.arrays())
        history = fit(model, data, TrainConfig(3, batch_size=64, learning_rate=3e-3), objective=wanted, pruning=pruning)
        here = input_direction(lambda v, m=model: m(v, training=False), tf.constant(x_val.reshape(len(x_val), -1)), y_val).numpy()
        alike[taught] = float(np.mean(np.sum(here * there, 1)))
    assert history[-1]["gradient_attention"] < 0.97 * history[0]["gradient_attention"] and history[-1]["sparsity"] > 0.29
    assert alike[True] > alike[False] + 0.05, alike
