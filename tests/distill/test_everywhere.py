"""Every method with every kind of student and teacher, many classes and two, quantized and pruned: one epoch, all terms act, and nothing stays."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.distill import METHODS, Lesson, Teacher, objective
from fpgacompress.errors import FpgaCompressError
from fpgacompress.keras_stack import seed_everything
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import shaped, steps_of

PAIRS = {
    "mlp": ((28, 28), "mlp", {"hidden": [12, 8]}, "cnn", {"filters": [4], "hidden": [12]}),
    "cnn": ((28, 28), "cnn", {"filters": [3, 4], "hidden": [8], "batchnorm": True}, "resnet8", {"filters": [4, 4, 8]}),
    "residual": ((28, 28), "resnet8", {"filters": [3, 4, 4]}, "cnn", {"filters": [4, 6], "hidden": [12]}),
    "beats": ((64,), "cnn1d", {"filters": [3, 4], "hidden": [8]}, "cnn1d", {"filters": [6, 6], "hidden": [8], "dropout": 0.2}),
    "mobilenet": (
        (28, 28),
        "mobilenet",
        {"first": 4, "filters": [4, 6], "expansion": 2, "last": 8},
        "resnet",
        {"filters": [4, 8], "blocks": 1},
    ),
}
NO_MAPS = {"attention": ("mlp",)}
"""Dense layers have no map: refused."""
CONFIG = TrainConfig(2, batch_size=50, learning_rate=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("method", METHODS.names())
def test_every_method_with_every_student(method, pair, classes, images):
    shape, kind, options, other, settings = PAIRS[pair]
    x, y = images[0][:400], images[1][:400] % classes
    x = x if len(shape) == 2 else np.ascontiguousarray(x.reshape(400, -1)[:, 200:264])
    seed_everything(1)
    teacher = zoo.build(other, shape, classes, settings)
    fit(teacher, TrainingData(x, y, x[:100], y[:100]), CONFIG)
    base = zoo.build(kind, shape, classes, options)
    student = quantized_student(base, QuantizeSection(preset="int4"), shaped(base, x[:100]))
    shapes = [w.shape for w in student.weights]
    pruning = prune(student, PruneSection(sparsity=0.5, frequency=1), steps_of(400, CONFIG))
    lesson = Lesson(student, Teacher(teacher, shaped(teacher, x)), y=y)
    if pair in NO_MAPS.get(method, ()):
        with pytest.raises(FpgaCompressError, match="activations with a height"):
            objective(DistillSection(method=method), lesson)
        return
    wanted = objective(DistillSection(method=method), lesson)
    history = fit(student, TrainingData(x, y, x[:100], y[:100], lesson.arrays()), CONFIG, objective=wanted, pruning=pruning)
    assert all(np.isfinite(row[term.name]) and row[term.name] != 0 for row in history for term in wanted.terms)
    assert [w.shape for w in student.weights] == shapes
