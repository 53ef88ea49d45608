"""What an integer network of dense layers costs as an adder graph: da4ml's cells and latency of one combinational block.

da4ml (C. Sun et al., arXiv 2507.04535) turns constant matrices into shared additions; its ``cost`` counts full-adder bits, half a cell
a bit for multiplexers and ReLUs, a sixth for or-gates. Counted here is everything from the stored integers of the input node (the type
the preprocessing delivers) to the exact logits: sums, biases, rounding, saturation, and casts of the input inside the network. Wires are
free: shifts, truncation, wrapping. Not counted: preprocessing, registers, arg max. ``benchmarks/peers/hgq2`` counts HGQ2 the same way.

da4ml rounds down (TRN) or half up (RND) only; half to even (RND_CONV) is made here of exact pieces, and saturation looks at the upper bits
instead of comparing whole numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from fpgacompress.data import load
from fpgacompress.errors import ToolError, UnsupportedError
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.intervals import ranges
from fpgacompress.integer.operations import Edge
from fpgacompress.integer.operations.weighted import holds_exactly, sum_fraction
from fpgacompress.keras_stack import load as load_stack
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower

from .common import QUICK, goal, write

HWCONF = (1, -1, -1)
"""da4ml's adder size (cells bit by bit), carry size and pipeline length (none), as in HGQ2's own tracing."""


# One value ------------------------------------------------------------------------------------------------------------------------


def cast(v: Any, type: FixedType) -> Any:
    """A traced variable (da4ml's ``FixedVariable``) cast to a fixed-point type, exactly as :meth:`FixedType.cast` does.

    Half to even is half up with the last bit cleared on a tie (all dropped bits zero after the half is added). Clearing it moves no value
    across an even lower or odd upper bound, so only the bits that stay need it.

    Raises:
        UnsupportedError: negative numbers wrapped into more unsigned bits than they have, which da4ml does not sign-extend.
    """
    if v.low == v.high:
        return v.from_const(float(type.to_float(type.quantize(np.float64(v.low)))), hwconf=v.hwconf)
    tie_free = None
    if v.kif[2] > type.fraction:
        if type.rounding != "TRN":
            v = v + 2.0 ** -(type.fraction + 1)
        if type.rounding == "RND_CONV":
            tie_free = v.quantize(0, -type.fraction, v.kif[2]).unary_bit_op("any")
        signed, above, _ = v.kif
        v = v.quantize(signed, max(above, -type.fraction), type.fraction)
    if type.signed and type.low % 2:  # symmetric, or of one bit: the lower bound is odd
        v, tie_free = _even(v, tie_free, type), None
    if type.signed and type.overflow == "SAT_SYM":
        return v.max_of(type.minimum).min_of(type.maximum)
    return _fitted(v, tie_free, type)


def _choose(flag: Any, yes: Any, no: Any, span: tuple[float, float, float] | None = None) -> Any:
    """A multiplexer on one bit. da4ml would look through a bit taken by a wire to the whole number; an inverter stops that."""
    return (~flag).msb_mux(no, yes, qint=span) if flag.opr == "wrap" else flag.msb_mux(yes, no, qint=span)


def _even(kept: Any, tie_free: Any, type: FixedType) -> Any:
    """``kept`` with its last bit cleared on a tie."""
    if tie_free is None:
        return kept
    signed, above, _ = kept.kif
    cleared = kept.quantize(signed, max(above, 1 - type.fraction), type.fraction - 1)
    return kept if kept.low == kept.high == cleared.low else _choose(tie_free, kept, cleared)


def _fitted(v: Any, tie_free: Any, type: FixedType) -> Any:
    above, low, high = type.integer - int(type.signed), type.minimum, type.maximum
    if v.low == v.high:
        return cast(v, type) if tie_free is None else _fitted(_even(v, tie_free, type), None, type)
    if low <= v.low and v.high <= high:
        return _even(v, tie_free, type)
    if type.overflow == "WRAP" and not type.signed and v.low < 0 and above > v.kif[1] + 1:
        raise UnsupportedError(f"negative numbers wrapped into {type}", expected="no more unsigned bits than the number has")
    if v.high <= high and not type.signed and type.overflow != "WRAP":
        return _even(v, tie_free, type).relu()
    kept = _even(v.quantize(int(type.signed), above, type.fraction), tie_free, type)
    if type.overflow == "WRAP":
        return kept
    if v.high < low or v.low > high:
        return v.from_const(low if v.high < low else high, hwconf=v.hwconf)
    span = (low, high, type.lsb)
    upper = v.quantize(int(v.low < 0), v.kif[1], -above, _force_factor_clear=True)  # what the type has no bits for, with its sign bit
    outside = upper.unary_bit_op("any")
    if not type.signed:
        kept = _choose(outside, high, kept, span)  # of negative values too, which the next line makes 0
        return v.msb_mux(0.0, kept, qint=span) if v.low < 0 else kept
    if v.low < 0 and v.kif[2] >= -above:
        outside = outside ^ upper.unary_bit_op("all")
    return _choose(outside, v.msb_mux(low, high) if v.low < 0 else high, kept, span)


# A network ------------------------------------------------------------------------------------------------------------------------


def _dense(node: Node, x: Any, network: IntegerNetwork, found: dict) -> Any:
    source = network.node(node.inputs[0])
    if not holds_exactly(node, Edge(source.out, found[source.name])):
        raise UnsupportedError(f"layer '{node.name}': accumulator {node.out} is narrower than the exact sum", expected="exact sums")
    assert node.kernel is not None
    if node.kernel.type.width > 24:  # da4ml keeps its matrices in float32
        raise UnsupportedError(f"layer '{node.name}': weights of {node.kernel.type.width} bits", expected="at most 24 bits")
    total = x @ node.kernel.type.to_float(node.kernel.values)
    return total if node.bias is None else total + node.bias.type.to_float(node.bias.values)


def _each(x: Any, function: Callable[[Any], Any]) -> Any:
    from da4ml.trace import FixedVariableArray

    values = np.empty(x.size, object)
    values[:] = [function(v) for v in x.ravel()._vars]
    return FixedVariableArray(values.reshape(x.shape), x.solver_options, hwconf=x.hwconf)


def _cast_each(node: Node, x: Any) -> Any:
    widths = (np.broadcast_to(np.asarray(node.params[k]), node.shape).ravel().tolist() for k in ("bits", "integer"))
    left = iter([FixedType(b, i, node.out.signed, "TRN", "SAT") if b else None for b, i in zip(*widths)])

    def one(v: Any) -> Any:
        kind = next(left)
        return v.from_const(0.0, hwconf=v.hwconf) if kind is None else cast(v, kind)

    return _each(x, one)


def _clipped(node: Node, x: Any) -> Any:
    low, high = (float(node.out.to_float(node.params[k])) for k in ("low", "high"))
    return _each(x, lambda v: v.max_of(low).min_of(high))


def _node(node: Node, x: Any, network: IntegerNetwork, found: dict) -> Any:
    match node.op:
        case "dense":
            return _dense(node, x, network, found)
        case "quantize":
            return _each(x, lambda v: cast(v, node.out))
        case "quantize_each":
            return _cast_each(node, x)
        case "clip":
            return _clipped(node, x)
        case "flatten" | "reshape":
            return x.reshape(node.shape)
        case "shift":
            return x * 2.0 ** node.params["shift"]
    raise UnsupportedError(
        f"layer '{node.name}': '{node.op}' as an adder graph", expected="dense, quantize, quantize_each, clip, flatten, reshape or shift"
    )


def circuit(network: IntegerNetwork) -> Any:
    """da4ml's ``CombLogic`` of a network: real values of the input node in, real values of the logits out.

    Raises:
        UnsupportedError: an operation other than those above, or sums that are not exact.
        ToolError: da4ml is not installed.
    """
    try:
        from da4ml.trace import FixedVariableArray, comb_trace
    except ImportError:
        raise ToolError("da4ml is not installed", do="pip install 'fpgacompress[rtl]'") from None
    kind, shape = network.input.out, network.input.shape
    full = np.ones(shape)
    x = source = FixedVariableArray.from_lhs(full * kind.minimum, full * kind.maximum, full * kind.lsb, HWCONF)
    found, results = ranges(network), {network.input.name: x}
    for node in network.nodes[1:]:
        results[node.name] = _node(node, results[node.inputs[0]], network, found)
    return comb_trace(source.ravel(), results[network.output.name].ravel())


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
