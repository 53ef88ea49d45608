"""The student's moving average: the published recursion over all weights, masked and quantized as the student is, with no trace in it."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.distill import objective
from fpgacompress.distill.average import ANSWER, Average
from fpgacompress.distill.checks import training_notes
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, seed_everything, unwrapped
from fpgacompress.prune import Nothing, prune
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.learned import learned_twin
from fpgacompress.quantize.learned.twin import learned_roles
from fpgacompress.quantize.progressive import StagedBits
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.step import TrainingStep

RNG = np.random.default_rng(4)


def student(images, learned=False):
    """A QKeras student of few bits."""
    seed_everything(3)
    x = images[0][:200].reshape(200, -1)
    model = build_student(zoo.build("mlp", (28, 28), 10, {"hidden": [16]}), QuantizeSection(preset="int4"), x).model
    return learned_twin(model) if learned else model


def pruning_of(model):
    return prune(model, PruneSection(sparsity=0.5, begin=0.0, end=0.6, frequency=2), 10)


def inner(model):
    """The variables of the layers themselves."""
    return list({id(v): v for layer in model.layers for v in unwrapped(layer).weights}.values())


@pytest.mark.parametrize("kind", ["quantized", "learned", "batchnorm"])
def test_the_average_is_the_recursion_and_computes_as_the_student_would_with_its_weights(images, kind):
    x, y = images[0][:320].reshape(320, -1), images[1][:320]
    model = (
        zoo.build("mlp", (28, 28), 10, {"hidden": [16], "batchnorm": True}) if kind == "batchnorm" else student(images, kind == "learned")
    )
    wanted = objective(DistillSection(method="ema", options={"decay": 0.6}))
    pruning = Nothing() if kind == "batchnorm" else pruning_of(model)
    pruning.begin()
    rates = {"class_weights": None, "learning_rate": 1e-2, "total_steps": 10, "schedule": "constant"}
    step = TrainingStep(model, wanted, {"x": x, "y": y}, pruning=pruning, **rates)
    variables, (average,) = inner(model), wanted.companions
    assert len(average.kept) == len(variables) and not set(map(id, average.kept)) & set(map(id, variables))
    expected = [v.numpy().astype(np.float64) for v in variables]
    masked = {id(kernel): mask for kernel, mask in pruning.pairs}
    for t in range(1, 11):
        step.run(np.arange(32 * t - 32, 32 * t, dtype=np.int32)[None])
        decay = min(0.6, (1 + t) / (10 + t))
        expected = [decay * e + (1 - decay) * v.numpy() for e, v in zip(expected, variables)]
        expected = [e * masked[id(v)].numpy() if id(v) in masked else e for e, v in zip(expected, variables)]
    for twin, e in zip(average.kept, expected, strict=True):
        assert np.allclose(twin.numpy(), e, atol=1e-5), twin.name
    moved = [v.name for v, twin in zip(variables, average.kept) if not np.allclose(v.numpy(), twin.numpy())]
    kinds = {"quantized": ("kernel", "bias"), "learned": ("kernel", "_fraction"), "batchnorm": ("kernel", "moving_variance", "gamma")}
    assert all(any(part in name for name in moved) for part in kinds[kind])
    if pruning.pairs:
        kernel = average.kept[[v.name for v in variables].index(pruning.pairs[0][0].name)].numpy()
        assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.01)
    answer = average.answers({"x": load().tf.constant(x)})[ANSWER].numpy()
    assert not np.allclose(answer, model(x, training=False), atol=1e-3)
    for variable, twin in zip(variables, average.kept):
        variable.assign(twin)
    assert np.allclose(answer, model(x, training=False), atol=1e-5)
    average.meet(model)
    assert wanted.companions[0].kept == average.kept, "meeting a model again changes nothing"


def test_the_average_follows_the_bits_of_a_stage_and_leaves_layers_as_they_were(images):
    model = student(images)
    layer = unwrapped(model.layers[1])
    kernel, average = layer.kernel, Average(0.9)
    average.meet(model)
    x = load().tf.constant(images[0][:100].reshape(100, -1))
    bits, answers = StagedBits(model), []
    for stage in (0, 12):
        bits.set(stage)
        answers.append(average.answers({"x": x})[ANSWER].numpy())
        assert np.array_equal(answers[-1], model(x, training=False))
    bits.set(0)
    assert not np.allclose(*answers, atol=1e-3) and layer.kernel is kernel


def test_a_student_under_its_average_stays_nearer_to_it_and_keeps_its_accuracy(images):
    x, y, x_val, y_val = images
    found = {}
    for alpha in (0.0, 0.9):
        seed_everything(5)
        model = zoo.build("mlp", (28, 28), 10, {"hidden": [16]})
        wanted = objective(DistillSection(method="ema", alpha=alpha, options={"decay": 0.99}))
        data, config = TrainingData(x, y, x_val, y_val), TrainConfig(2, batch_size=64, learning_rate=1e-2, schedule="constant")
        found[alpha] = fit(model, data, config, objective=wanted)
    assert found[0.9][-1]["ema"] < 0.9 * found[0.0][-1]["ema"], [rows[-1] for rows in found.values()]
    assert found[0.9][-1]["val_accuracy"] > 0.65 and training_notes(found[0.9], wanted) == []
    (note,) = training_notes([{"loss": 1.0, "ema": 1e-6}, {"loss": 1.0, "ema": 1e-5}], wanted)
    assert "below 0.01% of the loss in 2 of 2 epochs" in note and "raise alpha or decay" in note
    assert {v.name for v in model.weights} == {v.name for v in zoo.build("mlp", (28, 28), 10, {"hidden": [16]}).weights}
    with pytest.raises(ModelError, match="decay is 1.0.*below 1"):
        objective(DistillSection(method="ema", options={"decay": 1.0}))


def test_learned_bits_are_averaged(images):
    model = student(images, learned=True)
    average = Average(0.5)
    average.meet(model)
    bits = {id(v) for role in learned_roles(model) for v in role.quantizer.variables}
    assert len(bits) >= 4 and bits <= {id(v) for v in inner(model)} and len(average.kept) == len(inner(model))
