"""The accumulator table against sums really reached, and narrowed accumulators against a plain reading."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import ModelError
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, accumulators, trace, with_accumulators

from . import plain
from .networks import cnn, mlp, samples


def test_the_first_layers_bounds_are_reached():
    network = mlp(np.random.default_rng(3), [6, 4, 3], FixedType(5, 2))
    row = accumulators(network)[0]
    kernel, kind = network.node("fc0").kernel.values, network.input.out
    corners = [np.where(s * kernel.T > 0, kind.high, kind.low) for s in (1, -1)]
    sums = trace(network, np.concatenate(corners))["fc0"] * network.node("fc0").out.lsb
    assert (sums.min(), sums.max()) == (row.low, row.high)
    assert row.holds and row.exact == row.used


def test_the_usual_type_is_judged_by_range_and_fraction():
    kind = FixedType(8, 8)
    x = Node("x", "input", (), kind, (1,))
    fits = Node("a", "dense", ("x",), FixedType(16, 16), (1,), Tensor(np.array([[1]]), FixedType(8, -5)), None)
    row = accumulators(IntegerNetwork("n", (x, fits)))[0]
    assert not row.usual_overflows and row.usual_lost_bits == 3
    wide = Node("a", "dense", ("x",), FixedType(16, 16), (1,), Tensor(np.array([[1]]), FixedType(8, 8)), None)
    row = accumulators(IntegerNetwork("n", (x, wide)))[0]
    assert row.usual_overflows and (row.low, row.high) == (-128, 127)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32),
    st.booleans(),
    st.integers(3, 12),
    st.integers(-2, 10),
    st.sampled_from(["TRN", "RND", "RND_CONV"]),
    st.sampled_from(["WRAP", "SAT", "SAT_SYM"]),
)
def test_narrowed_accumulators_round_wrap_and_saturate(seed, spatial, width, integer, rounding, overflow):
    rng = np.random.default_rng(seed)
    exact = cnn(rng, 4) if spatial else mlp(rng, [5, 4, 3], FixedType(5, 2))
    kind = FixedType(width, integer, True, rounding, overflow)
    network = with_accumulators(exact, {n.name: kind for n in exact.weighted[:2]})
    assert network.weighted[0].out == kind
    assert all(row.holds for row in accumulators(network)[2:])  # what is behind a wrapped sum gets the room that this may need
    x = samples(rng, network, 3)
    got, want = trace(network, x), plain.trace(network, x)
    for name in got:
        assert np.array_equal(got[name], want[name]), name


def test_a_wide_enough_type_changes_no_bit_and_is_said_to_hold():
    exact = mlp(np.random.default_rng(1), [5, 4, 3], FixedType(5, 2))
    wide = {n.name: FixedType(n.out.width + 4, n.out.integer + 2, True, "TRN", "SAT") for n in exact.weighted}
    network = with_accumulators(exact, wide)
    assert all(row.holds for row in accumulators(network))
    x = samples(np.random.default_rng(2), exact, 50)
    last = exact.output.name
    assert np.array_equal(trace(network, x)[last] * network.output.out.lsb, trace(exact, x)[last] * exact.output.out.lsb)


def test_an_unknown_layer_is_refused():
    network = mlp(np.random.default_rng(1), [5, 3], FixedType(5, 2))
    with pytest.raises(ModelError, match="'fc9'.*one of fc0"):
        with_accumulators(network, {"fc9": FixedType(8, 4)})
    with pytest.raises(ModelError, match="at most 62 bits"):
        with_accumulators(network, {"fc0": FixedType(64, 64)})
