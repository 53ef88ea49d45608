"""A front of students from one training: costs fall, accuracy is kept where it can be, every point is exact, and a stop loses nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.data import load as load_data
from fpgacompress.distill import Lesson, Objective, Teacher, Term, objective
from fpgacompress.errors import Interrupted
from fpgacompress.integer import run
from fpgacompress.keras_stack import load, load_model
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops
from fpgacompress.prune import Nothing
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.learned import freeze, learned_twin
from fpgacompress.quantize.learned.twin import learned_roles
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train import front as module
from fpgacompress.train.front import FrontConfig, learn_front
from fpgacompress.train.front_rules import Kept, chosen, foreseen, ramped, steered


@pytest.fixture(scope="module")
def pulses():
    """Real detector pulses: 161 samples each, gamma or neutron, and their input type."""
    data = load_data("gamma_neutron", validation=200, seed=2, data_dir=DEMO_DATA)
    apply = data.preprocessing.apply
    return TrainingData(apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y), data.preprocessing.input_type


def mlp():
    """A float MLP 161-8-2 with fresh weights."""
    keras = load().keras
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((161,)), keras.layers.Dense(8, activation="relu", name="h"), keras.layers.Dense(2, name="out")]
    return keras.Sequential(layers)


def quantized(model, pulses):
    """Its QKeras student of 8 bits."""
    data, type = pulses
    section = QuantizeSection(preset="int8", input=type.width, input_integer=type.integer - type.signed)
    return build_student(model, section, data.x).model


@pytest.fixture(scope="module")
def student(pulses):
    """The student of a trained MLP, and its float accuracy."""
    model = mlp()
    history = fit(model, pulses[0], TrainConfig(15, learning_rate=5e-3, batch_size=32))
    return quantized(model, pulses), max(row["val_accuracy"] for row in history)


DEMO_DATA = Path(__file__).resolve().parents[2] / "demos" / "data"
CONFIG = FrontConfig(epochs=120, tune_epochs=10, points=4, batch_size=64, learning_rate=1e-2, beta=(0.3, 30.0), seed=3)


@pytest.fixture(scope="module")
def front(pulses, student, tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    lines: list[str] = []
    points = learn_front(learned_twin(student[0]), pulses[0], CONFIG, folder, input_bits=pulses[1].width, progress=lines.append)
    return folder, points, lines


def test_one_training_leaves_students_from_dear_to_cheap(front, student):
    folder, points, lines = front
    costs = [p.cost for p in points]
    assert len(points) >= 3 and costs == sorted(costs, reverse=True) and costs[0] > 8 * costs[-1]
    assert points[0].figures["val_accuracy"] >= student[1] - 0.02
    history = json.loads((folder / "history.json").read_text())
    assert history[0]["beta"] == pytest.approx(0.3) and len(history) <= CONFIG.epochs
    assert sum("point" in line for line in lines) == len(points)


def test_every_point_is_an_ordinary_student_and_exact(front, pulses):
    for point in front[1]:
        model = load_model(point.folder / "student.h5")
        kinds = {type(layer.kernel_quantizer_internal).__name__ for layer in model.layers if hasattr(layer, "kernel")}
        assert kinds == {"quantized_bits"}
        network = lower(model, pulses[1])
        x = pulses[0].x_val
        logits = logits_of(model, x)
        assert np.array_equal(network.output.out.to_float(run(network, pulses[1].exactly(x))), logits)
        assert np.mean(logits.argmax(1) == pulses[0].y_val) == pytest.approx(point.figures["val_accuracy"], abs=1e-9)
        assert ebops(network).value <= point.cost


def test_a_front_that_was_stopped_goes_on_and_ends_the_same(front, pulses, student, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SAVE_SECONDS", 0.0)
    original, calls = module._Front.epoch, []

    def stopping(self, step, number):
        calls.append(number)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return original(self, step, number)

    settings = {"input_bits": pulses[1].width}
    monkeypatch.setattr(module._Front, "epoch", stopping)
    with pytest.raises(Interrupted, match="same command again"):
        learn_front(learned_twin(student[0]), pulses[0], CONFIG, tmp_path, **settings)
    points = learn_front(learned_twin(student[0]), pulses[0], CONFIG, tmp_path, **settings)
    assert calls[40] == 39
    assert [p.cost for p in points] == [p.cost for p in front[1]]
    for ours, theirs in zip(points, front[1]):
        a, b = (load_model(p.folder / "student.h5").get_weights() for p in (ours, theirs))
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_what_was_kept_comes_back_to_its_place_when_bits_are_frozen(pulses, student):
    front = module._Front(learned_twin(student[0]), pulses[0], CONFIG, Objective(), Nothing(), pulses[1].width, print)
    kept = front.arrays()
    before = [(role.quantizer, role.quantizer.fraction.numpy()) for role in learned_roles(front.model)]
    freeze(front.model)
    front.set_weights(kept)
    assert len(before) >= 5
    assert all(np.array_equal(quantizer.fraction.numpy(), fraction) for quantizer, fraction in before)


def test_a_price_that_leaves_no_bit_ends_the_ramp_and_makes_no_point_of_it(pulses, student, tmp_path):
    config = FrontConfig(epochs=60, settle_epochs=4, tune_epochs=2, points=4, batch_size=64, learning_rate=2e-2, cycles=6, beta=(1.0, 1e6))
    points = learn_front(learned_twin(student[0]), pulses[0], config, tmp_path, input_bits=pulses[1].width)
    history = json.loads((tmp_path / "history.json").read_text())
    assert history[-1]["cost"] == 0 and len(history) < config.epochs
    assert points and all(np.isfinite(p.figures["val_loss"]) for p in points)


def test_points_settle_at_their_cost(pulses, student, tmp_path):
    costs = {}
    for epochs in (0, 30):
        config = FrontConfig(epochs=80, settle_epochs=epochs, tune_epochs=4, points=3, batch_size=64, learning_rate=1e-2, beta=(0.3, 10.0))
        points = learn_front(learned_twin(student[0]), pulses[0], config, tmp_path / str(epochs), input_bits=pulses[1].width)
        costs[epochs] = np.array([p.cost for p in points])
        assert all(p.figures["val_accuracy"] > 0.9 for p in points)
    assert np.all(costs[30] != costs[0]) and np.all(costs[30] < 1.3 * costs[0]) and np.all(costs[30] > 0.5 * costs[0])


def test_descent_leaves_exact_students_that_cost_less_and_a_stop_changes_nothing(pulses, student, tmp_path):
    found = {}
    for sweeps in (0, 1):
        config = FrontConfig(
            epochs=60,
            tune_epochs=4,
            points=2,
            batch_size=64,
            learning_rate=1e-2,
            beta=(0.3, 10.0),
            descent_sweeps=sweeps,
            rounding="truncate",
        )
        settings = {"input_bits": pulses[1].width}
        found[sweeps] = learn_front(learned_twin(student[0]), pulses[0], config, tmp_path / str(sweeps), **settings)
    assert np.mean([p.cost for p in found[1]]) < 0.8 * np.mean([p.cost for p in found[0]])
    for point in found[1]:
        assert point.figures["val_accuracy"] > 0.9
        model = load_model(point.folder / "student.h5")
        network = lower(model, pulses[1])
        logits = network.output.out.to_float(run(network, pulses[1].exactly(pulses[0].x_val)))
        assert np.array_equal(logits, logits_of(model, pulses[0].x_val))
    (found[1][-1].folder / "point.json").unlink()
    again = learn_front(learned_twin(student[0]), pulses[0], config, tmp_path / "1", **settings)
    assert [p.cost for p in again] == [p.cost for p in found[1]]


def test_a_target_is_steered_to(pulses, student, tmp_path):
    config = FrontConfig(epochs=150, tune_epochs=4, batch_size=64, learning_rate=1e-2, target=1500.0, beta=(0.05, 60.0))
    (point,) = learn_front(learned_twin(student[0]), pulses[0], config, tmp_path, input_bits=pulses[1].width)
    assert 700 < point.cost <= 1500
    last = [row["cost"] for row in json.loads((tmp_path / "history.json").read_text())][-20:]
    assert 0.8 * 1500 < np.mean(last) < 1.2 * 1500  # near it, neither fallen through nor hovering above


def test_masks_and_a_teacher_act_in_the_same_training(pulses, student, tmp_path):
    """Only the teacher says that the classes are the other way round."""
    from fpgacompress.distill.losses import soft_cross_entropy
    from fpgacompress.prune import prune

    x, y, x_val, y_val = pulses[0].x, pulses[0].y, pulses[0].x_val, pulses[0].y_val
    data = TrainingData(x, y, x_val, 1 - y_val, {"teacher_logits": -logits_of(student[0], x)})
    config = FrontConfig(epochs=60, cycles=4, tune_epochs=4, points=2, batch_size=64, beta=(0.3, 1.0))
    twin = learned_twin(quantized(mlp(), pulses))
    pruning = prune(twin, PruneSection(sparsity=0.5, begin=0.0, end=0.5, frequency=5), 60 * (len(x) // 64))
    term = Term("distill", 1.0, ("teacher_logits",), lambda logits, batch: soft_cross_entropy(logits, batch["teacher_logits"], 2.0))
    points = learn_front(twin, data, config, tmp_path, input_bits=pulses[1].width, objective=Objective(0.0, (term,)), pruning=pruning)
    history = json.loads((tmp_path / "history.json").read_text())
    assert history[-1]["distill"] < history[0]["distill"]
    assert points[-1].figures["val_accuracy"] > 0.9
    last = load_model(points[-1].folder / "student.h5")
    assert np.mean(last.get_layer("h").kernel.numpy() == 0) >= 0.5


def test_a_teacher_of_features_acts_and_descent_goes_on_with_its_logits(pulses, student, tmp_path):
    teacher, data = mlp(), pulses[0]
    fit(teacher, data, TrainConfig(10, learning_rate=5e-3, batch_size=32))
    twin = learned_twin(student[0])
    lesson = Lesson(twin, Teacher(teacher, data.x))
    wanted = objective(DistillSection(method="logits+hints"), lesson)
    config = FrontConfig(epochs=30, cycles=3, tune_epochs=4, points=1, batch_size=64, descent_sweeps=1, beta=(0.3, 3.0))
    taught = replace(data, extras=lesson.arrays())
    points = learn_front(twin, taught, config, tmp_path, input_bits=pulses[1].width, objective=wanted)
    history = json.loads((tmp_path / "history.json").read_text())
    assert history[-1]["hints"] < 0.5 * history[0]["hints"] and history[-1]["distill"] < history[0]["distill"]
    assert points[0].figures["val_accuracy"] > 0.95


def test_beta_grows_by_the_same_factor_and_steering_pulls_towards_the_target():
    config = FrontConfig(epochs=5, beta=(1.0, 16.0))
    assert [ramped(config, e) for e in range(5)] == pytest.approx([1, 2, 4, 8, 16])
    assert foreseen([100.0]) == 100.0 and foreseen([80.0, 100, 100, 100, 100, 100]) > 100 > foreseen([110.0] * 5 + [100.0])
    assert steered(1.0, 200.0, 100.0, (0.1, 10)) > 1.0 > steered(1.0, 50.0, 100.0, (0.1, 10))
    assert steered(1.0, 1e9, 100.0, (0.1, 10)) == pytest.approx(np.exp(0.1))
    assert steered(10.0, 1e9, 100.0, (0.1, 10)) == 10


def test_points_are_spread_over_the_logarithm_of_the_cost():
    kept = {i: Kept(i, float(2**i), {"val_loss": 1.0, "val_accuracy": 0.9}, []) for i in range(11)}
    assert [k.cost for k in chosen(kept, 3, 0.5)] == [1024.0, 32.0, 1.0]
    assert chosen(kept, 3, 0.5, target=100.0)[0].cost <= 100.0
    for broken in range(4):
        kept[broken].row["val_accuracy"] = 0.6
    assert [k.cost for k in chosen(kept, 3, 0.5)] == [1024.0, 128.0, 16.0]
    assert [k.cost for k in chosen(kept, 1, 0.95)] == [1024.0]
