"""hls4ml's optimized graph to an integer network with exactly the numbers of hls4ml's C simulation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...errors import DataError, UnsupportedError
from ...integer.network import IntegerNetwork, Node
from ...integer.types import OVERFLOWS, ROUNDINGS, FixedType
from .builder import GraphBuilder, result_precision
from .rules import RULES


def network_of(model: Any) -> IntegerNetwork:
    """The integer network of a converted model; a softmax at the end is left out, with a warning.

    Args:
        model: hls4ml's ``ModelGraph``, converted with ``backend="OpenRTL"``.

    Returns:
        The network; nodes bear the names of hls4ml's layers, with ``_result`` and the like behind them where a layer is several nodes.

    Raises:
        UnsupportedError: a layer or type that a network cannot hold exactly, or several inputs or outputs.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnsupportedError(f"a model of {len(model.inputs)} inputs and {len(model.outputs)} outputs", expected="one of each")
    net, results = GraphBuilder(model.config.get_project_name()), dict[str, str]()
    for layer in _needed(model):
        sources = [results[name] for name in layer.inputs if name in results]
        results[layer.outputs[0]] = _lowered(layer, sources, net, layer.outputs[0] == model.outputs[0])
    return net.network(results[model.outputs[0]])


def _needed(model: Any) -> list[Any]:
    """Layers that the output depends on, in the graph's order."""
    wanted, found = set(model.outputs), []
    for layer in reversed(list(model.get_layers())):
        if wanted.intersection(layer.outputs):
            wanted.update(layer.inputs)
            found.append(layer)
    return found[::-1]


def _lowered(layer: Any, sources: list[str], net: GraphBuilder, last: bool) -> str:
    kind = layer.class_name
    if kind == "Input":
        return net.input(layer.name, input_type(layer), tuple(map(int, layer.get_output_variable().shape)))
    if kind == "Softmax" and last:
        warnings.warn(
            f"layer '{layer.name}': the softmax at the end is left out, the Verilog and predict() give logits (their largest is the same)",
            UserWarning,
            stacklevel=2,
        )
        return sources[0]
    if kind not in RULES:
        raise UnsupportedError(
            f"layer '{layer.name}' is {'a softmax inside of the model' if kind == 'Softmax' else kind}",
            expected=f"{', '.join(RULES)}, or a softmax at the end",
        )
    return RULES[kind](layer, sources, net)


def input_type(layer: Any) -> FixedType:
    """The type of the input, with the modes in which real numbers become it."""
    precision = result_precision(layer)
    if precision.rounding not in ROUNDINGS or precision.overflow not in OVERFLOWS or precision.saturation_bits:
        raise UnsupportedError(f"{precision.where} is {precision}", expected=f"{', '.join(ROUNDINGS)} with {', '.join(OVERFLOWS)}")
    return FixedType(precision.width, precision.integer, precision.signed, precision.rounding, precision.overflow)


def input_values(source: Node, x: np.ndarray) -> np.ndarray:
    """Stored integers of real inputs, as hls4ml's C++ assigns them to the input's type.

    Args:
        source: the network's input.
        x: float32 or float64, (n, ...) or one sample.

    Returns:
        int64, (n, *source.shape).

    Raises:
        DataError: another dtype or number of values, or values that are not finite.
    """
    size = int(np.prod(source.shape))
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float64) or x.size % size:
        what = f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise DataError(f"inputs that are {what}", expected=f"a float array of shape (n, {', '.join(map(str, source.shape))})")
    if not np.isfinite(x).all():
        raise DataError("inputs that are not finite")
    values = x.astype(np.float64).reshape(-1, *source.shape)
    if source.out.overflow == "WRAP":
        values = np.fmod(values, 2.0**source.out.integer)  # exact, and the same modulo the type's span
    return source.out.quantize(values)
