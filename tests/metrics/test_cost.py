"""Costs of networks small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.figures import Figure
from fpgacompress.integer.network import IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import FixedType
from fpgacompress.metrics import cost, packing
from fpgacompress.metrics.csd import bit_length, csd_digits, span_bits

W4 = FixedType(4, 1)
DENSE = IntegerNetwork(
    "hand",
    (
        Node("x", "input", (), FixedType(3, 0, False), (2,)),
        Node(
            "fc",
            "dense",
            ("x",),
            FixedType(10, 4),
            (3,),
            Tensor(np.array([[5, 0, -2], [0, 7, 0]]), W4),
            Tensor(np.array([1, 2, 3]), FixedType(5, 1)),
        ),
    ),
)
CONV = IntegerNetwork(
    "conv",
    (
        Node("x", "input", (), FixedType(8, 0, False), (5, 5, 1)),
        Node("c", "conv2d", ("x",), FixedType(16, 4), (4, 4, 2), Tensor(np.array([1, 0, 0, 3, 0, 0, 0, -6]).reshape(2, 2, 1, 2), W4)),
    ),
)


def csd_by_hand(n: int) -> int:
    """Digits of the non-adjacent form, one at a time."""
    n, digits = abs(n), 0
    while n:
        if n & 1:
            digits, n = digits + 1, n - (2 - n % 4)
        n >>= 1
    return digits


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=20))
def test_digits_and_spans_of_any_integer(values):
    array = np.array(values, np.int64)
    assert csd_digits(array).tolist() == [csd_by_hand(v) for v in values]
    assert bit_length(array).tolist() == [abs(v).bit_length() for v in values]
    spans = [(abs(v) // (v & -v)).bit_length() if v else 0 for v in values]
    assert span_bits(array).tolist() == spans


def test_a_dense_layer_by_hand():
    assert cost.parameters(DENSE).value == 9 and cost.nonzeros(DENSE).value == 3 and cost.sparsity(DENSE).value == 0.5
    assert cost.mean_weight_bits(DENSE).value == 4 and cost.macs(DENSE).value == 6 and cost.flops(DENSE).value == 12
    assert cost.ebops(DENSE).value == (3 + 1 + 3) * 3  # 5 = 101b, 2 = 10b, 7 = 111b
    assert cost.bops(DENSE).value == round(3 * 2 * (0.5 * 3 * 4 + 3 + 4 + math.log2(2)))
    # dense 24 bits; bitmap 6 + 12 = 18; gaps 3 x (4 + 1) = 15 bits -> 2 bytes, and 15 bits of bias -> 2 bytes
    assert packing.pack(DENSE.weighted[0].kernel.values, 4) == (15, "gaps")
    assert cost.model_bytes(DENSE).value == 4 and "fc: gaps" in cost.model_bytes(DENSE).provenance
    assert cost.dense_bytes(DENSE).value == 3 + 2


def test_a_convolution_counts_its_positions():
    row = cost.layer_costs(CONV)[0]
    assert (row.positions, row.n_in, row.n_out, row.macs) == (16, 4, 2, 128)
    assert cost.ebops(CONV).value == (1 + 2 + 2) * 8 * 16
    assert cost.bops(CONV).value == round(128 * (3 / 8 * 32 + 8 + 4 + 2))


def test_mean_bits_are_weighted():
    x = FixedType(4, 0, False)
    network = IntegerNetwork(
        "two",
        (
            Node("x", "input", (), x, (2,)),
            Node("a", "dense", ("x",), FixedType(12, 4), (3,), Tensor(np.array([[1, 0, 0], [0, 0, 0]]), FixedType(2, 1))),
            Node("q", "quantize", ("a",), x, (3,)),
            Node("b", "dense", ("q",), FixedType(12, 4), (2,), Tensor(np.full((3, 2), 9), FixedType(8, 1))),
        ),
    )
    assert cost.mean_weight_bits(network).value == 5 and cost.mean_weight_bits(network, per_nonzero=True).value == pytest.approx(
        (2 + 6 * 8) / 7
    )


def test_runs_of_zeros_longer_than_the_gap_need_fillers():
    kernel = np.zeros(40, np.int64)
    kernel[[0, 39]] = 1
    assert packing.gap_bits(kernel, 2) == min((2 + 38 // 2**g) * (2 + g) for g in range(1, 17))
    assert packing.pack(np.ones((4, 4), np.int64), 3) == (48, "dense")
    assert packing.pack(np.zeros((4, 4), np.int64), 3) == (0, "gaps")


def test_inputs_and_outputs_without_weights_take_a_bit_each():
    kernel = np.zeros((200, 60), np.int64)
    live = np.random.default_rng(0).integers(0, 3, (20, 10)) * (np.random.default_rng(1).random((20, 10)) < 0.3)
    kernel[40:60, 25:35] = live
    rows, columns = live.any(axis=1).sum(), live.any(axis=0).sum()
    bits, name = packing.pack(kernel, 4)
    assert name == "live gaps" and bits == 260 + packing.gap_bits(live[live.any(axis=1)][:, live.any(axis=0)], 4) < packing.gap_bits(
        kernel, 4
    )
    assert rows < 20 or columns < 10


@given(st.integers(0, 10**6), st.booleans())
def test_scales_of_outputs_are_stored_as_shifts(seed, signed):
    rng = np.random.default_rng(seed)
    own = rng.integers(-8 * signed, 8, (6, 5)) * (rng.random((6, 5)) < 0.7)
    kernel = own << rng.integers(0, 5, 5)
    small, shifts, width = packing.channel_shifts(kernel, signed)
    assert np.array_equal(small << shifts, kernel) and width <= 3 + signed
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1)) if signed else (0, 2**width)
    assert small.min() >= low and small.max() < high


def test_shifts_are_taken_where_they_are_smaller():
    kernel = np.array([[1, 16], [-7, 112], [3, -48]] * 20)
    bits, name = packing.pack(kernel, 8)
    assert name == "dense, shifts" and bits == 120 * 4 + 2 * 3  # 4 bits a weight, and for each output a shift from 0 to 4
    assert packing.pack(np.array([[1, 2], [-7, 5]] * 20), 4)[1] == "dense"


@given(st.lists(st.sampled_from([0, 0, 0, 1, -3]), min_size=1, max_size=60), st.integers(2, 8))
def test_the_gap_packing_can_be_unpacked(values, width):
    """Write the entries of the best gap width and read them back: as many bits as counted."""
    best = packing.gap_bits(np.array(values), width)
    sizes = []
    for g in range(1, 17):
        entries, run = [], 0
        for value in values:
            if value == 0:
                run += 1
                continue
            while run >= 2**g:
                entries.append((2**g - 1, 0))
                run -= 2**g
            entries.append((run, value))
            run = 0
        read: list[int] = []
        for skip, value in entries:
            read += [0] * skip + [value]
        assert read + [0] * (len(values) - len(read)) == values
        sizes.append(len(entries) * (width + g))
    assert best == min(sizes)


def test_every_figure_says_where_it_comes_from():
    told = cost.summary(DENSE)
    figures = [f for f in told.values() if isinstance(f, Figure)]
    assert len(figures) == 11 and all(f.stage == "counted" and f.provenance.startswith("counted from the integer weights") for f in figures)
    assert told["layers"][0]["sparsity"] == 0.5 and told["layers"][0]["packing"] == "gaps"


def test_a_float_model_has_32_bits_and_no_effective_bit_operations():
    told = cost.cost_of_float(parameters=1000, macs=900)
    assert told["model_bytes"].value == 4000 and told["mean_weight_bits"].value == 32 and told["flops"].value == 1800
    assert not told["ebops"].available and told["bops"].value == 900 * (32 * 32 + 64)


def test_a_depthwise_output_adds_the_products_of_one_channel():
    kernel = Tensor(np.ones((3, 3, 4, 2), np.int64), W4)
    depthwise = Node("dw", "depthwise2d", ("x",), FixedType(16, 8), (2, 2, 8), kernel)
    network = IntegerNetwork("dw", (Node("x", "input", (), FixedType(8, 0, False), (4, 4, 4)), depthwise))
    found = cost.layer_cost(network, depthwise)
    assert (found.n_in, found.n_out, found.macs) == (9, 8, 9 * 8 * 4)
    assert found.bops == found.macs * (8 * 4 + 8 + 4 + math.log2(9))
