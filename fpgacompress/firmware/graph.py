"""Integer network to hls4ml's ModelGraph, layer by layer and without Keras, every type given and checked afterwards.

hls4ml's own converter reads a Keras model and guesses types; here the layer list it would have produced is written directly
(``ModelGraph.from_layer_list``), so the accumulators are the exact ones of the integer network and every activation is a cast
with the student's rounding and overflow. That makes the C simulation equal to the emulation by construction. hls4ml's optimizer
passes may still rename, fuse or drop layers, so the finished graph is compared with the network and any change is an error.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import HardwareError, ToolError, UnsupportedError
from ..integer.network import IntegerNetwork, Node, Tensor
from ..integer.types import FixedType
from ..integer.windows import pads_and_shape

BACKENDS = ("Vitis", "Vivado", "VivadoAccelerator")
IO_TYPES = ("io_parallel", "io_stream")
STRATEGIES = {"latency": "Latency", "resource": "Resource", "resource_unrolled": "Resource_Unrolled", "distributed_arithmetic": "Distributed_Arithmetic"}

LATENCY_LIMIT = 4096
"""hls4ml unrolls a "Latency" layer in full; Vivado and Vitis HLS stop at this many weights in io_parallel (hls4ml FAQ, "unroll limit")."""

_RESERVED = {"input", "int", "float", "double", "bool", "auto", "return", "const", "static", "class", "new", "out", "signed", "unsigned"}


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """hls4ml prints and warns on every step; the command line prints one JSON object. Everything goes into the yielded buffer."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield text
        for w in caught:
            text.write(f"{w.category.__name__}: {w.message}\n")


def cpp_names(network: IntegerNetwork) -> dict[str, str]:
    """Node names as C++ identifiers, unique without regard to case (hls4ml compares lower-case names)."""
    names: dict[str, str] = {}
    taken: set[str] = set(_RESERVED)
    for node in network.nodes:
        base = re.sub(r"\W", "_", node.name, flags=re.ASCII)
        base = f"layer_{base}" if not base or base[0].isdigit() or base[0] == "_" else base
        name, count = base, 1
        while name.lower() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.lower())
        names[node.name] = name
    return names


def plain(type: FixedType) -> FixedType:
    """The same type without rounding and overflow modes, for values that are exact in it."""
    return FixedType(type.width, type.integer, type.signed)


def _floats(tensor: Tensor) -> np.ndarray:
    return tensor.type.to_float(tensor.values)


def _pads(node: Node, size: tuple[int, ...], window: list[int]) -> dict[str, int]:
    pads, _ = pads_and_shape(size, window, node.params["strides"], node.params["padding"])
    (left, right), *above = reversed(pads)
    found = {"pad_left": left, "pad_right": right}
    if above:
        found |= {"pad_top": above[0][0], "pad_bottom": above[0][1]}
    return found


def _dense(node: Node, source: Node) -> dict[str, Any]:
    return {"class_name": "Dense", "n_in": source.shape[-1], "n_out": node.shape[-1]}


def _conv1d(node: Node, source: Node) -> dict[str, Any]:
    assert node.kernel is not None
    width = node.kernel.values.shape[0]
    return {
        "class_name": "Conv1D",
        "in_width": source.shape[0],
        "n_chan": source.shape[1],
        "out_width": node.shape[0],
        "n_filt": node.shape[1],
        "filt_width": width,
        "stride_width": node.params["strides"][0],
        "padding": node.params["padding"],
        **_pads(node, source.shape[:1], [width]),
    }


def _conv2d(node: Node, source: Node) -> dict[str, Any]:
    assert node.kernel is not None
    height, width = node.kernel.values.shape[:2]
    return {
        "class_name": "Conv2D",
        "in_height": source.shape[0],
        "in_width": source.shape[1],
        "n_chan": source.shape[2],
        "out_height": node.shape[0],
        "out_width": node.shape[1],
        "n_filt": node.shape[2],
        "filt_height": height,
        "filt_width": width,
        "stride_height": node.params["strides"][0],
        "stride_width": node.params["strides"][1],
        "padding": node.params["padding"],
        **_pads(node, source.shape[:2], [height, width]),
    }


def _maxpool(node: Node, source: Node) -> dict[str, Any]:
    pool, strides = node.params["pool_size"], node.params["strides"]
    pads = _pads(node, source.shape[:-1], pool)
    if len(pool) == 1:
        sizes = {"n_in": source.shape[0], "n_out": node.shape[0], "n_filt": node.shape[1], "pool_width": pool[0], "stride_width": strides[0]}
        return {"class_name": "MaxPooling1D", "padding": node.params["padding"], **sizes, **pads}
    return {
        "class_name": "MaxPooling2D",
        "in_height": source.shape[0],
        "in_width": source.shape[1],
        "out_height": node.shape[0],
        "out_width": node.shape[1],
        "n_filt": node.shape[2],
        "pool_height": pool[0],
        "pool_width": pool[1],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding": node.params["padding"],
        **pads,
    }


def _reshape(node: Node, source: Node) -> dict[str, Any]:
    return {"class_name": "Reshape", "target_shape": list(node.shape)}


def _quantize(node: Node, source: Node) -> dict[str, Any]:
    """hls4ml's relu and linear both assign to the result type, which rounds and saturates; unsigned saturation is the relu."""
    return {"class_name": "Activation", "activation": "linear" if node.out.signed else "relu", "n_in": int(np.prod(node.shape))}


def _add(node: Node, source: Node) -> dict[str, Any]:
    if len(node.inputs) != 2:
        raise UnsupportedError(f"layer '{node.name}' adds {len(node.inputs)} tensors", expected="2 in hls4ml", do="chain Add layers")
    return {"class_name": "Merge", "op": "add"}


_LAYERS: dict[str, Callable[[Node, Node], dict[str, Any]]] = {
    "dense": _dense,
    "conv1d": _conv1d,
    "conv2d": _conv2d,
    "maxpool": _maxpool,
    "flatten": _reshape,
    "reshape": _reshape,
    "quantize": _quantize,
    "add": _add,
}


def layer_list(network: IntegerNetwork) -> list[dict[str, Any]]:
    """The network as hls4ml's converters write it: one dictionary per layer.

    Raises:
        UnsupportedError: an operation that hls4ml cannot compute; names the layer.
    """
    names = cpp_names(network)
    found: list[dict[str, Any]] = []
    for node in network.nodes:
        common: dict[str, Any] = {"name": names[node.name], "data_format": "channels_last"}
        if node.op == "input":
            found.append(common | {"class_name": "InputLayer", "input_shape": list(node.shape)})
            continue
        if node.op not in _LAYERS:
            raise UnsupportedError(f"layer '{node.name}': operation '{node.op}' has no hls4ml layer", expected=", ".join(_LAYERS))
        entry = common | _LAYERS[node.op](node, network.node(node.inputs[0]))
        entry["inputs"] = [names[i] for i in node.inputs]
        if node.kernel is not None:
            entry["weight_data"] = _floats(node.kernel)
            entry["bias_data"] = None if node.bias is None else _floats(node.bias)
        found.append(entry)
    return found


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
            raise HardwareError(f"layer '{name}': strategy '{strategy}' with reuse factor {reuse}", expected=f"one of {', '.join(STRATEGIES)}, at least 1")
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
            padded = any(_pads(node, source.shape[:-1], node.params["pool_size"]).values())
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
        if not np.array_equal(np.sort(data, axis=None), np.sort(_floats(tensor), axis=None)):
            raise ToolError(f"hls4ml changed the {part} of layer '{node.name}'")
        if not _same(layer.weights[part].type.precision, plain(tensor.type)):
            raise ToolError(f"hls4ml gave the {part} of layer '{node.name}' the type {layer.weights[part].type.precision}", expected=str(tensor.type))
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
