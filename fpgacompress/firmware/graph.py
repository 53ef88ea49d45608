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
from ..integer.network import IntegerNetwork, Node
from ..integer.types import FixedType
from .layers import cpp_names, floats, layer_list, paddings, plain

BACKENDS = ("Vitis", "Vivado", "VivadoAccelerator")
IO_TYPES = ("io_parallel", "io_stream")
STRATEGIES = {
    "latency": "Latency",
    "resource": "Resource",
    "resource_unrolled": "Resource_Unrolled",
    "distributed_arithmetic": "Distributed_Arithmetic",
}

LATENCY_LIMIT = 4096
"""hls4ml unrolls a "Latency" layer in full; Vivado and Vitis HLS stop at this many weights in io_parallel (hls4ml FAQ, "unroll limit")."""


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """hls4ml prints and warns on every step; the command line prints one JSON object. Everything goes into the yielded buffer."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield text
        for w in caught:
            text.write(f"{w.category.__name__}: {w.message}\n")


def _precision(node: Node) -> dict[str, str]:
    result = node.out if node.op == "quantize" else plain(node.out)
    found = {"result": str(result)}
    if node.kernel is not None:
        found |= {"weight": str(plain(node.kernel.type)), "accum": str(plain(node.out))}
        if node.bias is not None:
            found["bias"] = str(plain(node.bias.type))
    elif node.op == "maxpool":
        found["accum"] = str(plain(node.out))
    return found


def hls_config(network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], trace: bool) -> dict[str, Any]:
    """``HLSConfig`` with precision, strategy and reuse factor of every layer.

    Args:
        network: what to build.
        plan: ``{layer: (strategy, reuse factor)}`` for layers with weights; others, and layers left out, get Latency at 1.
        trace: let the C simulation store every layer's result.
    """
    names = cpp_names(network)
    layers: dict[str, Any] = {}
    for node in network.nodes:
        entry: dict[str, Any] = {"Precision": _precision(node), "Trace": trace}
        if node.kernel is not None:
            strategy, reuse = plan.get(node.name, ("latency", 1))
            entry |= {"Strategy": STRATEGIES[strategy.lower()], "ReuseFactor": int(reuse)}
        layers[names[node.name]] = entry
    resource = any(e.get("Strategy") == "Resource" for e in layers.values())
    model = {"Precision": {"default": "fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Resource" if resource else "Latency"}
    return {"Model": model, "LayerName": layers}


def check_request(network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], backend: str, io_type: str) -> None:
    """Refuse early what hls4ml would change silently or a tool would fail on later.

    Raises:
        HardwareError: unknown back end, io type or strategy; a layer the chosen io type cannot do; a layer beyond the unroll limit.
    """
    if backend not in BACKENDS:
        raise HardwareError(f"there is no back end '{backend}'", expected=f"one of {', '.join(BACKENDS)}")
    if io_type not in IO_TYPES:
        raise HardwareError(f"there is no io type '{io_type}'", expected=f"one of {', '.join(IO_TYPES)}")
    known = {n.name for n in network.weighted}
    for name, (strategy, reuse) in plan.items():
        if name not in known:
            raise HardwareError(f"the plan names the layer '{name}'", expected=f"one of {', '.join(sorted(known))}")
        if strategy.lower() not in STRATEGIES or int(reuse) < 1:
            raise HardwareError(
                f"layer '{name}': strategy '{strategy}' with reuse factor {reuse}", expected=f"one of {', '.join(STRATEGIES)}, at least 1"
            )
    for node in network.weighted:
        strategy, _ = plan.get(node.name, ("latency", 1))
        assert node.kernel is not None
        if strategy.lower() == "latency" and io_type == "io_parallel" and node.kernel.values.size > LATENCY_LIMIT:
            raise HardwareError(
                f"layer '{node.name}' has {node.kernel.values.size} weights, too many for strategy latency in io_parallel",
                expected=f"at most {LATENCY_LIMIT}",
                do="use strategy resource with a reuse factor, or reuse: auto",
            )
    if io_type == "io_stream":
        _check_stream(network)
    for node in (network.input, network.output):
        if backend == "VivadoAccelerator" and node.out.width > 24:
            raise HardwareError(
                f"layer '{node.name}' has the type {node.out}, and VivadoAccelerator moves data as 32-bit floats",
                expected="at most 24 bits at input and output",
                do="end the model in QActivation('quantized_bits(...)'), or use the back end Vitis or Vivado",
            )


def _check_stream(network: IntegerNetwork) -> None:
    """Limits that are assertions in hls4ml's ``nnet_conv2d_stream.h`` and ``nnet_pooling_stream.h``."""
    for node in network.nodes:
        if node.op == "maxpool":
            source = network.node(node.inputs[0])
            padded = any(paddings(node, source.shape[:-1], node.params["pool_size"]).values())
            if padded or list(node.params["pool_size"]) != list(node.params["strides"]):
                raise HardwareError(
                    f"layer '{node.name}' pools {node.params['pool_size']} with strides {node.params['strides']}, padding '{node.params['padding']}'",
                    expected="in io_stream: strides equal to the pool size and no padding",
                    do="change the layer or use io_parallel",
                )
        if node.op == "conv2d" and node.kernel is not None and node.kernel.values.shape[0] != node.kernel.values.shape[1]:
            raise HardwareError(
                f"layer '{node.name}' has a {node.kernel.values.shape[0]}x{node.kernel.values.shape[1]} kernel",
                expected="a square kernel in io_stream",
                do="use io_parallel",
            )


def build_graph(config: dict[str, Any], network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], trace: bool = False) -> Any:
    """hls4ml's graph of the network, checked.

    Args:
        config: hls4ml project configuration (``create_config``) without ``HLSConfig``.
        network, plan, trace: see :func:`hls_config`.

    Raises:
        UnsupportedError, HardwareError: hls4ml cannot build it, or built something else.
    """
    from hls4ml.model import ModelGraph

    names = cpp_names(network)
    config = config | {"HLSConfig": hls_config(network, plan, trace), "TraceOutput": trace}
    try:
        graph = ModelGraph.from_layer_list(config, layer_list(network), [names[network.input.name]], [names[network.output.name]])
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


def _check_weighted(layer: Any, node: Node, plan: Mapping[str, tuple[str, int]]) -> None:
    assert node.kernel is not None
    for part, tensor in (("weight", node.kernel), ("bias", node.bias)):
        if tensor is None:
            continue
        data = np.asarray(layer.weights[part].data, np.float64)
        if not np.array_equal(np.sort(data, axis=None), np.sort(floats(tensor), axis=None)):
            raise ToolError(f"hls4ml changed the {part} of layer '{node.name}'")
        if not _same(layer.weights[part].type.precision, plain(tensor.type)):
            raise ToolError(
                f"hls4ml gave the {part} of layer '{node.name}' the type {layer.weights[part].type.precision}", expected=str(tensor.type)
            )
    if not _same(layer.get_attr("accum_t").precision, plain(node.out)):
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
    names = cpp_names(network)
    for node in network.nodes:
        layer = graph.graph.get(names[node.name])
        if layer is None:
            if node.op in ("flatten", "reshape") or (node.op == "quantize" and node.out == plain(network.node(node.inputs[0]).out)):
                continue  # moves no bit; hls4ml may leave it out or call it "repack_..."
            raise ToolError(f"hls4ml dropped layer '{node.name}' ({node.op} to {node.out})")
        got = layer.get_output_variable().type.precision
        want = node.out if node.op == "quantize" else plain(node.out)
        if node.op not in ("flatten", "reshape") and not _same(got, want):
            raise ToolError(f"hls4ml gave layer '{node.name}' the result type {got}", expected=str(want))
        if node.kernel is not None:
            _check_weighted(layer, node, plan)
