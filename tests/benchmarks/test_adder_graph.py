"""da4ml's adder graph of a network computes what our emulation computes, bit for bit, and refuses what it cannot."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import ToolError, UnsupportedError
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS

pytest.importorskip("da4ml")
from benchmarks import adder_graph  # noqa: E402
from benchmarks.adder_graph import VARIANTS, adder_cost, random_mlp, retyped  # noqa: E402
from fpgacompress.firmware.rtl.circuit import HWCONF, cast, circuit  # noqa: E402

types = st.builds(
    FixedType,
    width=st.integers(1, 8),
    integer=st.integers(-3, 8),
    signed=st.booleans(),
    rounding=st.sampled_from(ROUNDINGS),
    overflow=st.sampled_from(OVERFLOWS),
)


@settings(deadline=None, max_examples=300)
@given(types, st.integers(-200, 200), st.integers(0, 300) | st.integers(0, 4), st.integers(-3, 2), st.booleans())
def test_casts_give_every_value_of_a_range_the_bits_of_the_fixed_type(kind, low, span, step, negated):
    from da4ml.trace import FixedVariable, comb_trace

    grid = np.arange(low, low + span + 1) * 2.0**step
    v = FixedVariable(grid[0], grid[-1], 2.0**step, hwconf=HWCONF)
    try:
        logic = comb_trace([v], [cast(-v if negated else v, kind)])
    except UnsupportedError:
        assert not kind.signed and kind.overflow == "WRAP" and min(np.concatenate([grid, -grid])) < 0
        return
    wanted = kind.to_float(kind.quantize(-grid if negated else grid))
    assert np.array_equal(logic.predict(grid[:, None], n_threads=1).ravel(), wanted)


def inputs(network: IntegerNetwork, count: int = 2000) -> np.ndarray:
    kind = network.input.out
    return np.random.default_rng(0).integers(kind.low, kind.high + 1, (count, *network.input.shape))


@pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
@pytest.mark.parametrize("bits", [2, 5])
def test_networks_of_every_rounding_and_overflow_are_exact(variant, bits):
    network = retyped(random_mlp(bits, seed=3), *variant)
    assert adder_cost(network, inputs(network))["exact_on"] == 2000


def test_input_casts_clips_shifts_and_reshapes_are_exact():
    mlp = random_mlp(4, seed=1, sizes=(6, 5, 3))
    start = Node("input", "input", (), FixedType(10, 3), (2, 3))
    nodes = [
        start,
        Node("cast", "quantize", ("input",), FixedType(5, 2, True, "RND_CONV", "SAT"), (2, 3)),
        Node("clip", "clip", ("cast",), FixedType(5, 2), (2, 3), params={"low": -7, "high": 11}),
        Node("shift", "shift", ("clip",), FixedType(5, 3), (2, 3), params={"shift": 1}),
        Node("flat", "flatten", ("shift",), FixedType(5, 3), (6,)),
        replace(mlp.nodes[1], inputs=("flat",)),
        *mlp.nodes[2:],
    ]
    network = IntegerNetwork("all", tuple(nodes))
    assert adder_cost(network, inputs(network))["exact_on"] == 2000


def test_casts_of_single_elements_are_exact_and_cheaper_than_the_widest():
    mlp = random_mlp(4, seed=1, sizes=(6, 5, 3))
    costs = []
    for bits in ([5, 0, 8, 3, 1, 6], [8] * 6):
        params = {"bits": bits, "integer": [3, 1, 2, 1, 3, 3]}
        cut = Node("cut", "quantize_each", ("input",), FixedType(10, 3, True, "TRN", "SAT"), (6,), params=params)
        network = IntegerNetwork("n", (mlp.nodes[0], cut, replace(mlp.nodes[1], inputs=("cut",)), *mlp.nodes[2:]))
        found = adder_cost(network, inputs(network))
        assert found["exact_on"] == 2000
        costs.append(found["cost"])
    assert costs[0] < costs[1]


def test_truncation_is_cheapest_and_half_up_hides_in_the_bias():
    network = random_mlp(5, seed=2)
    cost = {r: circuit(retyped(network, r, "SAT")).cost for r in ROUNDINGS}
    assert cost["TRN"] < 1.02 * cost["RND"] < 1.02 * cost["RND_CONV"]
    assert cost["RND"] < 1.02 * cost["TRN"]


def test_weights_of_zero_cost_nothing():
    kernel, bias = Tensor(np.zeros((4, 2), np.int64), FixedType(4, 1)), Tensor(np.array([3, -2]), FixedType(4, 2))
    start = Node("input", "input", (), FixedType(8, 3), (4,))
    network = IntegerNetwork("zero", (start, Node("fc", "dense", ("input",), FixedType(12, 4), (2,), kernel, bias)))
    assert adder_cost(network, inputs(network, 50)) | {"seconds": 0} == {"cost": 0, "latency": 0, "exact_on": 50, "seconds": 0}


def test_a_graph_of_other_weights_is_found(monkeypatch):
    network, other = random_mlp(4, seed=1), random_mlp(4, seed=2)
    monkeypatch.setattr(adder_graph, "circuit", lambda _: circuit(other))
    with pytest.raises(ToolError, match="adder graph gives"):
        adder_cost(network, inputs(network, 10))


def test_what_is_no_adder_graph_is_refused():
    network = random_mlp(4, seed=1)
    first = network.nodes[1]
    narrow = IntegerNetwork("narrow", (network.nodes[0], replace(first, out=FixedType(6, 3))))
    with pytest.raises(UnsupportedError, match="narrower than the exact sum"):
        circuit(narrow)
    start = Node("input", "input", (), FixedType(10, 3), (8, 1))
    turned = Node("turned", "permute", ("input",), FixedType(10, 3), (1, 8), params={"axes": [1, 0]})
    with pytest.raises(UnsupportedError, match="permute"):
        circuit(IntegerNetwork("turned", (start, turned)))
