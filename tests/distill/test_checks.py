"""Distillation that cannot act is noticed: terms too small, teachers that guess, are worse, end in softmax or know other inputs."""

import numpy as np
import pytest
from scipy.special import softmax

from fpgacompress import zoo
from fpgacompress.distill import Lesson, Teacher, objective
from fpgacompress.distill.checks import accuracy, teacher_notes, training_notes
from fpgacompress.keras_stack import seed_everything
from fpgacompress.recipe import DistillSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of


def taught(images, temperature, teacher):
    x, y, x_val, y_val = images
    seed_everything(1)
    student = zoo.build("mlp", (28, 28), 10, {"hidden": [8]})
    lesson = Lesson(student, Teacher(teacher, x))
    wanted = objective(DistillSection(alpha=0.3, temperature=temperature), lesson)
    return training_notes(fit(student, TrainingData(x, y, x_val, y_val, lesson.arrays()), TrainConfig(2), objective=wanted), wanted)


def test_a_term_that_does_nothing_is_told(trained_mlp, images):
    from fpgacompress.keras_stack import load

    teacher, keras = trained_mlp[0], load().keras
    squashed = keras.Model(teacher.inputs, keras.layers.Softmax()(teacher.output))
    assert taught(images, 2.0, teacher) == []
    (note,) = training_notes([{"loss": 1.0, "distill": 0.009}, {"loss": 1.0, "distill": 0.5}], objective(DistillSection(alpha=1.0)))
    assert note.startswith("the term 'distill' was below 1% of the loss in 1 of 2 epochs (least 9.0e-03, first in epoch 1)")
    x, y = images[2:]
    assert "probabilities, not logits" in teacher_notes(logits_of(squashed, x), y)[0]


def test_a_good_teacher_has_no_notes_and_a_worse_one_is_told(trained_mlp, images):
    x, y = images[2:]
    logits = logits_of(trained_mlp[0], x)
    reached = accuracy(logits, y)
    assert teacher_notes(logits, y, reached - 0.01, lambda factor: logits_of(trained_mlp[0], x * np.float32(factor))) == []
    (note,) = teacher_notes(logits, y, reached + 0.01)
    assert f"({reached:.4f} of the validation samples) is worse than the float student ({reached + 0.01:.4f})" in note


@pytest.mark.parametrize("factor", [255, 256])
def test_a_teacher_of_other_inputs_is_told_with_their_scale(images, factor):
    x, y, x_val, y_val = images
    seed_everything(4)
    teacher = zoo.build("cnn", (28, 28), 10, {"filters": [4], "hidden": [16], "batchnorm": True})
    fit(teacher, TrainingData(x * factor, y, x_val * factor, y_val), TrainConfig(3, batch_size=64, learning_rate=3e-3))
    (note,) = teacher_notes(logits_of(teacher, x_val), y_val, 0.8, lambda f: logits_of(teacher, x_val * np.float32(f)))
    assert "the teacher guesses" in note and "of another scale" in note and "with its inputs times 25" in note


def test_softmax_of_a_guess_is_both():
    rng = np.random.default_rng(0)
    notes = teacher_notes(softmax(rng.normal(0, 1, (500, 4)), 1), rng.integers(0, 4, 500))
    assert len(notes) == 2 and notes[1].startswith("the teacher guesses: 0.2")
