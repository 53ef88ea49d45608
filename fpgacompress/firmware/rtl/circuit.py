"""An integer network as one block of adders: sums, rounding, saturation and casts, traced by da4ml, which shares what rows of constants have in common.

Zeros of the weights are no part of it: nothing is added for them. da4ml (C. Sun et al., arXiv 2507.04535) rounds down (TRN) or half up (RND) only;
half to even (RND_CONV) is made here of exact pieces, and saturation looks at the upper bits instead of comparing whole numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ToolError, UnsupportedError
from ...integer import FixedType, IntegerNetwork, Node
from ...integer.intervals import Range, propagate
from ...integer.operations import Edge
from ...integer.operations.weighted import holds_exactly
from ...integer.windows import gathered

OPERATIONS = (
    "dense",
    "scale",
    "quantize",
    "quantize_each",
    "clip",
    "leaky_relu",
    "threshold",
    "shift",
    "maxpool",
    "sumpool",
    "avgpool",
    "flatten",
    "reshape",
)
JOINS = ("add", "concatenate")
"""What becomes adders and wires: operations with one input and with several."""

LEVELS = 4
"""Levels of adders between two rows of registers, where nothing else is asked for."""

HWCONF = (1, -1, -1)
"""da4ml's adder size (cells bit by bit), carry size and pipeline length (none), as in HGQ2's own tracing."""


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


def _dense(node: Node, x: Any, network: IntegerNetwork, found: dict) -> Any:
    """Sums of a layer; da4ml sees only inputs and outputs that have weights, since its time grows with the matrix."""
    source = network.node(node.inputs[0])
    if not holds_exactly(node, Edge(source.out, found[source.name])):
        raise UnsupportedError(f"layer '{node.name}': accumulator {node.out} is narrower than the exact sum", expected="exact sums")
    assert node.kernel is not None
    if node.kernel.type.width > 24:  # da4ml keeps its matrices in float32
        raise UnsupportedError(f"layer '{node.name}': weights of {node.kernel.type.width} bits", expected="at most 24 bits")
    kernel = node.kernel.type.to_float(node.kernel.values)
    bias = np.zeros(kernel.shape[1]) if node.bias is None else node.bias.type.to_float(node.bias.values)
    if len(x.shape) > 1:
        return x @ kernel + bias
    rows, columns = np.flatnonzero(kernel.any(axis=1)), np.flatnonzero(kernel.any(axis=0))
    values = np.empty(kernel.shape[1], object)
    values[:] = [x.ravel()._vars[0].from_const(float(b), hwconf=x.hwconf) for b in bias]  # of outputs without weights
    if len(columns):
        values[columns] = (x[rows] @ kernel[rows][:, columns] + bias[columns])._vars
    return type(x)(values, x.solver_options, hwconf=x.hwconf)


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


def _scaled(node: Node, x: Any, network: IntegerNetwork, found: dict) -> Any:
    """Each channel times its factor, plus its bias."""
    source = network.node(node.inputs[0])
    if not holds_exactly(node, Edge(source.out, found[source.name])):
        raise UnsupportedError(f"layer '{node.name}': accumulator {node.out} is narrower than the exact sum", expected="exact sums")
    assert node.kernel is not None
    factors = np.broadcast_to(node.kernel.type.to_float(node.kernel.values), node.shape).ravel()
    biases = np.broadcast_to(0.0 if node.bias is None else node.bias.type.to_float(node.bias.values), node.shape).ravel()
    values = np.empty(x.size, object)
    values[:] = [v * float(k) + float(b) for v, k, b in zip(x.ravel()._vars, factors, biases)]
    return type(x)(values.reshape(node.shape), x.solver_options, hwconf=x.hwconf)


def _leaky(node: Node, v: Any) -> Any:
    return v if v.low >= 0 else v.msb_mux(v * 2.0 ** -node.params["shift"], v)


def _steps(node: Node, source: FixedType, v: Any) -> Any:
    """The first value, and the difference to the next one for each threshold that is reached."""
    values = node.out.to_float(np.asarray(node.params["values"]))
    total = v.from_const(float(values[0]), hwconf=v.hwconf)
    for threshold, step in zip(source.to_float(np.asarray(node.params["thresholds"])), np.diff(values)):
        if v.low >= threshold:
            total = total + float(step)
        elif v.high >= threshold:
            total = total + (v - float(threshold)).msb_mux(0.0, float(step))
    return total


def _pooled(node: Node, x: Any, network: IntegerNetwork) -> Any:
    """Maximum, sum or average of the elements of each window that are not padding."""
    source = network.node(node.inputs[0])
    places = np.arange(1, x.size + 1).reshape(1, *source.shape)  # 0 is padding
    window, strides, padding = (node.params[k] for k in ("pool_size", "strides", "padding"))
    taken, _ = gathered(places, window, strides, padding)
    flat = x.ravel()._vars

    def one(indices: np.ndarray) -> Any:
        inside = [flat[i - 1] for i in indices if i]
        return _joined(inside, (lambda a, b: a.max_of(b)) if node.op == "maxpool" else (lambda a, b: a + b))

    counts = np.count_nonzero(taken, axis=1).ravel()
    if node.op == "avgpool" and any(int(n) & int(n) - 1 for n in counts):
        raise UnsupportedError(
            f"layer '{node.name}': averages of {sorted(set(counts.tolist()))} elements", expected="a power of two of them"
        )
    values = np.empty(counts.size, object)
    values[:] = [one(indices) for indices in np.moveaxis(taken, 1, 2).reshape(counts.size, -1)]
    if node.op == "avgpool":
        values[:] = [cast(v * (1.0 / n), node.out) for v, n in zip(values, counts.tolist())]
    return type(x)(values.reshape(node.shape), x.solver_options, hwconf=x.hwconf)


def _merged(node: Node, parts: list[Any]) -> Any:
    if node.op == "add":
        return functools.reduce(lambda a, b: a + b, parts)
    values = np.concatenate([part._vars for part in parts], node.params["axis"])
    return type(parts[0])(values, parts[0].solver_options, hwconf=parts[0].hwconf)


def _joined(values: list[Any], join: Callable[[Any, Any], Any]) -> Any:
    """A tree of operations on two values, as flat as possible."""
    while len(values) > 1:
        values = [join(*values[i : i + 2]) if i + 1 < len(values) else values[i] for i in range(0, len(values), 2)]
    return values[0]


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
        case "scale":
            return _scaled(node, x, network, found)
        case "leaky_relu":
            return _each(x, lambda v: _leaky(node, v))
        case "threshold":
            return _each(x, lambda v: _steps(node, network.node(node.inputs[0]).out, v))
        case "maxpool" | "sumpool" | "avgpool":
            return _pooled(node, x, network)
    raise UnsupportedError(f"layer '{node.name}': '{node.op}' as an adder graph", expected=f"one of {', '.join(OPERATIONS + JOINS)}")


def circuit(network: IntegerNetwork, say: Callable[[str], None] = lambda text: None, source: Range | None = None) -> Any:
    """da4ml's ``CombLogic`` of a network: real values of the input node in, real values of the logits out.

    Args:
        network: of :data:`OPERATIONS`.
        say: told of each layer with weights, whose time grows faster than their number (3,000 of them take some minutes).
        source: stored integers that the inputs may have; None: all of their type.

    Raises:
        UnsupportedError: an operation other than those above, or sums that are not exact.
        ToolError: da4ml is not installed.
    """
    try:
        from da4ml.trace import FixedVariableArray, comb_trace
    except ImportError:
        raise ToolError("da4ml is not installed", do="pip install 'fpgacompress[rtl]'") from None
    kind, shape = network.input.out, network.input.shape
    given = source or Range.of_type(kind, shape)
    found = {network.input.name: Range(given.low.reshape(shape), given.high.reshape(shape))}
    low, high = (kind.to_float(end).reshape(shape) for end in (given.low, given.high))
    inputs = FixedVariableArray.from_lhs(low, high, np.full(shape, kind.lsb), HWCONF)
    results = {network.input.name: inputs}
    for node in network.nodes[1:]:
        if node.kernel is not None:
            say(f"layer {node.name}: sums of {node.kernel.nonzeros:,} weights")
        found[node.name] = propagate(node, [found[name] for name in node.inputs], [network.node(name).out for name in node.inputs])
        if node.op in JOINS:
            results[node.name] = _merged(node, [results[name] for name in node.inputs])
        else:
            results[node.name] = _node(node, results[node.inputs[0]], network, found)
    return comb_trace(inputs.ravel(), results[network.output.name].ravel())
