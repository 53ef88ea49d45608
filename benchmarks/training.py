"""Our training step against plain Keras, side by side in one process.

Both train the same QKeras student with the same pruning schedule, teacher and loss for one epoch at a time, in turn. The plain way is a
Keras model whose ``train_step`` runs the teacher on every batch, as in the published notebooks, driven by ``model.fit`` with tfmot's callback.
"""

from __future__ import annotations

import time

import numpy as np

from fpgacompress import zoo
from fpgacompress.data import load
from fpgacompress.distill import objective
from fpgacompress.distill.losses import soft_cross_entropy
from fpgacompress.keras_stack import load as load_stack
from fpgacompress.keras_stack import load_tfmot, seed_everything
from fpgacompress.prune import prune
from fpgacompress.prune.schedules import bounds
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import DistillSection, PruneSection, QuantizeSection
from fpgacompress.train import logits_of
from fpgacompress.train.loop import _epoch, shaped
from fpgacompress.train.step import TrainingStep

from .common import QUICK, goal, write

BATCH = 128
SECTION = PruneSection(sparsity=0.8)
TEACHER = {"filters": [32, 64], "hidden": [128], "dropout": 0.4}


def _student(x: np.ndarray) -> object:
    model = zoo.build("mlp", (28, 28), 10, {"hidden": [256, 64]})
    return quantized_student(model, QuantizeSection(), shaped(model, x[:1024]))


def _wrapped(student: object, steps: int) -> object:
    """The student with tensorflow-model-optimization's wrappers, on the schedule of the recipe's defaults."""
    tfmot, (begin, end, frequency) = load_tfmot(), bounds(SECTION, steps)
    schedule = tfmot.schedules.PolynomialDecay(0.0, SECTION.sparsity, begin, end, power=3, frequency=frequency)

    def clone(layer: object) -> object:
        copy = type(layer).from_config(layer.get_config())
        return tfmot.prune_low_magnitude(copy, pruning_schedule=schedule) if hasattr(layer, "kernel") else copy

    return load_stack().keras.models.clone_model(student, clone_function=clone)


def _plain_distiller(student: object, teacher: object) -> object:
    stack = load_stack()
    tf, keras = stack.tf, stack.keras

    class Distiller(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.teacher = student, teacher
            self.teacher.trainable = False

        def call(self, x: object, training: bool = False) -> object:
            return self.student(x, training=training)

        def train_step(self, data: tuple) -> dict:
            x, y = data
            targets = self.teacher(tf.reshape(x, (-1, 28, 28, 1)), training=False)
            with tf.GradientTape() as tape:
                logits = self.student(x, training=True)
                task = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
                loss = 0.5 * task + 0.5 * soft_cross_entropy(logits, targets, 2.0)
            variables = self.student.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            return {"loss": loss}

    return Distiller()


def main() -> None:
    epochs = 2 if QUICK else 6
    data = load("fashion_mnist", validation=6000, options={"limit": 1000} if QUICK else {})
    x, y = data.preprocessing.apply(data.train.x), data.train.y.astype(np.int32)
    teacher = zoo.build("cnn", (28, 28), 10, TEACHER)
    keras = load_stack().keras

    seed_everything(1)
    started = time.perf_counter()
    teacher_logits = logits_of(teacher, x)
    cache_seconds = time.perf_counter() - started
    ours_model, steps = _student(x), epochs * (len(x) // BATCH)
    pruning = prune(ours_model, SECTION, steps)
    pruning.begin()
    step = TrainingStep(
        ours_model,
        objective(DistillSection()),
        {"x": shaped(ours_model, x), "y": y, "teacher_logits": teacher_logits},
        pruning=pruning,
        class_weights=None,
        learning_rate=1e-3,
        total_steps=steps,
        schedule="cosine",
    )
    plain_student = _wrapped(_student(x), steps)
    plain = _plain_distiller(plain_student, teacher)
    plain.compile(optimizer=keras.optimizers.Adam(1e-3))
    flat = shaped(plain_student, x)
    for wrapper in (layer for layer in plain_student.layers if isinstance(layer, load_tfmot().PruneLowMagnitude)):
        wrapper.pruning_step.assign(0)

    ours, theirs = [], []
    for epoch in range(epochs):
        started = time.perf_counter()
        _epoch(step, 1, epoch, len(x), BATCH)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        plain.fit(flat, y, batch_size=BATCH, epochs=1, verbose=0)
        theirs.append(time.perf_counter() - started)
        print(f"epoch {epoch + 1}: ours {ours[-1]:.2f} s, plain {theirs[-1]:.2f} s", flush=True)
    # the first epoch holds the tracing of both
    a, b = float(np.median(ours[1:])), float(np.median(theirs[1:]))
    rows = [
        {
            "way": "fpgacompress step, cached teacher logits",
            "seconds_per_epoch": ours,
            "median_after_first": a,
            "teacher_cache_seconds": cache_seconds,
        },
        {"way": "model.fit, teacher forward in every step", "seconds_per_epoch": theirs, "median_after_first": b},
    ]
    total = (sum(theirs)) / (sum(ours) + cache_seconds)
    print(
        f"median epoch: ours {a:.2f} s, plain {b:.2f} s; teacher cache once {cache_seconds:.1f} s; whole training {total:.2f} times faster"
    )
    write(
        "training",
        "make bench-training",
        [1],
        rows,
        [
            goal("epoch time, plain model.fit with the teacher in every step over ours", 1.0, b / a, "ratio"),
            goal("the same, aim", 2.0, b / a, "ratio"),
        ],
        samples=len(x),
        batch_size=BATCH,
        whole_training_ratio=total,
    )


if __name__ == "__main__":
    main()
