"""Integer network to hls4ml's ModelGraph, layer by layer and without Keras, every type given and checked afterwards.

hls4ml's own converter reads a Keras model and guesses types; here the layer list it would have produced is written directly
(``ModelGraph.from_layer_list``), so the accumulators are the exact ones of the integer network and every activation is a cast
with the student's rounding and overflow. That makes the C simulation equal to the emulation by construction. hls4ml's optimizer
passes may still rename, fuse or drop layers, so the finished graph is compared with the network and any change is an error.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import HardwareError, ToolError, UnsupportedError
from ..hardware.kernels import kernel_values
from ..integer.network import IntegerNetwork, Node
from ..integer.types import FixedType
from . import extension
from .layers import cpp_names, layer_list, parts, plain
from .limits import STRATEGIES


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """hls4ml prints and warns on every step; the command line prints one JSON object. Everything goes into the yielded buffer."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield text
        for w in caught:
            text.write(f"{w.category.__name__}: {w.message}\n")


ROUNDED = ("quantize", "quantize_each", "avgpool", "scale")
"""Operations whose result is cast to its type; all others are exact in theirs, or are sums in an accumulator of this type."""


def result_type(node: Node) -> FixedType:
    """The type hls4ml must give the node's result: modes only where they act."""
    return node.out if node.op in ROUNDED or node.kernel is not None else plain(node.out)


def _precision(node: Node) -> dict[str, str]:
    result = str(result_type(node))
    found = {"result": result}
    if node.kernel is not None and node.op != "scale":
        found |= {"weight": str(plain(node.kernel.type)), "accum": result}
        if node.bias is not None:
            found["bias"] = str(plain(node.bias.type))
    elif node.op == "maxpool":
        found["accum"] = result
    return found


def hls_config(network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], io_type: str, trace: bool) -> dict[str, Any]:
    """``HLSConfig`` with precision, strategy and reuse factor of every layer.

    Args:
        network: what to build.
        plan: ``{layer: (strategy, reuse factor)}`` for layers with weights; others, and layers left out, get Latency at 1.
        io_type: "io_parallel" or "io_stream".
        trace: let the C simulation store every layer's result.
    """
    names, more = cpp_names(network), parts(network, io_type == "io_stream")
    layers: dict[str, Any] = {}
    for node in network.nodes:
        entry: dict[str, Any] = {"Precision": _precision(node), "Trace": trace}
        layers |= {part: {"Precision": {"result": str(type)}, "Trace": False} for part, type in more[node.name].items()}
        if node.kernel is not None and node.op != "scale":
            strategy, reuse = plan.get(node.name, ("latency", 1))
            entry |= {"Strategy": STRATEGIES[strategy.lower()], "ReuseFactor": int(reuse)}
        layers[names[node.name]] = entry
    resource = any(e.get("Strategy") == "Resource" for e in layers.values())
    model = {"Precision": {"default": "fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Resource" if resource else "Latency"}
    return {"Model": model, "LayerName": layers}


def build_graph(config: dict[str, Any], network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], trace: bool = False) -> Any:
    """hls4ml's graph of the network, checked.

    Args:
        config: hls4ml project configuration (``create_config``) without ``HLSConfig``.
        network, plan, trace: see :func:`hls_config`.

    Raises:
        UnsupportedError, HardwareError: hls4ml cannot build it, or built something else.
    """
    from hls4ml.model import ModelGraph

    extension.register()
    names = cpp_names(network)
    config = config | {"HLSConfig": hls_config(network, plan, config["IOType"], trace), "TraceOutput": trace}
    try:
        graph = ModelGraph.from_layer_list(
            config, layer_list(network, config["IOType"]), [names[network.input.name]], [names[network.output.name]]
        )
    except (UnsupportedError, HardwareError):
        raise
    except Exception as error:  # hls4ml raises bare exceptions
        raise ToolError(f"hls4ml could not build '{network.name}' ({error})") from error
    check_graph(graph, network, plan)
    return graph


def _same(precision: Any, type: FixedType) -> bool:
    def mode(value: Any) -> str:
        return str(getattr(value, "name", value)).upper().replace("AP_", "")

    layout = (precision.width, precision.integer, bool(precision.signed)) == (type.width, type.integer, type.signed)
    if not layout:
        return False
    modes = mode(getattr(precision, "rounding_mode", None)), mode(getattr(precision, "saturation_mode", None))
    return tuple(a if a != "NONE" else b for a, b in zip(modes, ("TRN", "WRAP"), strict=True)) == (type.rounding, type.overflow)


def _check_weighted(layer: Any, node: Node, plan: Mapping[str, tuple[str, int]], stream: bool) -> None:
    assert node.kernel is not None
    wanted = {"weight": (kernel_values(node, stream), node.kernel.type)}
    if node.bias is not None:
        wanted["bias"] = (node.bias.values, node.bias.type)
    for part, (values, type) in wanted.items():
        data = np.asarray(layer.weights[part].data, np.float64)
        if not np.array_equal(np.sort(data, axis=None), np.sort(type.to_float(values), axis=None)):
            raise ToolError(f"hls4ml changed the {part} of layer '{node.name}'")
        if not _same(layer.weights[part].type.precision, plain(type)):
            raise ToolError(
                f"hls4ml gave the {part} of layer '{node.name}' the type {layer.weights[part].type.precision}", expected=str(type)
            )
    if not _same(layer.get_attr("accum_t").precision, node.out):
        raise ToolError(f"hls4ml gave layer '{node.name}' the accumulator {layer.get_attr('accum_t').precision}", expected=str(node.out))
    strategy, reuse = plan.get(node.name, ("latency", 1))
    if int(layer.get_attr("reuse_factor")) != int(reuse):
        raise HardwareError(
            f"hls4ml cannot use reuse factor {reuse} in layer '{node.name}' and would take {layer.get_attr('reuse_factor')}",
            expected="a divisor of n_in * n_out that hls4ml's dense_resource accepts",
            do=f"set reuse: {layer.get_attr('reuse_factor')}, or reuse: auto",
        )
    if str(layer.get_attr("strategy")).lower() != strategy.lower():
        raise HardwareError(f"hls4ml took strategy {layer.get_attr('strategy')} in layer '{node.name}'", expected=strategy)


def check_graph(graph: Any, network: IntegerNetwork, plan: Mapping[str, tuple[str, int]]) -> None:
    """Compare hls4ml's finished graph with the network.

    Raises:
        ToolError: a layer vanished, or a type, weight or accumulator differs.
        HardwareError: another strategy or reuse factor than asked for.
    """
    stream = graph.config.get_config_value("IOType") == "io_stream"
    names, more = cpp_names(network), parts(network, stream)
    for node in network.nodes:
        for name, type in (more[node.name] | {names[node.name]: result_type(node)}).items():
            layer = graph.graph.get(name)
            if layer is None:
                if node.op in ("flatten", "reshape") or (node.op == "quantize" and node.out == plain(network.node(node.inputs[0]).out)):
                    continue  # moves no bit; hls4ml may leave it out
                raise ToolError(f"hls4ml dropped layer '{node.name}' ({node.op} to {node.out})")
            got = layer.get_output_variable().type.precision
            if layer.class_name != "Reshape" and not _same(got, type):
                raise ToolError(f"hls4ml gave layer '{node.name}' the result type {got}", expected=str(type))
            for table, (values, table_type) in layer.get_attr("tables", {}).items():
                kept = layer.weights[table]
                if not (np.array_equal(kept.data, values) and _same(kept.type.precision, table_type)):
                    raise ToolError(f"hls4ml changed the {table} of layer '{node.name}'")
        if node.kernel is not None and node.op != "scale":
            _check_weighted(layer, node, plan, stream)
