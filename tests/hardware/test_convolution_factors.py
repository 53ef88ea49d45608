"""Reuse factors of convolutions: in io_parallel at most one filter's weights, because hls4ml's functions compute no more; proven in C simulation."""

from __future__ import annotations

import pytest
from firmware.exact import assert_exact
from firmware.networks import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import HardwareError
from fpgacompress.hardware import toolchains
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.facts import UNROLL_LIMIT, network_facts
from fpgacompress.hardware.reuse import LayerPlan, check_plan, io_type, legal_factors, legal_plans, plan, valid_reuse_factors
from fpgacompress.integer import FixedType, IntegerNetwork

BOARD = load_board("pynq-z2")
X = FixedType(6, 2)
KINDS = ("conv1d", "conv2d", "dense_2", "dense_3")


def one(kind: str, taps: int, channels: int, filters: int, dilation: int = 1) -> IntegerNetwork:
    """A network of one layer "c": a convolution with ``taps`` taps, or a dense layer on two or three axes."""
    if kind.startswith("dense"):
        net = Net(X, (3, channels) if kind == "dense_2" else (2, 2, channels))
        net.weighted("dense", (channels, filters), name="c")
    else:
        length = (taps - 1) * dilation + 3
        net = Net(X, (length, channels) if kind == "conv1d" else (length, length, channels))
        net.conv(
            kind, (taps,) if kind == "conv1d" else (taps, 1), filters, name="c", dilation=[dilation] * (len(net.nodes[net.at].shape) - 1)
        )
    return net.network()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    taps=st.integers(1, 4),
    channels=st.integers(1, 4),
    filters=st.integers(1, 6),
    dilation=st.integers(1, 3),
)
def test_exactly_the_factors_up_to_one_filter_are_legal_in_parallel_and_all_of_hls4ml_s_in_streams(kind, taps, channels, filters, dilation):
    network = one(kind, taps, channels, filters, dilation)
    rows = channels if kind.startswith("dense") else ((taps - 1) * dilation + 1) * channels  # dilation is zeros between the taps
    theirs = valid_reuse_factors(rows, filters)
    legal = {"io_parallel": [f for f in theirs if f <= rows], "io_stream": list(theirs)}
    for io, expected in legal.items():
        facts = network_facts(network, io)["c"]
        assert list(legal_factors(facts)) == expected
        assert [p.reuse for p in legal_plans(facts, "resource")] == expected
        for factor in range(1, rows * filters + 2):
            if factor in expected:
                check_plan(network, {"c": LayerPlan("Resource", factor)}, io)
            else:
                with pytest.raises(HardwareError, match="layer 'c'"):
                    check_plan(network, {"c": LayerPlan("Resource", factor)}, io)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", ["auto", "resource"])
def test_auto_never_takes_a_factor_beyond_one_filter_in_parallel(kind, strategy):
    """A kernel that must share multipliers: in streams the planner goes beyond one filter, in arrays it may not."""
    network = one(kind, 1, 64, 128)
    assert network_facts(network)["c"].n_weights > UNROLL_LIMIT
    tiny = load_board("basys3")
    assert plan(network, board=tiny, io="stream", strategy=strategy)["c"].reuse > 64
    assert plan(network, board=tiny, io="parallel", strategy=strategy)["c"].reuse in (2, 4, 8, 16, 32, 64)


def test_a_factor_beyond_one_filter_is_refused_with_the_largest_one_that_does():
    network = one("conv1d", 5, 1, 8)
    text = "layer 'c'.*wrongly at reuse factor 10.*at most 5.*give 5.*io_stream"
    with pytest.raises(HardwareError, match=text):
        plan(network, board=BOARD, strategy="resource", reuse=10)
    with pytest.raises(HardwareError, match=text):
        estimate(network, board=BOARD, plan={"c": LayerPlan("Resource", 10)})
    assert plan(network, board=BOARD, io="io_stream", strategy="resource", reuse=10)["c"] == LayerPlan("Resource", 10)
    assert estimate(network, board=BOARD, io="stream", plan={"c": LayerPlan("Resource", 10)}).io == "io_stream"


def test_more_filters_than_can_be_unrolled_have_no_factor_in_parallel():
    network = one("dense_2", 1, 2, UNROLL_LIMIT + 4)
    with pytest.raises(HardwareError, match="no factor does"):
        check_plan(network, {"c": LayerPlan("Resource", 2)})
    check_plan(network, {"c": LayerPlan("Resource", 4)}, "io_stream")


def test_a_dense_layer_on_a_vector_has_no_limit():
    net = Net(X, (5,))
    net.weighted("dense", (5, 8), name="c")
    assert legal_factors(network_facts(net.network())["c"]) == valid_reuse_factors(5, 8)


def test_io_types_have_a_long_and_a_short_name():
    assert [io_type(name) for name in ("parallel", "io_parallel", "stream", "io_stream")] == ["io_parallel"] * 2 + ["io_stream"] * 2
    with pytest.raises(HardwareError, match="io is 'serial'"):
        io_type("serial")


@pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")
def test_the_largest_legal_factors_are_exact_in_c_simulation(tmp_path):
    net = Net(X, (6, 7, 2))
    net.conv("conv2d", (2, 2), 4, name="image", dilation=[1, 2])
    net.quantize("fixed<5,3,RND,SAT>")
    net.weighted("dense", (4, 6), name="pixels")
    net.quantize("fixed<4,3,RND,SAT>")
    net.add("reshape", shape=(25, 6))
    net.conv("conv1d", (3,), 5, name="signal", strides=[4])
    network = net.network()
    largest = {name: legal_factors(facts)[-1] for name, facts in network_facts(network).items()}
    assert largest == {"image": 12, "pixels": 4, "signal": 18}
    chosen = plan(network, board=BOARD, strategy="resource", reuse=largest)
    assert_exact(network, tmp_path, "io_parallel", count=100, plan=chosen)
