"""The loop around the training step: epochs, validation, best weights, checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..distill import Objective
from ..errors import DataError, Interrupted, ModelError
from ..keras_stack import load, seed_everything
from ..keras_stack.stack import gradients_forgotten
from ..prune import Pruning, Wrapped
from ..quantize.progressive import Stage, StagedBits, shared_out
from . import checkpoint
from .monitor import better, score
from .quantizing import Quantizing
from .step import TrainingStep

_CHUNK_SECONDS = 2.0


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training.

    Attributes:
        epochs: passes over the training data.
        batch_size: samples per update; the samples left over after the last full batch change from epoch to epoch.
        learning_rate: peak rate of Adam.
        schedule: "cosine" or "constant".
        seed: seed of sample order and of the model's random layers.
        monitor: "accuracy", "loss" or "macro_f1" of the validation data; picks the best weights.
        patience: epochs without gain before stopping, or None.
        select_from: fraction of the training after which weights may be picked (when the sparsity is reached).
        balanced: weigh classes by the inverse of their frequency in the task loss.
        augment: name in :data:`fpgacompress.views.AUGMENTS`; see :class:`.step.TrainingStep`.
        augment_until: fraction of the training in which images are augmented; they are seen as they are in the rest.
        stages: bits of the stages before the last (progressive quantization); the learning rate's schedule begins anew in each stage,
            and weights are picked in the last one.
        noise_warmup: fraction of the training over which quantization fades in; weights are picked behind it.
        stochastic_rounding: round kernels at random in training.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    seed: int = 1
    monitor: str = "accuracy"
    patience: int | None = None
    select_from: float = 0.0
    balanced: bool = False
    augment: str = "none"
    augment_until: float = 1.0
    stages: tuple[int, ...] = ()
    noise_warmup: float = 0.0
    stochastic_rounding: bool = False


@dataclass(frozen=True)
class TrainingData:
    """Arrays of one training, preprocessed.

    Attributes:
        x, y: training inputs ``(n, *shape)`` float32 and labels ``(n,)`` int.
        x_val, y_val: validation data, the same.
        extras: further per-sample arrays of the training data ("teacher_logits").
    """

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)


History = list[dict[str, float]]
Progress = Callable[[int, int, dict[str, float], float], None]


def shaped(model: Any, x: np.ndarray) -> np.ndarray:
    """``x`` as ``(n, *model input)`` float32: images are flattened for an MLP, get their channel axis for a CNN.

    Raises:
        ModelError: the sizes differ.
    """
    wanted = tuple(model.input_shape[1:])
    if None in wanted or math.prod(wanted) != math.prod(x.shape[1:]):
        raise ModelError(f"the data's samples have shape {x.shape[1:]}", expected=f"{wanted}, the input of model '{model.name}'")
    return np.ascontiguousarray(x, np.float32).reshape(len(x), *wanted)


def seen(model: Any, x: np.ndarray, augment: str) -> np.ndarray:
    """``x`` as the training step takes it: in the model's shape, or as images where they are augmented."""
    fitting = shaped(model, x)
    return fitting if augment == "none" or fitting.ndim != 2 else np.ascontiguousarray(x, np.float32)


def logits_of(model: Any, x: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Outputs of a model ``(n, classes)`` float32, without training behaviour."""
    tf = load().tf
    x = shaped(model, x)
    forward = getattr(model, "_fpgacompress_forward", None)
    if forward is None:
        spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        forward = model._fpgacompress_forward = tf.function(lambda v: model(v, training=False), input_signature=[spec])
    return np.concatenate([forward(tf.constant(x[i : i + batch_size])).numpy() for i in range(0, len(x), batch_size)])


def class_weights(y: np.ndarray, classes: int) -> np.ndarray:
    """Weights inversely proportional to class frequency, mean 1 over the samples, float32 ``(classes,)``."""
    counts = np.bincount(y, minlength=classes)
    return (len(y) / (classes * np.maximum(counts, 1))).astype(np.float32)


def steps_of(samples: int, config: TrainConfig) -> int:
    """Updates of a whole training."""
    return config.epochs * max(1, samples // config.batch_size)


@gradients_forgotten()
def fit(
    model: Any,
    data: TrainingData,
    config: TrainConfig,
    *,
    objective: Objective | None = None,
    pruning: Pruning | None = None,
    folder: Path | None = None,
    tensorboard: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Train ``model`` in place and leave it with its best weights.

    The best weights are those of the best validation figure among the epochs after ``config.select_from``. Sample order depends on seed
    and epoch only, so a training that was stopped and resumed sees the same batches.

    Args:
        model: Keras or QKeras model ending in logits.
        data: preprocessed arrays.
        config: settings.
        objective: task weight and distillation terms; the task loss alone when absent.
        pruning: made by :func:`fpgacompress.prune.prune`; when absent, the model's pruning wrappers of tensorflow-model-optimization act, if
            it has any.
        folder: where the checkpoint lives; with one there, training goes on behind its last epoch. None: no checkpoint.
        tensorboard: folder of the TensorBoard log, or None.
        progress: called after each epoch with (epoch, epochs, figures, seconds left).

    Returns:
        One dictionary per epoch: loss and its terms, accuracy, val_loss, val_accuracy, val_macro_f1, learning_rate, sparsity, seconds, and
        the number of the stage (from 1) where there is more than one; validation figures are those of the stage's bits.

    Raises:
        DataError: no training or validation samples.
        ModelError: the loss is not finite.
        Interrupted: Ctrl-C; everything up to the last full epoch is in ``folder``.
    """
    if not len(data.x_val) or not len(data.x):
        raise DataError(
            f"{len(data.x)} training and {len(data.x_val)} validation samples",
            expected="at least one of each, weights are picked on validation data",
        )
    seed_everything(config.seed)
    batch = min(config.batch_size, len(data.x))
    per_epoch = len(data.x) // batch
    pruning = pruning if pruning is not None else Wrapped(model)
    pruning.begin()
    classes = int(model.output_shape[-1])
    stages = shared_out(config.epochs, config.stages)
    step = TrainingStep(
        model,
        objective or Objective(),
        {"x": seen(model, data.x, config.augment), "y": np.asarray(data.y, np.int32), **data.extras},
        pruning=pruning,
        class_weights=class_weights(data.y, classes) if config.balanced else None,
        learning_rate=config.learning_rate,
        total_steps=config.epochs * per_epoch,
        schedule=config.schedule,
        augment=config.augment,
        augmented=round(config.augment_until * config.epochs) * per_epoch,
        seed=config.seed,
        quantizing=Quantizing(
            model,
            warmup=round(config.noise_warmup * config.epochs * per_epoch),
            stochastic=config.stochastic_rounding,
            seed=config.seed,
        ),
    )
    history: History = []
    best: list[np.ndarray] | None = None
    saved = folder / "checkpoint.npz" if folder else None
    if saved is not None and (found := checkpoint.restore(saved, step.variables)):
        best, state = found
        history = state["history"]
    first_pick = max(math.ceil(max(config.select_from, config.noise_warmup) * config.epochs), stages[-1].begin)
    first_pick = min(first_pick, config.epochs - 1)
    writer = load().tf.summary.create_file_writer(str(tensorboard)) if tensorboard else None
    begin, done_before = time.perf_counter(), len(history)
    with _staging(model, step, stages, per_epoch) as enter_stage:
        for epoch in range(len(history), config.epochs):
            started = time.perf_counter()
            if config.patience and _waited(history, first_pick, config.monitor) >= config.patience:
                break
            stage = enter_stage(epoch)
            try:
                _epoch(step, config.seed, epoch, len(data.x), batch)
            except KeyboardInterrupt:
                raise Interrupted(f"stopped in epoch {epoch + 1} of {config.epochs}", do="give the same command again to go on") from None
            row = {"epoch": float(epoch + 1), **stage, **step.take_means(per_epoch)}
            if not math.isfinite(row["loss"]):
                raise ModelError(
                    f"the loss became {row['loss']} in epoch {epoch + 1}",
                    do="use a smaller learning rate, or look for outliers in the data",
                )
            with pruning.shown():
                row |= score(logits_of(model, data.x_val), data.y_val)
                row |= {"learning_rate": float(step.optimizer.learning_rate.numpy()), "sparsity": pruning.sparsity()}
                row["seconds"] = time.perf_counter() - started
                if epoch >= first_pick and better(row, history[first_pick:], config.monitor):
                    best = arrays_of([*model.weights, *pruning.variables])
            history.append(row)
            if saved is not None:
                checkpoint.save(saved, step.variables, best, {"history": history})
            if writer is not None:
                _log(writer, row)
            if progress is not None:
                rate = (time.perf_counter() - begin) / (epoch + 1 - done_before)
                progress(epoch + 1, config.epochs, row, rate * (config.epochs - epoch - 1))
    if best is not None:
        for variable, value in zip([*model.weights, *pruning.variables], best, strict=True):
            variable.assign(value)
    if writer is not None:
        writer.close()
    return history


@contextmanager
def _staging(model: Any, step: TrainingStep, stages: Sequence[Stage], per_epoch: int) -> Iterator[Callable[[int], dict[str, float]]]:
    """Gives a function that is called before each epoch and gives the model the bits of the epoch's stage; it returns the number of the stage.

    A training in one stage is left alone. The model has its own bits again behind the block.
    """
    if len(stages) == 1:
        yield lambda epoch: {}
        return
    bits, now = StagedBits(model), -1

    def enter(epoch: int) -> dict[str, float]:
        nonlocal now
        number = next(i for i, stage in enumerate(stages) if epoch < stage.end)
        if number != now:
            stage, now = stages[number], number
            bits.set(stage.bits)
            step.begin_stage(stage.begin * per_epoch, stage.end * per_epoch)
            model._fpgacompress_forward = None  # traced with the former bits
        return {"stage": float(number + 1)}

    try:
        yield enter
    finally:
        bits.set(0)
        model._fpgacompress_forward = None


def arrays_of(variables: Sequence[Any]) -> list[np.ndarray]:
    """Copies of variables."""
    return [v.numpy() for v in variables]


def _waited(history: History, first_pick: int, monitor: str) -> int:
    rows = history[first_pick:]
    gains = [i for i, row in enumerate(rows) if better(row, rows[:i], monitor)]
    return len(rows) - 1 - gains[-1] if gains else 0


def _epoch(step: TrainingStep, seed: int, epoch: int, samples: int, batch: int) -> None:
    order = np.random.default_rng([seed, epoch]).permutation(samples).astype(np.int32)
    indices = order[: samples // batch * batch].reshape(-1, batch)
    chunk, position = 8, 0
    while position < len(indices):  # chunks of about two seconds, so that Ctrl-C is heard
        started = time.perf_counter()
        step.run(indices[position : position + chunk])
        position += chunk
        taken = time.perf_counter() - started
        chunk = max(8, min(4 * chunk, int(chunk * _CHUNK_SECONDS / max(taken, 1e-3))))


def _log(writer: Any, row: dict[str, float]) -> None:
    summary = load().tf.summary
    with writer.as_default():
        for name, value in row.items():
            if name != "epoch":
                summary.scalar(name, value, step=int(row["epoch"]))
        writer.flush()
