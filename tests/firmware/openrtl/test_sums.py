"""Narrow accumulators written as exact sums and casts: the same values for every input, and nothing narrow left."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.firmware.openrtl import explicit_sums
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.intervals import ranges
from fpgacompress.integer.operations import Edge
from fpgacompress.integer.operations.weighted import holds_exactly
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS
from fpgacompress.integer.vectors import random_inputs

modes = st.tuples(st.sampled_from(ROUNDINGS), st.sampled_from(OVERFLOWS))


def tensor(rng, shape, bits, kind):
    return Tensor(rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape) * (rng.random(shape) < 0.8), kind)


@st.composite
def networks(draw, op):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    source = FixedType(draw(st.integers(2, 6)), draw(st.integers(0, 4)), draw(st.booleans()))
    shape, window = ((3,), ()) if op == "dense" else ((5, 2), (2,))
    kernel = tensor(rng, (*window, shape[-1], 4), 4, FixedType(4, draw(st.integers(0, 2))))
    bias = draw(st.sampled_from([None, tensor(rng, (4,), 6, FixedType(6, draw(st.integers(-1, 3))))]))
    out = FixedType(draw(st.integers(2, 10)), draw(st.integers(-1, 6)), draw(st.booleans()), *draw(modes))
    params = {"strides": [1], "padding": draw(st.sampled_from(["valid", "same"]))} if window else {}
    rows = () if op == "dense" else (5 if params["padding"] == "same" else 4,)
    return IntegerNetwork("n", (Node("x", "input", (), source, shape), Node("y", op, ("x",), out, (*rows, 4), kernel, bias, params)))


def values(network, stored):
    return network.output.out.to_float(Emulator(network).run(stored))


def narrow(network):
    found = ranges(network)
    return [n.name for n in network.weighted if not holds_exactly(n, Edge(network.node(n.inputs[0]).out, found[n.inputs[0]]))]


@settings(max_examples=300)
@given(networks("dense"))
def test_dense_sums_without_narrow_accumulators(network):
    stored = random_inputs(network, 200)
    found = explicit_sums(network)
    assert not narrow(found)
    assert np.array_equal(values(found, stored), values(network, stored))


@settings(max_examples=200)
@given(st.one_of(networks("dense"), networks("conv1d")))
def test_sums_of_a_chain_stay_narrow_only_where_they_may_saturate(network):
    stored = random_inputs(network, 100)
    found = explicit_sums(network, chain=True)
    assert all(len(node.inputs) == 1 for node in found.nodes[1:])
    assert not narrow(found) or network.output.out.overflow != "WRAP"
    assert np.array_equal(values(found, stored), values(network, stored))
