"""The front of HGQ2 (C. Sun et al., arXiv 2405.00645) on one task: accuracy against EBOPs from one training run with a rising beta.

Runs in the environment that ``setup.sh`` makes, on data from ``benchmarks.peers.export_data``; knows nothing of fpgacompress.

    python front.py --data magic.npz --out magic_1.json --seed 1 --epochs 2000

Trained as its authors do in their jet tagger: QDense layers, bits of their own for every weight, input and activation (weights saturate and
round half up, activations wrap), Adam, cosine learning rate with restarts, beta constant at first and then rising by equal factors, XLA.
Of every quarter of an octave of EBOPs the best epoch on validation data is kept. Then, as its documentation asks, integer bits of wrapping
activations are traced (on training and validation data), and EBOPs, accuracies and da4ml's cost are those of the traced model. Which of
these points are the front is for the reader to decide, on ``accuracy_validation``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from hgq.config import LayerConfigScope, QuantizerConfig, QuantizerConfigScope  # noqa: E402
from hgq.layers import QBatchNormDense, QDense  # noqa: E402
from hgq.utils import trace_minmax  # noqa: E402
from hgq.utils.sugar import BetaScheduler, FreeEBOPs, PieceWiseSchedule  # noqa: E402

BINS_PER_OCTAVE = 4


def build(features: int, hidden: list[int], outputs: int, given: argparse.Namespace) -> keras.Model:
    """An MLP of HGQ2's layers ending in logits."""
    dense = QBatchNormDense if given.batchnorm else QDense
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM", b0=given.bits, i0=0),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP", k0=0, i0=given.integer, f0=given.bits),
        LayerConfigScope(enable_ebops=True, beta0=given.beta[0]),
    ):
        signed = QuantizerConfig(place="datalane", k0=1)
        x = source = keras.layers.Input((features,))
        for i, units in enumerate(hidden):
            x = dense(units, activation="relu", iq_conf=signed if i == 0 else None, name=f"hidden{i + 1}")(x)
        return keras.Model(source, QDense(outputs, name="logits")(x))


def resting(cycle: int) -> int:
    """Epochs at the end of a cycle that run at the lowest learning rate."""
    return max(1, cycle // 10)


def learning_rate(given: argparse.Namespace) -> Any:
    """Cosine with restarts every ``cycle`` epochs, the last tenth of each cycle at the lowest rate, lower peaks each time."""

    def rate(epoch: int, _: float = 0.0) -> float:
        cycle, within = divmod(epoch, given.cycle)
        share = min(within / max(1, given.cycle - resting(given.cycle)), 1.0)
        return given.rate * (given.decay**cycle * 0.5 * (1 + math.cos(math.pi * share)) * (1 - 1e-3) + 1e-3)

    return rate


class Front(keras.callbacks.Callback):
    """The weights of the best epoch (validation accuracy) in every bin of EBOPs, in memory; only epochs at the lowest learning rate count."""

    def __init__(self, cycle: int) -> None:
        super().__init__()
        self.cycle = cycle
        self.best: dict[int, dict[str, Any]] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch where it is better than what its bin holds."""
        assert logs is not None
        ebops = logs["ebops"]
        if ebops <= 0 or epoch % self.cycle < self.cycle - resting(self.cycle):
            return
        place = round(math.log2(ebops) * BINS_PER_OCTAVE)
        score = (logs["val_accuracy"], -ebops)
        if place not in self.best or score > self.best[place]["score"]:
            self.best[place] = {"score": score, "epoch": epoch, "weights": self.model.get_weights()}


class Progress(keras.callbacks.Callback):
    """One line every now and then."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every, self.started = every, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the epoch's figures."""
        if logs and (epoch + 1) % self.every == 0:
            figures = " ".join(f"{k} {logs[k]:.4g}" for k in ("val_accuracy", "ebops", "beta"))
            print(f"epoch {epoch + 1} {figures} {time.monotonic() - self.started:.0f} s", flush=True)


def fit(model: keras.Model, data: dict[str, np.ndarray], given: argparse.Namespace, callbacks: list[keras.callbacks.Callback]) -> None:
    """``model.fit`` with a whole epoch in one XLA program: Keras's own train step, scanned over shuffled batches (a last short one is dropped)."""
    x, y, x_val, y_val = (jax.numpy.asarray(data[k]) for k in ("x_train", "y_train", "x_val", "y_val"))
    model.optimizer.build(model.trainable_variables)
    model._symbolic_build(data_batch=(x[:2], y[:2]))
    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables)

    @jax.jit
    def epoch_of(state: Any, batches: Any) -> Any:
        return jax.lax.scan(lambda state, rows: (model.train_step(state, (x[rows], y[rows]))[1], None), state, batches)[0]

    @jax.jit
    def validate(trainable: Any, other: Any) -> Any:
        scores = model.stateless_call(trainable, other, x_val, training=False)[0]
        answers = scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0
        return (answers == y_val).mean()

    order, whole = np.random.default_rng(given.seed), len(x) // given.batch * given.batch
    for callback in callbacks:
        callback.set_model(model)
    for epoch in range(given.epochs):
        for callback in callbacks:
            callback.on_epoch_begin(epoch, {})
        batches = order.permutation(len(x))[:whole].reshape(-1, given.batch)
        state = epoch_of(tuple([v.value for v in group] for group in groups), batches)
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)
        logs = {"val_accuracy": float(validate(state[0], state[1]))}
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)


def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
    """Share of right answers of logits, (n, classes) or (n, 1)."""
    answers = scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.int64)
    return float((answers == y).mean())


def adder_cost(model: keras.Model, input_type: str, x: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """da4ml's cells, counted from the same input type as ours, and as HGQ2's tracer does (inputs of any precision, one cell a rounding)."""
    from da4ml.converter import trace_model
    from da4ml.trace import FixedVariableArray, comb_trace

    unsigned, width, integer = re.match(r"(u?)fixed<(\d+),(-?\d+)", input_type).groups()  # type: ignore[union-attr]
    signed, width, integer = int(not unsigned), int(width), int(integer)
    shape = model.inputs[0].shape[1:]
    full = np.ones(shape, np.int64)
    known = FixedVariableArray.from_kif(full * signed, full * (integer - signed), full * (width - integer))
    known = FixedVariableArray(known._vars, {}, hwconf=(1, -1, -1))
    own, ours = trace_model(model), trace_model(model, inputs=known)
    logic, own_logic = comb_trace(*ours), comb_trace(*own)
    same = np.array_equal(logic.predict(np.ascontiguousarray(x, np.float64), n_threads=1), scores.astype(np.float64))
    return {
        "da4ml_cost": logic.cost,
        "da4ml_latency": logic.latency[1],
        "da4ml_equals_keras": same,
        "da4ml_cost_own_inputs": own_logic.cost,
    }


def measure(
    model: keras.Model, point: dict[str, Any], data: dict[str, np.ndarray], given: argparse.Namespace, input_type: str
) -> dict[str, Any]:
    """One point, with its integer bits traced on training and validation samples."""
    model.set_weights(point["weights"])
    ebops = trace_minmax(model, np.concatenate([data["x_train"], data["x_val"]]), batch_size=8192)
    scores = {name: model.predict(data[f"x_{name}"], batch_size=8192, verbose=0) for name in ("val", "test")}
    row = {
        "accuracy_validation": accuracy(scores["val"], data["y_val"]),
        "accuracy_test": accuracy(scores["test"], data["y_test"]),
        "ebops": int(ebops),
        "epoch": point["epoch"] + 1,
    }
    if ebops <= given.trace_below:
        started = time.monotonic()
        row |= adder_cost(model, input_type, data["x_val"][:1000], scores["val"][:1000])
        row["trace_seconds"] = round(time.monotonic() - started, 1)
    return row


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rate", type=float, default=5e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.97, help="of the highest rate, each cycle")
    parser.add_argument("--cycle", type=int, default=100, help="epochs between restarts of the learning rate")
    parser.add_argument("--beta", type=float, nargs=2, default=[2e-6, 2e-3], help="first and last beta")
    parser.add_argument("--hold", type=float, default=0.1, help="share of the epochs at the first beta")
    parser.add_argument("--bits", type=int, default=4, help="bits of weights and fractional bits of data at the start")
    parser.add_argument("--integer", type=int, default=3, help="integer bits of data at the start")
    parser.add_argument("--batchnorm", action="store_true", help="hidden layers with fused batch normalization")
    parser.add_argument("--two-logits", action="store_true", help="two logits for two classes (default: one)")
    parser.add_argument("--trace-below", type=float, default=20000, help="EBOPs up to which da4ml's cost is computed")
    return parser.parse_args()


def main() -> None:
    """Train, choose, measure, write."""
    given = parse()
    with np.load(given.data) as file:
        about = json.loads(str(file["about"]))
        data = {k: file[k] for k in file.files if k != "about"}
    keras.utils.set_random_seed(given.seed)
    classes = len(about["classes"])
    binary = classes == 2 and not given.two_logits
    model = build(data["x_train"].shape[1], about["hidden"], 1 if binary else classes, given)
    loss = keras.losses.BinaryCrossentropy if binary else keras.losses.SparseCategoricalCrossentropy
    model.compile(
        keras.optimizers.Adam(),
        loss(from_logits=True),
        jit_compile=True,
    )
    hold = round(given.hold * given.epochs)
    beta = PieceWiseSchedule([(0, given.beta[0], "constant"), (hold, given.beta[0], "log"), (given.epochs, given.beta[1], "constant")])
    front = Front(given.cycle)
    callbacks = [
        FreeEBOPs(),
        keras.callbacks.LearningRateScheduler(learning_rate(given)),
        BetaScheduler(beta),
        front,
        Progress(max(1, given.epochs // 40)),
    ]
    started = time.monotonic(), time.process_time()
    fit(model, data, given, callbacks)
    seconds = time.monotonic() - started[0], time.process_time() - started[1]
    points = [measure(model, p, data, given, about["input_type"]) for p in front.best.values()]
    points.sort(key=lambda p: p["ebops"])
    told = {
        "task": about,
        "settings": {k: v for k, v in vars(given).items() if k not in ("data", "out")},
        "versions": {name: version(name) for name in ("HGQ2", "da4ml", "keras", "jax", "numpy")},
        "seconds": round(seconds[0], 1),
        "cpu_seconds": round(seconds[1], 1),
        "points": points,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    for p in points:
        print(p, flush=True)


if __name__ == "__main__":
    main()
