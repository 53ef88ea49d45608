"""Corners: the first casts reach their intervals' ends, what is counted is what was reached, deeper ones beyond random inputs."""

import numpy as np
import pytest

from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, ranges, trace
from fpgacompress.integer.vectors import Saturations, chunk_size, corners, random_inputs

RELU = FixedType(6, 3, False, "RND_CONV", "SAT")


def mlp(widths, kind, seed=0, relu=RELU):
    """Dense layers with casts between them."""
    rng = np.random.default_rng(seed)
    nodes = [Node("x", "input", (), kind, (widths[0],))]
    for i, (n, m) in enumerate(zip(widths, widths[1:], strict=False)):
        before = nodes[-1]
        kernel = Tensor(rng.integers(-32, 32, (n, m)), FixedType(6, 0))
        nodes.append(Node(f"fc{i}", "dense", (before.name,), FixedType(40, 40 - before.out.fraction - 6), (m,), kernel))
        if i < len(widths) - 2:
            nodes.append(Node(f"r{i}", "quantize", (f"fc{i}",), relu, (m,)))
    return IntegerNetwork("mlp", tuple(nodes))


def conv(padding="same"):
    """conv2d, cast, flatten, dense, cast."""
    rng = np.random.default_rng(1)
    shape = (6, 6, 3) if padding == "same" else (4, 4, 3)
    size = int(np.prod(shape))
    settings = {"strides": [1, 1], "padding": padding}
    signed = FixedType(5, 2, True, "RND_CONV", "SAT_SYM")
    nodes = (
        Node("x", "input", (), FixedType(5, 1), (6, 6, 2)),
        Node("c", "conv2d", ("x",), FixedType(30, 22), shape, Tensor(rng.integers(-8, 8, (3, 3, 2, 3)), FixedType(4, 0)), None, settings),
        Node("s", "quantize", ("c",), signed, shape),
        Node("f", "flatten", ("s",), signed, (size,)),
        Node("d", "dense", ("f",), FixedType(30, 23), (4,), Tensor(rng.integers(-8, 8, (size, 4)), FixedType(4, 0))),
        Node("q", "quantize", ("d",), FixedType(8, 4, True, "RND", "SAT"), (4,)),
    )
    return IntegerNetwork("conv", nodes)


def saturations(network, stored):
    found = Saturations(network)
    found.update(trace(network, stored, found.names))
    return found.to_json()


@pytest.mark.parametrize(
    "network, first",
    [
        (mlp([16, 64, 32, 5], FixedType(8, 3)), "fc0"),
        (mlp([784, 12, 5], FixedType(8, 0, False)), "fc0"),
        (conv("same"), "c"),
        (conv("valid"), "c"),
    ],
    ids=["signed", "unsigned", "same", "valid"],
)
def test_first_sums_attain_their_intervals(network, first):
    """Per channel, smallest and largest sum over all corners and positions are the ends of the exact range."""
    stored = corners(network)
    got = trace(network, stored, [first])[first]
    channels = got.reshape(-1, got.shape[-1])
    exact = ranges(network)[first]
    assert np.array_equal(channels.max(0), exact.high.reshape(-1, got.shape[-1]).max(0))
    assert np.array_equal(channels.min(0), exact.low.reshape(-1, got.shape[-1]).min(0))


@pytest.mark.parametrize("network", [mlp([16, 64, 32, 32, 5], FixedType(8, 3)), mlp([784, 64, 32, 10], FixedType(8, 0, False)), conv()])
def test_corners_reach_more_than_random_inputs(network):
    stored = corners(network)
    told, random = saturations(network, stored), saturations(network, random_inputs(network, 5 * len(stored)))
    assert told["possible"] == random["possible"] >= told["reached"] > random["reached"]
    first = next(iter(told["layers"].values()))
    assert all(reached == possible for reached, possible in first.values()), "behind the first sums all that is possible is reached"
    assert told["reached"] / told["possible"] > 0.9


def test_two_layers_of_pixels_are_all_reached():
    told = saturations(mlp([784, 64, 32, 10], FixedType(8, 0, False)), corners(mlp([784, 64, 32, 10], FixedType(8, 0, False))))
    assert told["reached"] == told["possible"] == 192


def test_what_is_counted_is_what_saturates():
    """One cast of a plain sum x0 - x1 to fixed<3,3>: -4 to 3."""
    kernel = Tensor(np.array([[1], [-1]]), FixedType(2, 2))
    nodes = (
        Node("x", "input", (), FixedType(4, 4, False), (2,)),
        Node("d", "dense", ("x",), FixedType(6, 6), (1,), kernel),
        Node("q", "quantize", ("d",), FixedType(3, 3, True, "TRN", "SAT"), (1,)),
    )
    network = IntegerNetwork("one", nodes)
    for pair, low, high in (((3, 0), 0, 0), ((4, 0), 0, 1), ((0, 4), 0, 0), ((0, 5), 1, 0)):
        told = saturations(network, np.array([pair]))
        assert told["layers"] == {"q": {"low": [low, 1], "high": [high, 1]}}
    assert saturations(network, corners(network))["reached"] == 2


def test_impossible_and_wrapping_casts_are_not_counted():
    kernel = Tensor(np.array([[1], [1]]), FixedType(2, 2))
    nodes = (
        Node("x", "input", (), FixedType(2, 2, False), (2,)),
        Node("d", "dense", ("x",), FixedType(5, 5), (1,), kernel),
        Node("wide", "quantize", ("d",), FixedType(5, 5, True, "TRN", "SAT"), (1,)),
        Node("wraps", "quantize", ("wide",), FixedType(1, 1, False), (1,)),
    )
    told = saturations(IntegerNetwork("none", nodes), np.array([[3, 3]]))
    assert told == {"reached": 0, "possible": 0, "layers": {"wide": {"low": [0, 0], "high": [0, 0]}}}


@pytest.mark.parametrize(
    "kind", [FixedType(8, 0, False), FixedType(6, 1), FixedType(5, 2, True, "RND_CONV", "SAT_SYM"), FixedType(1, 1, False)]
)
def test_corners_are_distinct_in_range_and_begin_with_the_ends(kind):
    stored = corners(mlp([7, 5, 3], kind), limit=50)
    assert stored.dtype == np.int64 and stored.shape[1:] == (7,) and len(stored) <= 50
    assert stored.min() >= kind.low and stored.max() <= kind.high
    assert (stored[0] == kind.low).all() and (stored[1] == kind.high).all()
    assert len(np.unique(stored, axis=0)) == len(stored)


def test_same_seed_same_vectors():
    network = mlp([7, 5, 3], FixedType(6, 1))
    assert np.array_equal(corners(network, seed=3), corners(network, seed=3))
    assert np.array_equal(random_inputs(network, 9, 3), random_inputs(network, 9, 3))
    assert not np.array_equal(random_inputs(network, 9, 3), random_inputs(network, 9, 4))


def test_random_inputs_reach_both_ends():
    stored = random_inputs(mlp([7, 5, 3], FixedType(3, 1)), 500)
    assert (stored.min(), stored.max()) == (-4, 3)


def test_a_network_without_casts_has_corners():
    kernel = Tensor(np.array([[1], [-1]]), FixedType(2, 2))
    nodes = (Node("x", "input", (), FixedType(4, 4), (2,)), Node("d", "dense", ("x",), FixedType(6, 6), (1,), kernel))
    assert len(corners(IntegerNetwork("plain", nodes))) >= 3


def test_chunks_are_bounded():
    network = mlp([784, 64, 32, 10], FixedType(8, 0, False))
    assert 1 <= chunk_size(network) <= 8192 and chunk_size(network, ["fc1"]) >= chunk_size(network)
