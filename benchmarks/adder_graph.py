"""What an integer network of dense layers costs as an adder graph: da4ml's cells and latency of one combinational block.

da4ml (C. Sun et al., arXiv 2507.04535) turns constant matrices into shared additions; its ``cost`` counts full-adder bits, half a cell
a bit for multiplexers and ReLUs, a sixth for or-gates. Counted here is everything from the stored integers of the input node (the type
the preprocessing delivers) to the exact logits: sums, biases, rounding, saturation, and casts of the input inside the network. Wires are
free: shifts, truncation, wrapping. Not counted: preprocessing, registers, arg max. ``benchmarks/peers/hgq2`` counts HGQ2 the same way.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from fpgacompress.data import load
from fpgacompress.errors import ToolError
from fpgacompress.firmware.rtl.circuit import circuit
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.operations.weighted import sum_fraction
from fpgacompress.keras_stack import load as load_stack
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower

from .common import QUICK, goal, write


def adder_cost(network: IntegerNetwork, stored: np.ndarray) -> dict[str, Any]:
    """Cost of a network, with the proof that what was counted computes the network.

    Args:
        network: dense layers, casts, clips and reshapes.
        stored: stored integers of the input, (n, ...), on which da4ml's interpreter is compared with the emulation.

    Returns:
        ``cost`` (da4ml's cells), ``latency`` (levels of adders and multiplexers), ``exact_on`` (samples compared), ``seconds``.

    Raises:
        ToolError: one output bit differs.
        UnsupportedError: see :func:`circuit`.
    """
    started = time.monotonic()
    logic = circuit(network)
    seconds = time.monotonic() - started
    flat = np.asarray(stored).reshape(len(stored), -1)
    got = logic.predict(np.ascontiguousarray(network.input.out.to_float(flat)), n_threads=1)
    wanted = network.output.out.to_float(Emulator(network).run(stored)).reshape(got.shape)
    if not np.array_equal(got, wanted):
        row = int(np.argmax((got != wanted).any(1)))
        raise ToolError(f"the adder graph gives {got[row]} for sample {row}", expected=f"the emulation's {wanted[row]}")
    return {"cost": logic.cost, "latency": logic.latency[1], "exact_on": len(flat), "seconds": round(seconds, 2)}


# Measured -------------------------------------------------------------------------------------------------------------------------

VARIANTS = (("TRN", "SAT"), ("RND", "SAT"), ("RND_CONV", "SAT"), ("TRN", "WRAP"), ("RND_CONV", "WRAP"))


def random_mlp(bits: int, seed: int, sizes: tuple[int, ...] = (16, 16, 16, 5), zeros: float = 0.5) -> IntegerNetwork:
    """An MLP of random weights with equal bits for weights and activations, inputs of ``fixed<10,3>``, biases of 10 bits."""
    rng = np.random.default_rng(seed)
    weights, biases = FixedType(bits, 1), FixedType(10, 3)
    nodes = [Node("input", "input", (), FixedType(10, 3), (sizes[0],))]
    for i, (inputs, units) in enumerate(zip(sizes, sizes[1:])):
        values = np.clip(np.rint(rng.normal(0, 0.35, (inputs, units)) / weights.lsb), weights.low, weights.high).astype(np.int64)
        kernel = Tensor(values * (rng.random((inputs, units)) >= zeros), weights)
        bias = Tensor(rng.integers(-100, 101, units), biases)
        sums = FixedType(30, 30 - sum_fraction(nodes[-1].out, kernel, bias))
        nodes.append(Node(f"fc{i}", "dense", (nodes[-1].name,), sums, (units,), kernel, bias))
        if i < len(sizes) - 2:
            nodes.append(Node(f"relu{i}", "quantize", (f"fc{i}",), FixedType(bits, 2, False, "TRN", "SAT"), (units,)))
    return IntegerNetwork(f"{'-'.join(map(str, sizes))}, {bits} bits", tuple(nodes))


def ecg_student(epochs: int) -> tuple[IntegerNetwork, np.ndarray]:
    """A 130-16-8-4 student trained on heartbeats (4-bit weights and activations), and the stored integers of the validation samples."""
    stack, data = load_stack(), load("ecg", options={"input": "beats+rr"} | ({"limit": 500} if QUICK else {}))
    seed_everything(1)
    model = stack.keras.Sequential([stack.keras.layers.Input(data.input_shape)])
    for i, units in enumerate((16, 8, 4)):
        weights = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}
        model.add(stack.qkeras.QDense(units, name=f"fc{i}", **weights))
        if i < 2:
            model.add(stack.qkeras.QActivation("quantized_relu(4,2)", name=f"relu{i}"))
    model.compile("adam", stack.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data.preprocessing.apply(data.train.x), data.train.y, batch_size=64, epochs=epochs, verbose=0)
    network = lower(model, data.preprocessing.input_type, "ecg 130-16-8-4, trained")
    return network, data.preprocessing.apply_integer(data.validation.x)


def retyped(network: IntegerNetwork, rounding: str, overflow: str) -> IntegerNetwork:
    """The same network with other rounding and overflow of its ReLUs; ``WRAP`` is a ReLU that cannot overflow, then a cast that wraps."""
    nodes: list[Node] = []
    for node in network.nodes:
        if node.op == "quantize" and not node.out.signed:
            node = replace(node, out=replace(node.out, rounding=rounding, overflow=overflow))
            if overflow == "WRAP":
                sums = nodes[-1].out
                nodes.append(replace(node, name=f"{node.name}_wide", out=FixedType(sums.width, sums.integer, False, "TRN", "SAT")))
                node = replace(node, inputs=(nodes[-1].name,))
        nodes.append(node)
    return IntegerNetwork(network.name, tuple(nodes))


def _rows(network: IntegerNetwork, stored: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for rounding, overflow in VARIANTS:
        rows.append({"network": network.name, "rounding": rounding, "overflow": overflow})
        rows[-1] |= adder_cost(retyped(network, rounding, overflow), stored)
        saved = 1 - rows[0]["cost"] / rows[-1]["cost"]
        print(
            f"{network.name:28} {rounding:8} {overflow:4} {rows[-1]['cost']:8.1f} cells, {100 * saved:4.1f} % saved by truncation",
            flush=True,
        )
    return rows


def main() -> None:
    """Cost of each kind of rounding and saturation, each proved on inputs."""
    seeds = [1] if QUICK else [1, 2, 3, 4, 5]
    rows: list[dict[str, Any]] = []
    for bits in (4,) if QUICK else (8, 6, 4, 3):
        for seed in seeds:
            kind = FixedType(10, 3)
            stored = np.random.default_rng(seed).integers(kind.low, kind.high + 1, (200 if QUICK else 20_000, 16))
            rows += [row | {"seed": seed} for row in _rows(random_mlp(bits, seed), stored)]
    rows += _rows(*ecg_student(epochs=1 if QUICK else 15))

    costs = {(r["rounding"], r["overflow"]): [] for r in rows}
    for row in rows:
        costs[row["rounding"], row["overflow"]].append(row["cost"])
    more = 100 * float(np.mean(np.divide(costs["RND_CONV", "SAT"], costs["TRN", "SAT"]) - 1))
    goals = [
        goal(
            "inputs on which each adder graph gave the emulation's bits", 200 if QUICK else 2000, min(r["exact_on"] for r in rows), "inputs"
        ),
        goal("more cells for half to even than for truncation", 8.0, more, "%", at_most=True),
    ]
    write("adder_graph", "make bench-adder-graph", seeds, rows, goals, da4ml=version("da4ml"))


if __name__ == "__main__":
    main()
