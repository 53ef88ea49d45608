"""Exits, refined labels and subclasses: the published losses, gradients that go where they should, and subclasses that are real."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from fpgacompress import zoo
from fpgacompress.distill import Lesson, Teacher, losses, objective
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.recipe import DistillSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of

RNG = np.random.default_rng(8)


def kl(teacher, student, t):
    target = log_softmax(teacher / t, 1)
    return t**2 * np.mean(np.sum(np.exp(target) * (target - log_softmax(student / t, 1)), 1))


def inside(model, layer, x):
    return load().keras.Model(model.inputs, model.get_layer(layer).output).predict(x.reshape(-1, *model.input_shape[1:]), verbose=0)


# exits ------------------------------------------------------------------------------------------------------------------------------


def test_exits_are_the_formula_and_move_what_is_below_them_only():
    tf = load().tf
    seed_everything(1)
    model = zoo.build("cnn", (12, 12), 5, {"filters": [3, 4], "hidden": [6]})
    wanted = objective(DistillSection(method="exits", temperature=3, alpha=0.3, options={"count": 2, "weight": 0.5}), Lesson(model))
    (term,) = wanted.terms
    assert wanted.task_weight == 1 and term.weight == 0.5 and term.reads == ("relu_conv2", "relu1")
    x, y = RNG.normal(0, 1, (30, 12, 12, 1)).astype(np.float32), RNG.integers(0, 5, 30)
    watched = load().keras.Model(model.inputs, [model.output, *(model.get_layer(name).output for name in term.reads)])
    with tf.GradientTape() as tape:
        logits, *features = watched(x)
        told = {f"student/{name}": f for name, f in zip(term.reads, features)}
        told["labels"] = lambda z: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z))
        loss = term.loss(logits, told)
    expected = 0.0
    for f, (kernel, bias) in zip(features, (term.variables[:2], term.variables[2:])):
        z = f.numpy().mean((1, 2))[:, :] @ kernel.numpy() + bias.numpy() if f.ndim == 4 else f.numpy() @ kernel.numpy() + bias.numpy()
        expected += 0.7 * -np.mean(log_softmax(z, 1)[np.arange(30), y]) + 0.3 * kl(logits.numpy(), z, 3.0)
    assert float(loss) == pytest.approx(expected / 2, rel=1e-4)
    moved = {v.name: g for v, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables))}
    assert all((g is None) == name.startswith("logits") for name, g in moved.items())
    assert np.any(moved["conv1/kernel:0"]) and np.any(moved["hidden1/kernel:0"])


def test_exits_of_shallow_layers_classify_and_their_layers_are_checked(images):
    x, y, x_val, y_val = images
    seed_everything(2)
    model = zoo.build("mlp", (28, 28), 10, {"hidden": [24, 16]})
    lesson = Lesson(model)
    wanted = objective(DistillSection(method="exits", temperature=2, options={"layers": ["relu1"]}), lesson)
    history = fit(model, TrainingData(x, y, x_val, y_val), TrainConfig(3, batch_size=64, learning_rate=3e-3), objective=wanted)
    kernel, bias = (v.numpy() for v in wanted.variables)
    found = inside(model, "relu1", x_val) @ kernel + bias
    assert np.mean(found.argmax(1) == y_val) > 0.65 and history[-1]["exits"] < 0.7 * history[0]["exits"]
    assert np.mean(found.argmax(1) == logits_of(model, x_val).argmax(1)) > 0.8
    for options, word in (({"layers": ["relu3"]}, "no layer 'relu3'.*did you mean"), ({"count": 3}, "of 3 layers, and the student has 2")):
        with pytest.raises(ModelError, match=word):
            objective(DistillSection(method="exits", options=options), lesson)
    with pytest.raises(ModelError, match="of all layers, and the student has 0 activations"):
        objective(DistillSection(method="exits"), Lesson(zoo.build("mlp", (4,), 3, {"hidden": []})))


# refined labels ---------------------------------------------------------------------------------------------------------------------


def test_refined_labels_replace_the_labels(trained_mlp, images):
    """The labels are noise, and the student has the teacher's classes; temperature and alpha change nothing."""
    x, _, x_val, y_val = images
    s, t = (RNG.normal(0, 2, (40, 5)).astype(np.float32) for _ in range(2))
    wanted = objective(DistillSection(method="refinery", temperature=7, alpha=0.2))
    assert wanted.task_weight == 0 and [term.weight for term in wanted.terms] == [1.0]
    assert float(wanted.terms[0].loss(s, {"teacher_logits": t})) == pytest.approx(kl(t, s, 1.0), rel=1e-4)
    noise = np.random.default_rng(0).integers(0, 10, len(x)).astype(np.int32)
    seed_everything(7)
    student = zoo.build("mlp", (28, 28), 10, {"hidden": [16]})
    lesson = Lesson(student, Teacher(trained_mlp[0], x))
    wanted = objective(DistillSection(method="refinery"), lesson)
    config = TrainConfig(3, batch_size=64, learning_rate=3e-3, monitor="loss", select_from=1.0)
    fit(student, TrainingData(x, noise, x_val, y_val, lesson.arrays()), config, objective=wanted)
    assert np.mean(logits_of(student, x_val).argmax(1) == logits_of(trained_mlp[0], x_val).argmax(1)) > 0.75
    with pytest.raises(ModelError, match="'weight' is not an option of 'refinery'"):
        objective(DistillSection(method="refinery", options={"weight": 2.0}))


# subclasses -------------------------------------------------------------------------------------------------------------------------


def test_sums_and_likeness_are_the_formulas():
    z = RNG.normal(0, 2, (12, 6)).astype(np.float32)
    assert np.allclose(losses.class_sums(z, 3), logsumexp(z.reshape(12, 3, 2), -1), atol=1e-5)
    v = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True) / np.sqrt(6)
    expected = np.mean(logsumexp(v @ v.T / 0.5, 1)) - 1 / 0.5 - np.log(12)
    assert float(losses.likeness(z, 0.5)) == pytest.approx(expected, rel=1e-4)
    assert float(losses.likeness(np.tile(z[:1], (9, 1)), 0.5)) == pytest.approx(0, abs=1e-5)


@pytest.fixture(scope="module")
def two_in_one(images):
    """A teacher of five classes of two kinds each (T-shirts with sandals, trousers with shirts ...), and its validation accuracy."""
    x, y, x_val, y_val = images
    seed_everything(4)
    model = zoo.build("mlp", (28, 28), 5, {"hidden": [48, 32]})
    history = fit(model, TrainingData(x, y % 5, x_val, y_val % 5), TrainConfig(6, batch_size=64, learning_rate=3e-3))
    return model, max(row["val_accuracy"] for row in history)


def purity(logits, y):
    """Share of the samples whose subclass, of the two of their class, is the one that their kind of clothes has; mean over the classes."""
    found = []
    for c in range(5):
        counts = np.array([np.bincount(logits[y == kind, 2 * c : 2 * c + 2].argmax(1), minlength=2) for kind in (c, c + 5)])
        found.append(max(counts[0, 0] + counts[1, 1], counts[0, 1] + counts[1, 0]) / counts.sum())
    return float(np.mean(found))


def test_subclasses_are_kinds_that_nobody_told_and_a_student_learns_them(two_in_one, images, tmp_path):
    x, y, x_val, y_val = images
    teacher, accuracy = two_in_one
    seed_everything(6)
    student = zoo.build("mlp", (28, 28), 5, {"hidden": [24]})
    lesson = Lesson(student, Teacher(teacher, x, tmp_path), y=y % 5)
    wanted = objective(DistillSection(method="subclass", temperature=2, alpha=0.4), lesson)
    ((name, taught),) = lesson.arrays().items()
    assert taught.dtype == np.float16 and taught.shape == (len(x), 10)
    assert {p.name for p in tmp_path.iterdir()} == {"feature-relu2-pooled.npy", "subclasses-2-1-0.5.npy"}
    assert np.array_equal(Teacher(teacher, x).subclasses(y % 5, 2, 1.0, 0.5), taught), "the same bits each time"
    sums = np.asarray(losses.class_sums(taught.astype(np.float32), 5))
    assert np.mean(sums.argmax(1) == y % 5) > accuracy - 0.03
    plain = Teacher(teacher, x).subclasses(y % 5, 2, 0.0, 0.5).astype(np.float32)
    assert float(losses.likeness(taught[:500].astype(np.float32), 0.5)) < float(losses.likeness(plain[:500], 0.5)) - 0.05
    assert purity(taught, y) > max(0.72, purity(plain, y) + 0.1)

    s = RNG.normal(0, 1, (40, 5)).astype(np.float32)
    f = RNG.normal(0, 1, (40, 24)).astype(np.float32)
    soft, apart = wanted.terms
    kernel, bias = (v.numpy() for v in apart.variables)
    batch, u = {name: taught[:40], "student/relu1": f}, taught[:40].astype(np.float32)
    assert (wanted.task_weight, soft.weight, apart.weight, apart.reads) == (0.6, 0.4, 1.0, ("relu1",))
    assert float(soft.loss(s, batch)) == pytest.approx(kl(logsumexp(u.reshape(40, 5, 2), -1), s, 2.0), rel=1e-3)
    assert float(apart.loss(s, batch)) == pytest.approx(kl(u, f @ kernel + bias, 2.0), rel=1e-3)

    data = TrainingData(x, y % 5, x_val, y_val % 5, lesson.arrays())
    history = fit(student, data, TrainConfig(4, batch_size=64, learning_rate=3e-3), objective=wanted)
    kernel, bias = (v.numpy() for v in wanted.variables)
    assert history[-1]["subclass"] < 0.5 * history[0]["subclass"] and history[-1]["val_accuracy"] > accuracy - 0.05
    assert purity(inside(student, "relu1", x_val) @ kernel + bias, y_val) > 0.7


def test_mirrored_samples_have_the_subclasses_of_the_others(two_in_one, images):
    """The map is fitted on the samples as they are, or subclass 0 of one view could be subclass 1 of the other."""
    x, y = images[0][:1000], images[1][:1000] % 5
    lesson = Lesson(zoo.build("mlp", (28, 28), 5, {"hidden": [4]}), Teacher(two_in_one[0], x), "flip", y)
    objective(DistillSection(method="subclass"), lesson)
    plain, mirrored = (a.argmax(1) for a in lesson.arrays().values())
    assert 0.6 < np.mean(plain == mirrored) < 1
    assert np.array_equal(
        Teacher(two_in_one[0], x[:, :, ::-1].copy()).subclasses(y, 2, 1.0, 0.5, Teacher(two_in_one[0], x)).argmax(1), mirrored
    )
    for options, word in (({"subclasses": 0}, "subclasses is 0"), ({"heat": 0.0}, "heat 0.0.*above 0"), ({"contrast": -1.0}, "at least 0")):
        with pytest.raises(ModelError, match=word):
            objective(DistillSection(method="subclass", options=options), lesson)
