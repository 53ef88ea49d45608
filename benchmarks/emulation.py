"""Samples per second of the emulation, of Keras and of hls4ml's C simulation, on the same model and inputs, in turn, on one core; and seconds to lower."""

from __future__ import annotations

import os

# before numpy and TensorFlow are imported: one core for everybody
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.firmware.graph import build_graph, quiet
from fpgacompress.firmware.hls import Firmware, _configuration, generate
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.reuse import plan
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower

from .common import QUICK, RESULTS, goal, write

SEED = 1
ROUNDS = 2 if QUICK else 7
MODELS = {"16-64-32-32-5": ([16, 64, 32, 32, 5], FixedType(8, 3)), "784-64-32-10": ([784, 64, 32, 10], FixedType(8, 0, False))}
if QUICK:
    MODELS = {"16-8-5": ([16, 8, 5], FixedType(8, 3)), "128-4-10": ([128, 4, 10], FixedType(8, 0, False))}
SAMPLES = {"emulation": 400_000, "keras": 50_000, "ours": 4_000, "hls4ml": 4_000}


def _student(widths: list[int]) -> Any:
    """An MLP of 6-bit weights, biases and activations with random weights."""
    stack = load()
    seed_everything(SEED)
    layers: list[Any] = [stack.keras.layers.Input((widths[0],))]
    for i, width in enumerate(widths[1:]):
        quantizers = {f"{part}_quantizer": "quantized_bits(6,0,alpha=1)" for part in ("kernel", "bias")}
        layers.append(stack.qkeras.QDense(width, name=f"fc{i}", bias_initializer="random_uniform", **quantizers))
        if i < len(widths) - 2:
            layers.append(stack.qkeras.QActivation("quantized_relu(6,2)", name=f"relu{i}"))
    return stack.keras.Sequential(layers)


def _hls4ml(network: IntegerNetwork, firmware: Firmware, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """hls4ml's own ``compile`` and ``predict`` of the same graph, with its own flags and headers."""
    with quiet():
        graph = build_graph(_configuration(firmware, folder), network, firmware.plan)
        graph.compile()

    def predict(x: np.ndarray) -> np.ndarray:
        with quiet():
            return graph.predict(x)

    return predict


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _measure(name: str, widths: list[int], kind: FixedType, folder: Path) -> list[dict[str, Any]]:
    model = _student(widths)
    network = lower(model, kind, name)
    rng = np.random.default_rng(SEED)
    counts = {
        way: max(500, n // (100 if QUICK else 1) // (8 if widths[0] > 100 and way == "emulation" else 1)) for way, n in SAMPLES.items()
    }
    stored = rng.integers(kind.low, kind.high + 1, (counts["emulation"], widths[0]), dtype=np.int16).astype(
        np.int8 if kind.signed else np.uint8
    )
    real = np.ascontiguousarray(kind.to_float(stored[: counts["keras"]]), np.float32)
    layers = plan(network, board=load_board("zcu102"), io="parallel", strategy="auto", reuse="auto", backend="Vitis")
    firmware = generate(network, folder / "ours", plan=layers, name="student").compile()
    theirs = _hls4ml(network, firmware, folder / "theirs")
    emulator = Emulator(network)

    out = network.output
    expected = emulator.run(stored[:500])
    assert np.array_equal(expected, out.out.exactly(model.predict(real[:500], verbose=0)))
    assert np.array_equal(expected, firmware.predict(stored[:500]))
    assert np.array_equal(expected, out.out.exactly(np.reshape(theirs(real[:500]), expected.shape)))

    wide = stored.astype(np.int64)
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "emulation, 8-bit inputs": (len(stored), lambda: emulator.run(stored)),
        "emulation, int64 inputs": (len(wide), lambda: emulator.run(wide)),
        "Keras predict, batches of 4096": (len(real), lambda: model.predict(real, batch_size=4096, verbose=0)),
        "hls4ml predict": (counts["hls4ml"], lambda: theirs(real[: counts["hls4ml"]])),
        "our C simulation, 1 process": (counts["ours"], lambda: firmware.predict(stored[: counts["ours"]], processes=1)),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, (_, call) in ways.items():
            taken[way].append(_seconds(call))
    rows = []
    for way, (count, _) in ways.items():
        rate = count / np.array(taken[way])
        rows.append({"model": name, "way": way, "samples": count, "samples_per_second": float(np.median(rate)), "all": rate.tolist()})
        print(f"{name:14} {way:32} {np.median(rate):12,.0f} samples/s  ({rate.min():,.0f} to {rate.max():,.0f})", flush=True)
    return rows


def _lowering() -> dict[str, Any]:
    """Seconds to lower a model of 109,000 weights, TensorFlow loaded; the first of the process counts."""
    model = _student([784, 128, 64, 10])
    taken = [_seconds(lambda: lower(model, FixedType(8, 0, False))) for _ in range(3)]
    print(f"lowering 784-128-64-10: {taken[0]:.2f} s, then {taken[-1]:.2f} s", flush=True)
    return {"model": "784-128-64-10", "way": "lowering", "weights": int(model.count_params()), "seconds": taken}


def _draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Bars of samples per second, logarithmic, slowest and fastest round as whiskers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    for axes, name in zip(figure.subplots(len(MODELS), 1, sharex=True), MODELS, strict=True):
        mine = [r for r in rows if r["model"] == name]
        middle = np.array([r["samples_per_second"] for r in mine])
        ends = np.array([[m - min(r["all"]), max(r["all"]) - m] for m, r in zip(middle, mine, strict=True)]).T
        colours = ["#1b6ca8" if r["way"].startswith("emulation") else "#9aa5b1" for r in mine]
        axes.barh([r["way"] for r in mine], middle, xerr=ends, color=colours, capsize=3)
        axes.bar_label(axes.containers[-1], [f" {m:,.0f}" for m in middle], padding=4)
        axes.set(xscale="log", title=name, xlim=(100, 3e7))
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("samples per second on one core, median of the rounds (logarithmic)")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure both models and write the result."""
    lowering, rows = _lowering(), []
    with tempfile.TemporaryDirectory() as scratch:
        for name, (widths, kind) in MODELS.items():
            rows += _measure(name, widths, kind, Path(scratch) / name)
    rate = {(r["model"], r["way"]): r["samples_per_second"] for r in rows}
    small, large = MODELS
    fast, keras, hls = "emulation, 8-bit inputs", "Keras predict, batches of 4096", "hls4ml predict"
    goals = [
        goal(f"emulation of {small} on one core", 2e6, rate[small, fast], "samples/s"),
        goal(f"emulation of {large} on one core", 2e5, rate[large, fast], "samples/s"),
    ]
    for name in MODELS:
        goals.append(goal(f"{name}: emulation over hls4ml's predict", 50, rate[name, fast] / rate[name, hls], "ratio"))
        goals.append(goal(f"{name}: emulation over Keras' predict", 1, rate[name, fast] / rate[name, keras], "ratio"))
    goals.append(goal("lowering a model of 109,386 weights, the first of the process", 2, lowering["seconds"][0], "s", at_most=True))
    if not QUICK:
        _draw(rows, RESULTS / "emulation.png")
    write("emulation", "make bench-emulation", [SEED], [*rows, lowering], goals)


if __name__ == "__main__":
    main()
