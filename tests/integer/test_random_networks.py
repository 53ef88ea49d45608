"""Random networks over all operations: emulation equals a plain reading in fractions, and nothing leaves its interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import Emulator, FixedType, IntegerNetwork, Node, Tensor, load, network_hash, ranges, save, trace
from fpgacompress.integer.operations import OPERATIONS
from fpgacompress.integer.operations.pools import rounded_quotient

from . import plain
from .networks import samples
from .random_networks import random_network

networks = st.builds(random_network, st.integers(0, 2**32), st.integers(1, 9), st.sampled_from([0.0, 0.0, 0.8]))


def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert np.array_equal(a[name], b[name]), name


@settings(deadline=None, max_examples=60)
@given(networks, st.integers(0, 2**32))
def test_emulation_equals_the_plain_reading(network, seed):
    x = samples(np.random.default_rng(seed), network, 4)
    got = trace(network, x)
    equal(got, plain.trace(network, x))
    assert np.array_equal(Emulator(network).run(x), got[network.output.name])  # sums and casts fused, dead branches left out
    for name, found in ranges(network).items():
        assert (got[name] >= found.low).all() and (got[name] <= found.high).all(), name
        assert network.node(name).out.low <= found.bounds[0] and found.bounds[1] <= network.node(name).out.high, name


@settings(deadline=None, max_examples=20)
@given(networks)
def test_save_and_load_change_nothing(tmp_path_factory, network):
    back = load(save(network, tmp_path_factory.mktemp("net") / "n.npz"))
    assert network_hash(back) == network_hash(network) and back == network
    x = samples(np.random.default_rng(0), network, 3)
    equal(trace(back, x), trace(network, x))


def test_random_networks_contain_every_operation():
    found = {node.op for seed in range(60) for node in random_network(seed, 9).nodes}
    assert set(OPERATIONS) <= found


@given(st.integers(-(10**6), 10**6), st.integers(1, 500))
def test_quotients_round_like_fractions(total, divisor):
    from fractions import Fraction

    for rounding in ("TRN", "RND", "RND_CONV"):
        want = plain.cast(Fraction(total, divisor), FixedType(40, 40, True, rounding))
        assert int(rounded_quotient(np.array(total), np.array(divisor), rounding)) == want


def test_an_unknown_operation_is_refused_by_name():
    x = Node("x", "input", (), FixedType(4, 2), (2,))
    with pytest.raises(UnsupportedError, match="layer 'magic': there is no operation 'fft'"):
        Emulator(IntegerNetwork("n", (x, Node("magic", "fft", ("x",), FixedType(4, 2), (2,)))))


def one_layer(out: FixedType, weights: list[int], bias: int = 0) -> IntegerNetwork:
    kind = FixedType(8, 8)
    x = Node("x", "input", (), kind, (len(weights),))
    kernel, start = Tensor(np.array(weights, np.int64)[:, None], kind), Tensor(np.array([bias], np.int64), kind)
    return IntegerNetwork("n", (x, Node("fc", "dense", ("x",), out, (1,), kernel, start)))


def test_a_saturating_accumulator_saturates_on_the_way_and_a_wrapping_one_does_not():
    x = np.array([[100, 100, -100]])  # 100 + 100 - 100: the middle of the way is beyond 8 bits, the end is not
    assert trace(one_layer(FixedType(8, 8), [1, 1, 1]), x)["fc"].item() == 100
    assert trace(one_layer(FixedType(8, 8, overflow="SAT"), [1, 1, 1]), x)["fc"].item() == 27


def test_a_coarse_accumulator_cuts_each_product():
    x = np.array([[3, 3, 0]])
    assert trace(one_layer(FixedType(8, 9), [1, 1, 0]), x)["fc"].item() == 2  # 3 -> 1 least bit of 2, twice; the exact 6 would be 3
    assert trace(one_layer(FixedType(8, 9, rounding="RND"), [1, 1, 0]), x)["fc"].item() == 4
