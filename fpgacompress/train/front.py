"""One training that leaves a whole front of accuracy against cost: bits are learned under a growing price, and points of it are tuned.

The loss is ``task and distillation + beta * cost / (cost at the start)``: HGQ's (arXiv 2405.00645, equation 3) with the cost as a share, so
that one range of beta suits networks of all sizes. (A price on the logarithm of the cost would be free of scale, too, but runs away: each bit
saved makes the next one worth more.) Beta grows by the same factor in each epoch while the learning rate falls and starts anew (cosine with
restarts, arXiv 1608.03983). Of the epochs at the lowest rate the one of least validation loss is kept between any two marks of the cost.
Afterwards each point goes on learning its bits at the cost it has, trains on with its bits fixed, is improved weight by weight where it is
small (:mod:`.descent`), and becomes an ordinary QKeras student.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..distill import Objective, Term
from ..errors import DataError, Interrupted, ModelError
from ..keras_stack import load, save_model, seed_everything
from ..keras_stack.stack import gradients_forgotten
from ..prune import Nothing, Pruning
from ..quantize.learned import Ebops, fixed_twin, freeze
from ..quantize.learned.twin import round_biases
from ..run import read_json, write_json
from .chain import layers_of
from .descent import SAMPLES, WORK, Descent
from .front_files import Point, restored, save
from .front_rules import MARKS, TREND, FrontConfig, Kept, broken, chosen, foreseen, ramped, steered
from .loop import TrainingData, class_weights, logits_of, seen, shaped
from .monitor import better, score
from .step import RESTING, TrainingStep

_SAVE_SECONDS = 20.0
_SAY_SECONDS = 5.0
_SETTLING = 5.0, 0.7
"""Gain and largest step of the steering while a point settles, which takes few epochs."""
_JUDGED = 2000
"""Validation samples in one call."""


Progress = Callable[[str], None]


class _Front:
    """One training: the model, its data on the device, the compiled steps."""

    def __init__(
        self,
        model: Any,
        data: TrainingData,
        config: FrontConfig,
        objective: Objective,
        pruning: Pruning,
        input_bits: int,
        say: Progress,
    ) -> None:
        if not len(data.x_val) or not len(data.x):
            raise DataError(f"{len(data.x)} training and {len(data.x_val)} validation samples", expected="at least one of each")
        self.model, self.data, self.config, self.objective, self.say = model, data, config, objective, say
        freeze(model, False)
        self.pruning, self.resting = pruning, pruning.at_rest()
        pruning.begin()
        objective.meet(model, pruning.pairs)
        # with what the terms train and keep, so that each point goes on with its own; Keras lists frozen variables last, so the order would
        # change with freezing
        self.variables = [*model.weights, *objective.state, *pruning.variables]
        self.cost, self.input_bits = Ebops(model, input_bits), input_bits
        self.first_cost = max(float(self.cost()), 1.0)
        self.batch = min(config.batch_size, len(data.x))
        self.per_epoch = len(data.x) // self.batch
        pruning.schedule = pruning.schedule.aligned(self.per_epoch)  # a call of another number of updates would be compiled anew
        self.cycle = max(config.epochs // config.cycles, 1)
        self.chance = float(np.bincount(data.y_val).max() / len(data.y_val))
        self._judge = self._settling = self._tuning = self._descent = None
        if config.descent_sweeps:
            layers_of(model, input_bits, pruning.pairs)  # refuses what it cannot improve, before the training
        self.beta = load().tf.Variable(config.beta[0], dtype=load().tf.float32, trainable=False)

    def step(self, *, priced: bool, total: int, ramp: bool = False) -> TrainingStep:
        """A compiled training step, with the price of the cost or without; its rate is that of the ramp, or of a point."""
        config, data = self.config, self.data
        freeze(self.model, not priced)
        objective = self.objective
        if priced:
            price = Term("cost_share", self.beta, (), lambda logits, batch: self.cost() / self.first_cost)
            objective = replace(objective, terms=(*objective.terms, price))
        return TrainingStep(
            self.model,
            objective,
            {"x": seen(self.model, data.x, config.augment), "y": np.asarray(data.y, np.int32), **data.extras},
            pruning=self.pruning if ramp else self.resting,
            class_weights=class_weights(data.y, int(self.model.output_shape[-1])) if config.balanced else None,
            learning_rate=config.learning_rate if ramp else config.learning_rate / 3,
            total_steps=total,
            schedule="restarts" if ramp else "cosine",
            cycle=self.cycle * self.per_epoch,
            warmup=0 if ramp else total // 10,
            augment=config.augment,
            seed=config.seed,
            compiled=True,
        )

    def epoch(self, step: TrainingStep, number: int) -> dict[str, float]:
        """One epoch and its figures."""
        order = np.random.default_rng([self.config.seed, number]).permutation(len(self.data.x)).astype(np.int32)
        step.run(order[: self.per_epoch * self.batch].reshape(self.per_epoch, self.batch))
        row = {"epoch": float(number + 1), **step.take_means(self.per_epoch)}
        if not math.isfinite(row["loss"]):
            raise ModelError(f"the loss became {row['loss']} in epoch {number + 1}", do="use a smaller learning rate")
        return row | self.judge()

    def judge(self) -> dict[str, float]:
        """Figures on the validation samples, and the cost, compiled: an epoch of a small network takes less time than this would otherwise."""
        tf = load().tf
        if self._judge is None:
            self._judge = tf.function(lambda x: self.model(x, training=False), jit_compile=True)
            self._price = tf.function(self.cost, jit_compile=True)
            x = shaped(self.model, self.data.x_val)
            self._batches = [tf.constant(x[i : i + _JUDGED]) for i in range(0, len(x), _JUDGED)]
        logits = np.concatenate([self._judge(x).numpy() for x in self._batches])
        return score(logits, self.data.y_val) | {"cost": float(self._price())}

    def _rests(self, epoch: int) -> bool:
        """Whether an epoch trains at the lowest rate; at least the last one of each cycle does."""
        return epoch % self.cycle >= min(math.ceil((1 - RESTING) * self.cycle), self.cycle - 1)

    def set_weights(self, values: list[np.ndarray]) -> None:
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def arrays(self) -> list[np.ndarray]:
        """Copies of all variables."""
        return [variable.numpy() for variable in self.variables]

    # ramp -----------------------------------------------------------------------------------------------------------------------------

    def ramp(self, folder: Path) -> tuple[dict[int, Kept], list[dict[str, float]]]:
        """Train under a growing price; returns the best model at each mark, and one row per epoch."""
        config, step = self.config, self.step(priced=True, ramp=True, total=self.config.epochs * self.per_epoch)
        path = folder / "ramp.npz"
        kept, history = restored(path, folder / "kept", [*step.variables, self.beta])
        saved = shown = time.perf_counter()
        begin, done = saved, len(history)
        changed: set[int] = set()
        for epoch in range(len(history), config.epochs):
            if broken(history, self.chance, self.cycle):
                break
            if config.target is None:
                self.beta.assign(ramped(config, epoch))
            elif history:
                ahead = foreseen([row["cost"] for row in history[-TREND - 1 :]])
                self.beta.assign(steered(float(self.beta), ahead, config.target, config.beta))
            row = self.epoch(step, epoch) | {"beta": float(self.beta)}
            history.append(row)
            mark = math.floor(MARKS * math.log2(max(row["cost"], 1.0)))
            if self._rests(epoch) and row["cost"] >= 1 and (mark not in kept or row["val_loss"] < kept[mark].row["val_loss"]):
                kept[mark] = Kept(epoch, row["cost"], row, self.arrays())
                changed.add(mark)
            now = time.perf_counter()
            if now - saved > _SAVE_SECONDS:
                save(path, folder / "kept", kept, changed, history, [*step.variables, self.beta])
                changed, saved = set(), now
            if now - shown > _SAY_SECONDS or epoch + 1 == config.epochs:
                left = (now - begin) / (epoch + 1 - done) * (config.epochs - epoch - 1)
                self.say(
                    f"    epoch {epoch + 1:>4}/{config.epochs}  cost {row['cost']:>9.0f}  val accuracy {row['val_accuracy']:.4f}"
                    f"  beta {row['beta']:.1e}  at most {int(left // 60)}:{int(left % 60):02d} left"
                )
                shown = now
        save(path, folder / "kept", kept, changed, history, [*step.variables, self.beta])
        return kept, history

    # points ---------------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _fresh(step: TrainingStep) -> TrainingStep:
        """The step with its optimizer and its schedule at their start."""
        for variable in step.optimizer.variables():
            variable.assign(variable * 0)
        step.step.assign(0)
        return step

    def settle(self, kept: Kept) -> None:
        """Learn the bits of a model of the ramp on at the cost it has; the best model that costs no more stays."""
        self.set_weights(kept.weights)
        epochs = self.config.settle_epochs
        if not epochs:
            return
        if self._settling is None:
            self._settling = self.step(priced=True, total=epochs * self.per_epoch)
        step, bounds = self._fresh(self._settling), (kept.row["beta"] / 100, kept.row["beta"] * 100)
        self.beta.assign(kept.row["beta"])
        rows, best = [kept.row], kept.weights
        for epoch in range(epochs):
            row = self.epoch(step, epoch)
            self.beta.assign(steered(float(self.beta), row["cost"], kept.cost, bounds, *_SETTLING))
            if row["cost"] <= kept.cost and better(row, rows, "loss"):
                rows, best = [row], self.arrays()
        self.set_weights(best)

    def limit(self, kept: Kept) -> float:
        """What a point may cost: the target, or what it costs already where the ramp did not come down to that."""
        return math.inf if self.config.target is None else max(self.config.target, kept.cost)

    def descend(self, kept: Kept, rng: np.random.Generator) -> None:
        """Improve the model's weights and bits one by one (:mod:`.descent`) where that is worth it; the sweep that validation data find best
        stays."""
        if not self.config.descent_sweeps:
            return
        if self._descent is None:
            self._descent = self._new_descent(self._tuning)
        descent, price = self._descent, kept.row["beta"] / self.first_cost
        descent.read()
        if descent.work > WORK:
            return
        best, least = self.arrays(), self.judge()["val_loss"] + price * descent.cost
        for number in range(self.config.descent_sweeps):
            changed = descent.sweep(price, rng, self._visited(number + 1))
            descent.write()
            figures = self.judge()
            now = figures["val_loss"] + price * descent.cost
            if now < least and figures["cost"] <= self.limit(kept):
                best, least = self.arrays(), now
            if changed == 0:
                break
        self.set_weights(best)

    def _visited(self, sweep: int) -> Callable[[float], None]:
        """Tells now and then how far a sweep is."""
        shown = [time.perf_counter()]

        def visited(share: float) -> None:
            if time.perf_counter() - shown[0] > _SAY_SECONDS:
                self.say(f"    sweep {sweep} of at most {self.config.descent_sweeps}: {share:.0%} of the weights and bits tried")
                shown[0] = time.perf_counter()

        return visited

    def _new_descent(self, step: TrainingStep) -> Descent:
        tf, data, objective = load().tf, self.data, self.objective.of_logits
        chosen = np.random.default_rng(self.config.seed).permutation(len(data.x))[:SAMPLES]
        arrays = {"y": np.asarray(data.y, np.int32)} | {name: data.extras[name] for name in objective.needs}
        batch = {name: tf.constant(values[chosen]) for name, values in arrays.items()}
        truncate = self.config.rounding == "truncate"
        return Descent(
            self.model,
            data.x[chosen],
            lambda logits: step.losses(logits, batch, objective)[0],
            self.input_bits,
            truncate,
            self.pruning.pairs,
        )

    def tune(self, kept: Kept, folder: Path) -> Point:
        """Train a model of the ramp on, at last with its bits fixed, and write the student."""
        config, started = self.config, time.perf_counter()
        self.settle(kept)
        round_biases(self.model)
        if self._tuning is None:
            self._tuning = self.step(priced=False, total=config.tune_epochs * self.per_epoch)
        step = self._fresh(self._tuning)
        rows, best = [self.judge()], self.arrays()
        for epoch in range(config.tune_epochs):
            row = self.epoch(step, epoch)
            if 2 * epoch >= config.tune_epochs and row["cost"] <= self.limit(kept):  # weights grow, and with them their bits
                if better(row, rows, config.monitor):
                    best = self.arrays()
                rows.append(row)
        self.set_weights(best)
        self.descend(kept, np.random.default_rng([config.seed, kept.epoch]))
        student = fixed_twin(self.model, config.rounding)
        figures = score(logits_of(student, self.data.x_val), self.data.y_val)
        point = Point(folder, kept.epoch, float(self.cost()), figures, kept.row["val_accuracy"], time.perf_counter() - started)
        save_model(student, folder / "student.h5")
        write_json(folder / "point.json", point.to_json())
        return point


@gradients_forgotten()
def learn_front(
    model: Any,
    data: TrainingData,
    config: FrontConfig,
    folder: Path,
    *,
    input_bits: int,
    objective: Objective | None = None,
    pruning: Pruning | None = None,
    progress: Progress = lambda text: None,
) -> list[Point]:
    """Learn bits in one training and leave a front of students.

    Args:
        model: made by :func:`fpgacompress.quantize.learned.learned_twin`; used up.
        data: preprocessed arrays, with what the objective's terms need.
        config: settings.
        folder: for the checkpoint (a training that was stopped goes on), ``history.json``, ``points/<n>/student.h5`` and ``point.json``.
        input_bits: width of the network's input where the model does not quantize it itself.
        objective: task weight and distillation terms; the task loss alone when absent.
        pruning: of the ramp, whose masks change between epochs; points keep the masks they have then.
        progress: receives lines of text.

    Returns:
        Points, dearest first.

    Raises:
        DataError: no training or validation samples.
        ModelError: the loss is not finite.
        UnsupportedError: a layer reads unquantized sums.
        ModelError: a pruning method that learned bits cannot keep.
        Interrupted: Ctrl-C; what was done is in ``folder``.
    """
    seed_everything(config.seed)
    folder.mkdir(parents=True, exist_ok=True)
    front = _Front(model, data, config, objective or Objective(), pruning or Nothing(), input_bits, progress)
    try:
        kept, history = front.ramp(folder)
        write_json(folder / "history.json", history)
        models = chosen(kept, config.points, front.chance, config.target)
        points = []
        for number, one in enumerate(models):
            where = folder / "points" / f"{number:02d}"
            if (where / "point.json").is_file():
                points.append(Point.from_json(read_json(where / "point.json"), where))
                continue
            point = front.tune(one, where)
            points.append(point)
            progress(
                f"    point {number + 1:>2}/{len(models)}  cost {point.cost:>9.0f}  val accuracy {point.figures['val_accuracy']:.4f}"
                f" ({point.ramp_accuracy:.4f} before tuning)"
            )
    except KeyboardInterrupt:
        raise Interrupted("stopped while bits were learned", do="give the same command again to go on") from None
    return sorted(points, key=lambda point: -point.cost)


__all__ = ["FrontConfig", "Point", "learn_front"]
