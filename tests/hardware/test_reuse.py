"""Reuse factors equal hls4ml's own; plans are legal, balanced and refuse what cannot be built."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.facts import UNROLL_LIMIT, network_facts
from fpgacompress.hardware.reuse import LayerPlan, check_plan, neighbours, plan, valid_reuse_factors

from .networks import cnn, mlp

PYNQ = load_board("pynq-z2")
STUDENT = mlp((784, 128, 64, 10), (4, 5, 6), 0.8)


@pytest.fixture(scope="module")
def hls4ml_rule():
    backend = pytest.importorskip("hls4ml.backends.fpga.fpga_backend").FPGABackend
    return object.__new__(backend)


@settings(max_examples=60, deadline=None)
@given(n_in=st.integers(1, 60), n_out=st.integers(1, 40), chosen=st.integers(1, 3000))
def test_valid_factors_are_hls4ml_s_own(hls4ml_rule, n_in, n_out, chosen):
    theirs = hls4ml_rule.get_valid_reuse_factors(n_in, n_out)
    assert list(valid_reuse_factors(n_in, n_out)) == theirs
    assert all(n in theirs for n in neighbours(valid_reuse_factors(n_in, n_out), chosen))


def test_the_demo_layer_equals_hls4ml_s_rule(hls4ml_rule):
    assert list(valid_reuse_factors(784, 64)) == hls4ml_rule.get_valid_reuse_factors(784, 64)


@pytest.mark.parametrize("sizes", [(784, 256, 64, 10), (784, 128, 64, 10), (784, 64, 32, 10), (16, 64, 32, 32, 5), (7, 3), (784, 1)])
@pytest.mark.parametrize("board", ["pynq-z2", "basys3", "zcu102"])
@pytest.mark.parametrize("strategy", ["auto", "resource"])
def test_automatic_plans_are_legal(sizes, board, strategy):
    network = mlp(sizes, (4, 5, 6, 6), 0.8)
    found = plan(network, board=load_board(board), clock_ns=5.0, strategy=strategy)
    check_plan(network, found)
    for name, facts in network_facts(network).items():
        layer = found[name]
        if layer.strategy == "Latency":
            assert layer.reuse == 1 and facts.n_weights <= UNROLL_LIMIT
        else:
            assert layer.reuse in valid_reuse_factors(facts.n_in, facts.n_out) and facts.n_weights / layer.reuse <= UNROLL_LIMIT


def test_a_wide_layer_shares_multipliers_and_small_ones_unroll():
    found = plan(mlp((784, 64, 32, 10), (4, 5, 6), 0.8), board=PYNQ, clock_ns=5.0)
    assert found["fc1"].strategy == "Resource" and found["fc1"].reuse > 784
    assert found["fc3"] == LayerPlan("Latency", 1)


def test_a_convolution_has_a_factor_per_window():
    network = cnn()
    found = plan(network, board=PYNQ, io="io_stream", strategy="resource")
    assert found["conv"].reuse in valid_reuse_factors(9, 4)


def test_an_illegal_factor_names_its_neighbours():
    with pytest.raises(HardwareError, match="nearest are 112 and 196"):
        plan(STUDENT, board=PYNQ, strategy="resource", reuse={"fc1": 128})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"strategy": "latency"}, "unrolls 100352 products"),
        ({"strategy": "fast"}, "strategy is 'fast'"),
        ({"io": "io_serial"}, "io is 'io_serial'"),
        ({"strategy": "latency", "reuse": 4}, "reuse factor 4"),
        ({"strategy": "resource", "reuse": "many"}, "reuse is 'many'"),
        ({"reuse": {"fc9": 4}}, "'fc9', which has no weights"),
        ({"reuse": {"fc1": 0}}, "reuse factor 0"),
        ({"strategy": "resource", "reuse": {"fc1": 1}}, "smallest factor that keeps to it is 28"),
        ({"latency_budget_cycles": 20}, "at most 20"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, text):
    with pytest.raises(HardwareError, match=text):
        plan(STUDENT, board=PYNQ, **arguments)


def test_a_latency_budget_is_met():
    board = load_board("vu13p")
    slow = plan(STUDENT, board=board)
    quick = plan(STUDENT, board=board, latency_budget_cycles=400)
    assert sum(p.reuse for p in quick.values()) <= 400 < sum(p.reuse for p in slow.values())


def test_factors_given_by_the_user_are_kept():
    found = plan(STUDENT, board=PYNQ, reuse={"fc1": 784})
    assert found["fc1"] == LayerPlan("Resource", 784)


def test_a_plan_must_name_every_layer():
    with pytest.raises(HardwareError, match="nothing about layer 'fc2'"):
        check_plan(STUDENT, {"fc1": LayerPlan("Resource", 784)})
    with pytest.raises(HardwareError, match="'relu1' that has no weights"):
        check_plan(STUDENT, plan(STUDENT, board=PYNQ) | {"relu1": LayerPlan("Latency", 1)})
