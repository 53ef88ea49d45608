"""What a back end, an io type or a strategy cannot do: refused by name before any tool starts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import HardwareError
from ..hardware.kernels import is_depthwise, kernel_values, reuse_limit
from ..integer.intervals import sum_fraction
from ..integer.network import IntegerNetwork, Node

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

STREAM_READERS = 7
"""``nnet_stream.h`` copies a stream at most this often."""

SIMULATED_BITS = 53
"""The C simulation reads and writes doubles."""


def check_request(network: IntegerNetwork, plan: Mapping[str, tuple[str, int]], backend: str, io_type: str) -> None:
    """Refuse early what hls4ml would change silently or a tool would fail on later.

    Raises:
        HardwareError: unknown back end, io type or strategy; a strategy that a layer cannot have; a layer beyond the unroll limit.
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
        if strategy.lower() == "resource_unrolled" and backend == "VivadoAccelerator":
            raise HardwareError(
                f"layer '{name}': strategy {strategy} with the back end {backend}, which hls4ml does not write",
                expected="the back end Vitis or Vivado, or strategy resource",
            )
    for node in network.weighted:
        strategy, reuse = plan.get(node.name, ("latency", 1))
        _check_strategy(network, node, strategy.lower(), int(reuse), io_type)
    for node in network.nodes if io_type == "io_stream" else ():
        readers = sum(n.inputs.count(node.name) for n in network.nodes) + (node is network.output)
        if readers > STREAM_READERS:
            raise HardwareError(
                f"the result of layer '{node.name}' is read {readers} times",
                expected=f"at most {STREAM_READERS} times in io_stream",
                do="use io_parallel, or join fewer branches",
            )
    for node in (network.input, network.output):
        if backend == "VivadoAccelerator" and node.out.width > 24:
            raise HardwareError(
                f"layer '{node.name}' has the type {node.out}, and VivadoAccelerator moves data as 32-bit floats",
                expected="at most 24 bits at input and output",
                do="end the model in QActivation('quantized_bits(...)'), or use the back end Vitis or Vivado",
            )
        if node.out.width > SIMULATED_BITS:
            raise HardwareError(
                f"layer '{node.name}' has the type {node.out}, and hls4ml's C simulation moves data as doubles",
                expected=f"at most {SIMULATED_BITS} bits at input and output",
                do="end the model in QActivation('quantized_bits(...)')",
            )


def check_lines(network: IntegerNetwork, plan: Mapping[str, tuple[str, int]]) -> None:
    """Refuse what compilers choke on; it depends on trained weights.

    Raises:
        HardwareError: a layer in strategy resource_unrolled, which has one line of C++ for each weight that is not zero, with too many or none.
    """
    for node in network.weighted:
        if node.kernel is None or plan.get(node.name, ("", 1))[0] != "resource_unrolled":
            continue
        lines = node.kernel.nonzeros
        if not 1 <= lines <= LATENCY_LIMIT:
            raise HardwareError(
                f"layer '{node.name}' in strategy resource_unrolled has {lines} lines of C++, one for each weight that is not zero",
                expected=f"1 to {LATENCY_LIMIT}",
                do="prune more or less, or use strategy resource",
            )


def _check_strategy(network: IntegerNetwork, node: Node, strategy: str, reuse: int, io_type: str) -> None:
    stream = io_type == "io_stream"
    if node.op == "scale":
        if (strategy, reuse) != ("latency", 1):
            raise HardwareError(
                f"layer '{node.name}' scales channels, with strategy {strategy} and reuse factor {reuse}",
                expected="latency with reuse factor 1",
                do="leave the layer out of the plan",
            )
        return
    if is_depthwise(node):
        _check_depthwise(node, strategy, reuse, stream)
    size = kernel_values(node, stream).size
    if strategy == "latency" and not stream and size > LATENCY_LIMIT:
        raise HardwareError(
            f"layer '{node.name}' has {size} weights, too many for strategy latency in io_parallel",
            expected=f"at most {LATENCY_LIMIT}",
            do="use strategy resource with a reuse factor, or reuse: auto",
        )
    limit = reuse_limit(node, int(np.prod(kernel_values(node, stream).shape[:-1])), io_type)
    if strategy == "resource" and limit is not None and reuse > limit:
        raise HardwareError(
            f"layer '{node.name}': hls4ml computes a convolution in io_parallel wrongly at reuse factor {reuse}",
            expected=f"at most {limit}, the weights of one filter",
            do="use a smaller factor or reuse: auto, or io_stream, which has larger factors",
        )
    source = network.node(node.inputs[0]).out
    assert node.kernel is not None
    if strategy != "latency" and node.out.overflow != "WRAP":
        raise HardwareError(
            f"layer '{node.name}' saturates its sums in {node.out}, whose value then depends on the order of additions",
            expected=f"strategy latency, not {strategy}",
            do="use strategy latency for this layer, or an accumulator that wraps or cannot overflow",
        )
    if strategy == "distributed_arithmetic" and node.out.fraction < sum_fraction(source, node.kernel, node.bias):
        raise HardwareError(
            f"layer '{node.name}' rounds its products to {node.out}, and strategy distributed_arithmetic never forms them",
            expected="strategy latency or resource",
        )


def _check_depthwise(node: Node, strategy: str, reuse: int, stream: bool) -> None:
    """``nnet_sepconv*.h``: arrays in strategy latency only; ``nnet_depthwise_product.h`` reads past its input for other reuse factors."""
    inputs = int(np.prod(kernel_values(node, stream).shape))
    if strategy == "latency" or (strategy == "resource" and stream and inputs % reuse == 0):
        return
    raise HardwareError(
        f"depthwise layer '{node.name}' with strategy {strategy} and reuse factor {reuse}",
        expected=f"strategy latency, or in io_stream also resource with a reuse factor that divides {inputs}",
    )
