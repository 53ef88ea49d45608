"""Layers per channel and layers without weights: planned and counted where a law is known, else not available, with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.firmware.limits import check_request
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.facts import layer_facts
from fpgacompress.hardware.laws import tree_levels
from fpgacompress.hardware.reuse import LayerPlan, check_plan, plan
from fpgacompress.integer.network import IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import FixedType

PYNQ = load_board("pynq-z2")
X, ACC, W = FixedType(8, 0, False), FixedType(16, 5), FixedType(4, 1)
ONES = {"strides": [1, 1], "padding": "valid"}


def depthwise(multiplier: int = 1) -> IntegerNetwork:
    """A depthwise 3 x 3 on two channels, a scale, an average, a dense layer."""
    n = 2 * multiplier
    kernel = np.arange(18 * multiplier).reshape(3, 3, 2, multiplier) % 15 - 7
    return IntegerNetwork(
        "dw",
        (
            Node("x", "input", (), X, (6, 6, 2)),
            Node("dw", "depthwise2d", ("x",), ACC, (4, 4, n), Tensor(kernel, W), None, ONES),
            Node("bn", "scale", ("dw",), FixedType(24, 9), (4, 4, n), Tensor(np.array([3, 5, 7, 7])[:n], W), None),
            Node("q", "quantize", ("bn",), FixedType(4, 1, False, "RND_CONV", "SAT"), (4, 4, n)),
            Node("avg", "avgpool", ("q",), FixedType(4, 1, False, "RND_CONV", "SAT"), (1, 1, n), params={"pool_size": [4, 4]} | ONES),
            Node("flat", "flatten", ("avg",), FixedType(4, 1, False), (n,)),
            Node("out", "dense", ("flat",), FixedType(16, 8), (3,), Tensor(np.ones((n, 3), np.int64), W)),
        ),
    )


def test_a_depthwise_layer_counts_its_own_weights_and_sums():
    network = depthwise()
    facts = layer_facts(network, network.node("dw"))
    assert (facts.op, facts.n_in, facts.n_out, facts.n_weights, facts.sums, facts.positions) == ("depthwise2d", 18, 1, 18, 2, 16)
    assert tree_levels(facts) == 5  # 17 weights that are not zero, 2 sums: 4 levels of adders, and one for the products


def test_several_results_per_channel_are_an_ordinary_convolution_for_planner_and_firmware():
    network = depthwise(2)
    facts = layer_facts(network, network.node("dw"))
    assert (facts.op, facts.n_in, facts.n_out, facts.nonzeros, facts.reuse_limit) == ("conv2d", 18, 4, 34, 18)
    assert tree_levels(facts) == 5
    for settings in ({}, {"reuse": 2}, {"strategy": "resource"}, {"strategy": "latency"}):
        chosen = plan(network, board=PYNQ, **settings)
        check_plan(network, chosen)
        check_request(network, {name: (p.strategy, p.reuse) for name, p in chosen.items()}, "Vitis", "io_parallel")
    with pytest.raises(HardwareError, match="18, the weights of one filter"):
        check_plan(network, chosen | {"dw": LayerPlan("Resource", 36)})


def test_a_scale_layer_multiplies_once_per_channel():
    network = depthwise()
    facts = layer_facts(network, network.node("bn"))
    assert (facts.n_in, facts.n_out, facts.n_weights, facts.sums, facts.products, facts.two_digit) == (2, 1, 2, 2, 0, 2)


@pytest.mark.parametrize("settings", [{}, {"reuse": 2}, {"strategy": "resource"}, {"strategy": "latency"}])
def test_layers_per_channel_are_planned_in_latency_strategy(settings):
    chosen = plan(depthwise(), board=PYNQ, **settings)
    assert chosen["dw"] == chosen["bn"] == LayerPlan("Latency", 1)
    check_plan(depthwise(), chosen)


def test_a_layer_per_channel_in_resource_strategy_is_refused():
    with pytest.raises(HardwareError, match="layer 'dw'.*depthwise2d in Resource"):
        check_plan(depthwise(), plan(depthwise(), board=PYNQ) | {"dw": LayerPlan("Resource", 2)})


@pytest.mark.parametrize("io", ["io_parallel", "io_stream"])
def test_every_operation_is_estimated_or_said_to_be_unknown(io):
    told = estimate(depthwise(), board=PYNQ, io=io)
    assert not told.total["lut"].available and "convolution" in told.total["lut"].reason
    assert told.total["dsp"].available and told.total["latency_cycles"].available


@pytest.mark.parametrize("op, known", [("clip", False), ("threshold", False), ("avgpool", False), ("shift", True), ("permute", True)])
def test_logic_without_a_law_is_not_counted_as_free(op, known):
    network = IntegerNetwork(
        "one",
        (
            Node("x", "input", (), X, (4,)),
            Node("fc", "dense", ("x",), ACC, (3,), Tensor(np.ones((4, 3), np.int64), W)),
            Node("last", op, ("fc",), ACC, (3,)),
        ),
    )
    lut = estimate(network, board=PYNQ).total["lut"]
    assert lut.available == known and (known or f"{op} layers" in lut.reason)


def test_a_saturating_accumulator_is_planned_where_the_order_of_additions_is_stated():
    kernel = Tensor(np.ones((64, 60), np.int64), W)  # small enough to unroll, large enough that auto would fold it on this board
    layers = [Node("x", "input", (), X, (64,))]
    for i, out in enumerate((FixedType(12, 5), FixedType(12, 5, overflow="SAT"))):
        layers += [Node(f"fc{i}", "dense", (layers[-1].name,), out, (60,), kernel), Node(f"q{i}", "quantize", (f"fc{i}",), X, (60,))]
        kernel = Tensor(np.ones((60, 60), np.int64), W)
    planned = plan(IntegerNetwork("n", tuple(layers)), board=load_board("basys3"), strategy="auto")
    assert planned["fc0"].strategy == "Resource" and planned["fc1"] == LayerPlan("Latency", 1)
    with pytest.raises(HardwareError, match="saturating sums"):
        check_plan(IntegerNetwork("n", tuple(layers)), planned | {"fc1": LayerPlan("Resource", 60)})
