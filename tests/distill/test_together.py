"""All methods with something beside the student in one training, in fixed and in learned bits: resumed to the bit, no trace of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.data import load as load_data
from fpgacompress.distill import Lesson, Objective, Teacher, Term, objective
from fpgacompress.keras_stack import load, load_model, save_model, seed_everything
from fpgacompress.lower import lower
from fpgacompress.prune import prune
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.learned import learned_twin
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, checkpoint, fit, front
from fpgacompress.train.front import FrontConfig, learn_front
from fpgacompress.train.front_rules import Kept

METHOD = "refinery+gradient_attention+ema+mutual+online+exits+subclass"
NAMES = {"refinery", "gradient_attention", "ema", "mutual", "peers", "online", "teacher", "exits", "sums", "subclass"}
DEMO_DATA = Path(__file__).resolve().parents[2] / "demos" / "data"


@pytest.fixture(scope="module")
def pulses():
    """Real detector pulses, their input type, a teacher with Dropout and BatchNormalization, a float student, and its quantized twin."""
    data = load_data("gamma_neutron", validation=200, seed=2, data_dir=DEMO_DATA)
    apply, kind = data.preprocessing.apply, data.preprocessing.input_type
    arrays = TrainingData(apply(data.train.x), data.train.y, apply(data.validation.x), data.validation.y)
    seed_everything(1)
    teacher = zoo.build("mlp", (161,), 2, {"hidden": [12], "batchnorm": True, "dropout": 0.2})
    student = zoo.build("mlp", (161,), 2, {"hidden": [8]})
    for model in (teacher, student):
        fit(model, arrays, TrainConfig(8, learning_rate=5e-3, batch_size=32))
    section = QuantizeSection(preset="int8", input=kind.width, input_integer=kind.integer - kind.signed)
    return arrays, kind, teacher, student, build_student(student, section, arrays.x).model


def taught(pulses, student):
    """Objective and data for a student."""
    data, _, teacher, *_ = pulses
    lesson = Lesson(student, Teacher(teacher, data.x), y=data.y)
    wanted = objective(DistillSection(method=METHOD, alpha=0.5), lesson)
    assert {t.name for t in wanted.terms} == NAMES and wanted.task_weight == 0.0
    return wanted, replace(data, extras=lesson.arrays())


def values(*variables):
    return [v.numpy() for v in variables]


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_quantized_pruned_training_is_resumed_to_the_bit_and_its_student_is_an_ordinary_one(pulses, tmp_path):
    config = TrainConfig(3, batch_size=64, learning_rate=3e-3, noise_warmup=0.2, stochastic_rounding=True)

    def trained(folder):
        def copying(epoch, *_):
            if epoch == 1:
                shutil.copytree(folder, tmp_path / "stopped", dirs_exist_ok=True)

        seed_everything(9)
        model = load().keras.models.clone_model(pulses[4])
        model.set_weights(pulses[4].get_weights())
        pruning = prune(model, PruneSection(sparsity=0.5, end=0.6, frequency=2), 3 * (len(pulses[0].x) // 64))
        wanted, data = taught(pulses, model)
        return model, fit(model, data, config, objective=wanted, pruning=pruning, folder=folder, progress=copying), wanted

    whole, rows, wanted = trained(tmp_path / "whole")
    resumed, again, others = trained(tmp_path / "stopped")
    assert again[0] == rows[0] and [{**r, "seconds": 0} for r in again] == [{**r, "seconds": 0} for r in rows]
    assert same(values(*whole.weights), values(*resumed.weights)) and same(values(*wanted.state), values(*others.state))
    assert rows[-1]["sparsity"] == pytest.approx(0.5, abs=0.01) and rows[-1]["val_accuracy"] > 0.9
    # zeros and bits come while it trains, so what agreed with the float student from the start (refinery) gets no smaller
    for name in NAMES - {"ema", "gradient_attention", "online", "teacher", "refinery"}:
        assert rows[-1][name] < rows[0][name], name
    save_model(whole, tmp_path / "student.h5")
    student = load_model(tmp_path / "student.h5")
    assert [v.name for v in student.weights] == [v.name for v in pulses[4].weights]
    assert lower(student, pulses[1]).output is not None


@pytest.mark.slow
def test_learned_bits_under_all_of_them_go_on_from_a_checkpoint_to_the_bit(pulses, tmp_path):
    """The model that trains is another one than the methods looked at: the float student, as in a run. The step is compiled by XLA."""
    data, kind, _, student, quantized = pulses
    twin = learned_twin(quantized)
    pruning = prune(twin, PruneSection(sparsity=0.3, begin=0.0, end=0.5, frequency=2), 3 * (len(data.x) // 128))
    wanted, extras = taught(pulses, student)
    config = FrontConfig(epochs=3, cycles=1, tune_epochs=0, batch_size=128)
    training = front._Front(twin, extras, config, wanted, pruning, kind.width, print)
    step = training.step(priced=True, ramp=True, total=3 * training.per_epoch)
    rows, path = [training.epoch(step, 0)], tmp_path / "checkpoint.npz"
    checkpoint.save(path, step.variables, None, {})
    rows += [training.epoch(step, n) for n in (1, 2)]
    end = training.arrays()
    assert len(end) == len(twin.weights) + len(wanted.state) + len(pruning.variables), (
        "a point goes on with the companions of its own epoch"
    )
    for variable in {id(v): v for v in (*training.variables, *step.optimizer.variables())}.values():
        variable.assign(variable + load().tf.ones_like(variable))
    assert checkpoint.restore(path, step.variables) is not None
    again = [training.epoch(step, n) for n in (1, 2)]
    assert again == rows[1:] and same(training.arrays(), end) and {*NAMES, "cost_share"} <= set(rows[0])
    assert step._compiled and all(rows[-1][name] < rows[0][name] for name in ("mutual", "peers", "exits", "subclass"))
    point = training.tune(Kept(2, rows[-1]["cost"], rows[-1] | {"beta": 0.1}, end), tmp_path)
    found = load_model(point.folder / "student.h5")
    assert len(found.get_weights()) == 4 and lower(found, kind).output is not None


def test_what_descent_takes_of_them(pulses):
    """Only logits and arrays are there; where no term is left and labels have no weight, they get it back."""
    wanted, _ = taught(pulses, pulses[3])
    assert {t.name for t in wanted.of_logits.terms} == {"refinery", "sums"} and wanted.of_logits.task_weight == 0.0
    ema = objective(DistillSection(method="ema", alpha=1.0))
    assert ema.task_weight == 0.0 and ema.of_logits == Objective(1.0, ())
    plain = Objective(0.3, (Term("one", 1.0, (), lambda logits, batch: 0.0),))
    assert plain.of_logits == plain


def test_learned_bits_where_xla_has_no_kernel(pulses, tmp_path):
    """Gradients of max pooling: the step goes on without XLA."""
    data, kind, *_ = pulses
    seed_everything(2)
    model = zoo.build("cnn1d", (161,), 2, {"filters": [2], "hidden": [4]})
    section = QuantizeSection(preset="int8", input=kind.width, input_integer=kind.integer - kind.signed)
    twin = learned_twin(build_student(model, section, data.x[..., None]).model)
    config = FrontConfig(epochs=3, cycles=1, tune_epochs=0, points=1, batch_size=128, beta=(0.3, 0.3))
    (point,) = learn_front(twin, data, config, tmp_path, input_bits=kind.width)
    rows = json.loads((tmp_path / "history.json").read_text())
    assert rows[-1]["task"] < rows[0]["task"] and point.cost > 0
