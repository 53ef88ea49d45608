"""Graphs of adders: what da4ml's own interpreter computes of each operation is what the network's emulation computes."""

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType
from fpgacompress.integer.emulate import run
from fpgacompress.integer.intervals import Range
from fpgacompress.integer.vectors import random_inputs

from .networks import Net

pytest.importorskip("da4ml")
from fpgacompress.firmware.rtl.circuit import circuit  # noqa: E402

SIGNED = FixedType(6, 3)


def residual(net):
    left = net.quantize("fixed<5,3,RND,SAT>")
    net.weighted("dense", (8, 8))
    right = net.quantize("fixed<6,4,RND_CONV,SAT_SYM>")
    net.add("add", left, right)
    net.quantize("ufixed<5,3,RND_CONV,SAT>")
    net.add("concatenate", left, net.at, axis=0)


def steps(net):
    net.weighted("dense", (8, 5))
    net.add("threshold", out=FixedType(4, 3), thresholds=[-40, 0, 3, 900], values=[-7, -1, 0, 2, 7])


WAYS = {
    "residual": ((8,), residual),
    "threshold": ((8,), steps),
    "leaky": ((8,), lambda net: net.add("leaky_relu", shift=3)),
    "scale": ((4, 3), lambda net: net.weighted("scale", (3,))),
    "maxpool": ((5, 4, 2), lambda net: net.pool("maxpool", [2, 3], [2, 2], "same")),
    "sumpool": ((5, 4, 2), lambda net: net.pool("sumpool", [3, 2], [1, 2], "same")),
    "avgpool": ((6, 4, 2), lambda net: net.pool("avgpool", [2, 2], out=FixedType(5, 3, True, "RND_CONV", "SAT"))),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_operation_as_adders_is_exact(way):
    shape, build = WAYS[way]
    net = Net(SIGNED, shape, seed=2)
    build(net)
    network = net.network()
    stored = random_inputs(network, 500)
    found = circuit(network).predict(SIGNED.to_float(stored).reshape(500, -1))
    assert np.array_equal(found, network.output.out.to_float(run(network, stored)).reshape(500, -1))


def test_narrower_inputs_make_a_smaller_circuit_with_the_same_values():
    net = Net(SIGNED, (8,))
    net.weighted("dense", (8, 4))
    network = net.network()
    narrow = circuit(network, source=Range(np.zeros(8, np.int64), np.full(8, 7)))
    assert narrow.cost < circuit(network).cost
    stored = np.random.default_rng(1).integers(0, 8, (200, 8))
    assert np.array_equal(narrow.predict(SIGNED.to_float(stored)), network.output.out.to_float(run(network, stored)))


def test_an_average_that_is_no_shift_is_refused():
    net = Net(SIGNED, (6, 2))
    net.pool("avgpool", [3], out=SIGNED)
    with pytest.raises(UnsupportedError, match=r"averages of \[3\] elements"):
        circuit(net.network())
