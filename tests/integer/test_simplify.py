"""Removed neurons change no output bit, and what is said to be removed is gone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, simplify, trace

from .networks import samples, tensor
from .random_networks import random_network

BYTE, RELU = FixedType(4, 4, False), FixedType(3, 3, False, "RND_CONV", "SAT")


def check(network: IntegerNetwork, seed: int = 0, count: int = 30) -> "IntegerNetwork":
    """Simplify, compare every kept channel of every node, return the smaller network."""
    told = simplify(network)
    x = samples(np.random.default_rng(seed), network, count)
    before, after = trace(network, x), trace(told.network, x)
    for node in network.nodes:
        assert np.array_equal(before[node.name][..., told.kept[node.name]], after[node.name]), node.name
    assert np.array_equal(before[network.output.name], after[network.output.name])
    for row in told.removed:
        small = told.network.node(row.layer)
        assert small.shape[-1] == row.of - row.neurons
        assert network.node(row.layer).kernel.nonzeros - small.kernel.nonzeros == row.weights
    assert not simplify(told.network).changed
    return told.network


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 10), st.sampled_from([0.0, 0.5]), st.sampled_from([0.3, 0.8, 0.95]))
def test_random_networks_keep_every_bit(seed, steps, narrow, zeros):
    check(random_network(seed, steps, narrow, zeros), seed)


def dense(name: str, source: str, weights, bias=None) -> Node:
    kernel = np.array(weights, np.int64)
    start = None if bias is None else Tensor(np.array(bias, np.int64), FixedType(8, 8))
    return Node(name, "dense", (source,), FixedType(16, 16), (kernel.shape[1],), Tensor(kernel, FixedType(8, 8)), start)


def two_layers(first, bias, second) -> IntegerNetwork:
    x = Node("x", "input", (), BYTE, (len(first),))
    hidden = dense("fc1", "x", first, bias)
    return IntegerNetwork("n", (x, hidden, Node("act", "quantize", ("fc1",), RELU, hidden.shape), dense("fc2", "act", second)))


def test_a_relu_that_is_always_zero_is_removed():
    network = two_layers([[1, -1], [1, -2]], [0, -1], [[1], [1]])
    small = check(network)
    assert small.node("fc1").kernel.values.tolist() == [[1], [1]] and small.node("fc2").bias is None


def test_a_neuron_stuck_at_its_maximum_becomes_a_bias():
    network = two_layers([[1, 0], [1, 0]], [0, 100], [[1, 2], [1, -3]])
    small = check(network)
    assert small.node("fc1").shape == (1,)
    assert small.node("fc2").bias.type.to_float(small.node("fc2").bias.values).tolist() == [7.0, -21.0]


def test_a_neuron_that_nobody_reads_is_removed_through_several_layers():
    x = Node("x", "input", (), BYTE, (2,))
    nodes = [x, dense("fc1", "x", [[1, 2], [3, 4]]), Node("a", "quantize", ("fc1",), RELU, (2,))]
    nodes += [dense("fc2", "a", [[1, 0], [0, 1]]), Node("b", "quantize", ("fc2",), RELU, (2,)), dense("fc3", "b", [[1], [0]])]
    small = check(IntegerNetwork("n", tuple(nodes)))
    assert [n.shape for n in small.nodes] == [(2,), (1,), (1,), (1,), (1,), (1,)]


def test_a_channel_read_by_one_side_of_a_residual_stays():
    rng = np.random.default_rng(0)
    x = Node("x", "input", (), BYTE, (4, 4, 2))
    kernel = tensor(rng, (3, 3, 2, 3), FixedType(3, 3), 0.0)
    kernel.values[..., 1] = -np.abs(kernel.values[..., 1])  # channel 1 is 0 behind the relu
    pad = {"strides": [1, 1], "padding": "same"}
    conv = Node("conv", "conv2d", ("x",), FixedType(20, 20), (4, 4, 3), kernel, None, pad)
    act = Node("act", "quantize", ("conv",), RELU, (4, 4, 3))
    inner = Node("inner", "conv2d", ("act",), FixedType(20, 20), (4, 4, 3), tensor(rng, (3, 3, 3, 3), FixedType(3, 3), 0.0), None, pad)
    total = Node("sum", "add", ("act", "inner"), FixedType(21, 21), (4, 4, 3))
    flat = Node("flat", "flatten", ("sum",), FixedType(21, 21), (48,))
    out = Node("fc", "dense", ("flat",), FixedType(40, 40), (2,), tensor(rng, (48, 2), FixedType(4, 4), 0.0), None)
    network = IntegerNetwork("n", (x, conv, act, inner, total, flat, out))
    assert check(network).node("act").shape == (4, 4, 3)  # the sum needs all three
    out.kernel.values.reshape(16, 3, 2)[:, 1] = 0  # now nobody reads channel 1 of the sum
    small = check(network)
    assert small.node("sum").shape == (4, 4, 2) and small.node("flat").shape == (32,) and small.node("conv").shape == (4, 4, 2)


def test_a_constant_under_zero_padding_is_not_folded():
    """At the border the window sees zeros, not the constant, so no single bias could stand for it."""
    x = Node("x", "input", (), BYTE, (3, 1))
    kernel, bias = Tensor(np.array([[[1, 0]]]), FixedType(2, 2)), Tensor(np.array([0, 5]), FixedType(8, 8))
    first = Node("c1", "conv1d", ("x",), FixedType(8, 8), (3, 2), kernel, bias, {"strides": [1], "padding": "valid"})
    ones = Tensor(np.ones((3, 2, 1), np.int64), FixedType(2, 2))
    for padding, shape, channels in (("same", (3, 1), 2), ("valid", (1, 1), 1)):
        second = Node("c2", "conv1d", ("c1",), FixedType(8, 8), shape, ones, None, {"strides": [1], "padding": padding})
        small = check(IntegerNetwork("n", (x, first, second)))
        assert small.node("c1").shape == (3, channels)
        assert (small.node("c2").bias is None) == (padding == "same")
    assert small.node("c2").bias.values.tolist() == [15]


def test_the_published_student_loses_neurons_and_no_bit():
    from pathlib import Path

    from fpgacompress.integer import load

    path = Path(__file__).parents[2] / "models/fashion_mnist/student.npz"
    small = check(load(path), count=200)
    assert small.node("hidden1").shape[0] < 128
