"""Energy of an inference, the index of its operations and battery life, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.figures import Figure, unavailable
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.energy import (
    GIVEN_POWER,
    PUBLISHED,
    add_pj,
    battery_life,
    board_power,
    energy,
    energy_index,
    energy_text,
    given_power,
    inference_energy,
    interval_us,
    layer_energy,
    memory_pj,
    multiply_pj,
)
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.facts import LayerFacts, network_facts
from fpgacompress.hardware.system import parse_watts
from fpgacompress.integer.network import IntegerNetwork, Node, Tensor
from fpgacompress.integer.types import FixedType

from .networks import cnn, mlp

PYNQ = load_board("pynq-z2")


def watts(value, low=None, high=None):
    return Figure(value, "W", low, high, provenance="test")


def us(value, low=None, high=None):
    return Figure(value, "us", low, high, provenance="test")


def test_power_of_a_board_is_published_typical_alone_or_unavailable():
    told = board_power(load_board("pynq-z1"))
    assert (told.low, told.high) == (0.86, 9.93) and told.value == pytest.approx(5.395)
    assert told.provenance.startswith(PUBLISHED) and "Digilent" in told.provenance and "measured" not in told.provenance
    alone = board_power(replace(PYNQ, typical_w=2.5, power_source="a data sheet"))
    assert alone.value == 2.5 and alone.low is None
    none = board_power(PYNQ)
    assert not none.available and "TUL PYNQ-Z2" in none.reason
    assert not board_power(replace(PYNQ, idle_w=1.0, power_source="a data sheet")).available


def test_energy_is_power_times_time_and_ends_go_with_ends():
    told = energy(watts(2.0, 1.0, 3.0), us(10.0, 8.0, 12.0))
    assert (told.value, told.low, told.high, told.unit) == (20.0, 8.0, 36.0, "uJ")
    assert energy(watts(2.0), us(10.0)).high == 20.0
    assert energy(watts(2.0), unavailable("why", "us")).reason == "why"
    assert energy(unavailable("no power", "W"), us(1.0)).reason == "no power"
    assert [energy_text(v) for v in (0, 0.25, 20.0, 1500.0, 2.5e6)] == ["0 uJ", "250 nJ", "20 uJ", "1.5 mJ", "2.5 J"]


def test_energy_of_an_estimate_over_latency_or_interval():
    told = estimate(mlp((16, 8, 4), (6, 6), 0.5), board=PYNQ)
    missing = inference_energy(told)
    assert not missing.available and "PYNQ-Z2" in missing.reason
    power = given_power(parse_watts("1.5-2.5"))
    latency = inference_energy(told, power)
    assert latency.value == pytest.approx(2.0 * told.total["latency_us"].value)
    assert latency.high == pytest.approx(2.5 * told.total["latency_us"].high)
    assert latency.provenance == f"{GIVEN_POWER}, over the latency"
    streaming = inference_energy(told, power, back_to_back=True)
    assert interval_us(told).value == pytest.approx(told.total["ii"].value * told.clock_ns / 1000)
    assert streaming.value == pytest.approx(2.0 * told.total["ii"].value * 5 / 1000) and "initiation interval" in streaming.provenance
    assert streaming.value < latency.value


def test_the_table_goes_through_the_published_values():
    assert [add_pj(8), add_pj(32)] == pytest.approx([0.03, 0.1])
    assert [multiply_pj(8, 8), multiply_pj(32, 32)] == pytest.approx([0.2, 3.1])
    assert memory_pj(64) == pytest.approx(10.0)
    assert add_pj(1) > 0 and multiply_pj(1, 1) > 0
    assert multiply_pj(4, 8) == multiply_pj(8, 4) == pytest.approx(0.2 / 2 + 0.0010416667 * (6 - 4), rel=1e-6)


def facts(**changes):
    values = dict(
        name="fc", op="dense", n_in=4, n_out=2, positions=1, x_bits=8, w_bits=8, acc_bits=18, out_bits=8, nonzeros=8, products=0, pairs=0,
        two_digit=0, span=8, ebops=0,
    )  # fmt: skip
    return LayerFacts(**(values | changes))


def test_index_of_a_layer_by_hand():
    told = layer_energy(facts())
    assert told.multiply == pytest.approx(8 * 0.2)
    assert told.add == pytest.approx(6 * (0.03 + 10 * 0.07 / 24))
    assert told.memory == pytest.approx((64 + 32) * 10 / 64)
    square = 2.3 / 768  # from 64 a + 8 b = 0.2 and 1024 a + 32 b = 3.1
    product = square * 256 + (0.2 - 64 * square) / 8 * 16
    wide = 8 * product + 6 * (0.03 + 26 * 0.07 / 24) + 192 * 10 / 64
    assert told.reference == pytest.approx(wide)
    assert told.index == pytest.approx(told.total / wide) and 0 < told.index < 0.5


def test_index_is_one_in_16_bits_and_falls_with_bits_and_zeros():
    assert layer_energy(facts(x_bits=16, w_bits=16, acc_bits=34)).index == 1.0
    by_bits = [layer_energy(facts(w_bits=b)).total for b in (2, 4, 8, 16)]
    assert by_bits == sorted(by_bits) and len(set(by_bits)) == 4
    assert layer_energy(facts(nonzeros=2)).total < layer_energy(facts()).total
    assert layer_energy(facts(positions=9)).multiply == pytest.approx(9 * layer_energy(facts()).multiply)


def test_index_of_networks():
    told = energy_index(network_facts(mlp((16, 8, 4), (6, 6), 0.5)))
    assert [row["name"] for row in told["layers"]] == ["fc1", "fc2"]
    assert sum(row["share"] for row in told["layers"]) == pytest.approx(1.0)
    assert 0 < told["index"].value < 1 and "Horowitz" in told["index"].provenance and told["index"].stage == "counted"
    conv = energy_index(network_facts(cnn()))["layers"][0]
    assert conv["name"] == "conv" and conv["multiply_pj"] > 0
    assert not energy_index({})["index"].available


def test_index_of_a_layer_whose_weights_are_all_zero_is_finite():
    kernel = Tensor(np.zeros((4, 2), np.int64), FixedType(4, 1))
    network = IntegerNetwork(
        "z", (Node("x", "input", (), FixedType(8, 0, False), (4,)), Node("fc", "dense", ("x",), FixedType(9, 2), (2,), kernel))
    )
    assert 0 < energy_index(network_facts(network))["index"].value < 1


def test_battery_life_by_hand():
    # 1000 mAh at 3.6 V are 3.6 Wh; awake 10 % of the time with 2 W, asleep with 0.1 W: 0.29 W
    told = battery_life(1000, 3.6, active=watts(2.0), sleep=watts(0.1), busy_us=us(10_000.0), per_second=10)
    assert told.value == told.low == told.high == pytest.approx(3.6 / 0.29) and told.unit == "hours"
    wide = battery_life(1000, 3.6, active=watts(2.0, 1.0, 3.0), sleep=watts(0.1), busy_us=us(10_000.0, 5_000.0, 20_000.0), per_second=10)
    assert wide.value == pytest.approx(3.6 / 0.29)
    assert wide.low == pytest.approx(3.6 / (0.2 * 3 + 0.8 * 0.1)) and wide.high == pytest.approx(3.6 / (0.05 * 1 + 0.95 * 0.1))


def test_battery_life_at_the_edges():
    idle = battery_life(1000, 3.6, active=watts(2.0), sleep=watts(0.1), busy_us=us(10.0), per_second=0)
    assert idle.value == pytest.approx(36.0)
    always = battery_life(1000, 3.6, active=watts(2.0), sleep=watts(0.1), busy_us=us(100_000.0, 90_000.0, 150_000.0), per_second=10)
    assert always.value == always.low == pytest.approx(1.8), "the upper end is awake all the time, not more"
    nothing = battery_life(1000, 3.6, active=watts(2.0), sleep=watts(0.0), busy_us=us(10.0), per_second=0)
    assert not nothing.available and "nothing draws power" in nothing.reason
    assert battery_life(1000, 3.6, active=unavailable("none", "W"), sleep=watts(0.1), busy_us=us(1.0), per_second=1).reason == "none"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"capacity_mah": 0}, "capacity in mAh: 0"),
        ({"volts": -3.7}, "voltage in V: -3.7"),
        ({"per_second": -1}, "samples per second: -1"),
        ({"per_second": float("nan")}, "samples per second: nan"),
        ({"per_second": 101}, "at most 100 samples per second"),
    ],
)
def test_battery_life_refuses(change, text):
    values = dict(capacity_mah=1000, volts=3.7, active=watts(2.0), sleep=watts(0.1), busy_us=us(10_000.0), per_second=10)
    with pytest.raises(HardwareError, match=text):
        battery_life(**(values | change))
