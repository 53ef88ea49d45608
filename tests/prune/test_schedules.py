"""When masks change, and how many weights each layer keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import ModelError
from fpgacompress.prune.schedules import Schedule, schedule_of
from fpgacompress.prune.sensed import allotted
from fpgacompress.prune.targets import erk, kept, targets
from fpgacompress.recipe import PruneSection

SHAPES = {"hidden1": (784, 64), "hidden2": (64, 32), "conv": (3, 3, 4, 8), "logits": (32, 10)}
SCHEDULES = ["polynomial", "linear", "constant", "one-shot", "steps", "cyclic"]


@given(st.sampled_from(SCHEDULES), st.integers(1, 2000), st.floats(0, 0.9), st.floats(0.01, 1), st.integers(1, 100), st.integers(1, 6))
def test_every_schedule_ends_in_the_training_with_everything_pruned(name, steps, begin, length, frequency, rounds):
    section = PruneSection(schedule=name, begin=begin, end=min(begin + length, 1.0), frequency=frequency, rounds=rounds)
    schedule = schedule_of(section, steps)
    assert list(schedule.updates) == sorted(set(schedule.updates)) and 0 <= schedule.updates[0] <= schedule.updates[-1] < steps
    assert schedule.left[-1] == 0 and schedule.sparsity(0.9, schedule.updates[-1]) == np.float32(0.9)
    values = [schedule.sparsity(0.9, u) for u in schedule.updates]
    assert all(0 <= v <= np.float32(0.9) for v in values)
    if name != "cyclic":
        assert values == sorted(values)


def test_shapes_of_schedules():
    def sparsities(**more):
        schedule = schedule_of(PruneSection(begin=0.0, end=0.8, frequency=10, **more), 100)
        return {u: round(schedule.sparsity(0.8, u), 3) for u in schedule.updates}

    places = {u: max(u - 1, 0) for u in range(0, 81, 10)}  # counted from 1, as tfmot does
    assert sparsities() == {n: round(0.8 * (1 - (1 - u / 80) ** 3), 3) for u, n in places.items()}
    assert sparsities(schedule="linear") == {n: round(0.01 * u, 3) for u, n in places.items()}
    assert sparsities(schedule="one-shot") == {0: 0.8}
    assert sparsities(schedule="constant") == dict.fromkeys(places.values(), 0.8)
    assert sparsities(schedule="steps", rounds=3) == {0: 0.267, 39: 0.533, 79: 0.8}
    rises = list(sparsities(schedule="cyclic", rounds=3).values())
    assert rises == [0.0, 0.7, 0.8] * 3
    assert Schedule((3, 25, 29, 50), (0.9, 0.5, 0.2, 0.0)).aligned(10) == Schedule((0, 20, 50), (0.9, 0.2, 0.0))


@given(st.floats(0.05, 0.99), st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1, max_size=4))
def test_erk_keeps_as_many_weights_altogether(sparsity, shapes):
    shapes = {str(i): shape for i, shape in enumerate(shapes)}
    found, sizes = erk(shapes, sparsity), {n: a * b for n, (a, b) in shapes.items()}
    assert sum(found[n] * sizes[n] for n in shapes) == pytest.approx(sparsity * sum(sizes.values()), rel=1e-6)
    assert all(-1e-9 <= v < 1 for v in found.values())
    open_ones = [n for n in shapes if found[n] > 1e-9]
    factors = [(1 - found[n]) * sizes[n] / sum(shapes[n]) for n in open_ones]
    assert np.allclose(factors, factors[:1])


@given(st.floats(0.01, 0.97), st.integers(0, 10**6))
def test_zeros_go_where_they_cost_least(sparsity, seed):
    rng = np.random.default_rng(seed)
    sizes = {"a": 1000, "b": 300, "c": 40}
    rises = {n: np.maximum.accumulate(rng.exponential(1, 15)) * (0 if n == "a" and seed % 2 else 1) for n in sizes}
    total = sum(sizes.values())
    found = allotted(rises, sizes, sparsity * total)
    assert sum(found[n] * sizes[n] for n in sizes) == pytest.approx(sparsity * total, rel=1e-6)
    assert all(0 <= v < 1 for v in found.values())
    if seed % 2 and sparsity < 0.7:
        assert found["b"] == found["c"] == 0.0, "the layer that costs nothing loses all of them"


def test_targets_of_layers():
    section = PruneSection(sparsity=0.9, layers={"logits": 0.0, "hidden*": 0.5})
    assert targets(section, SHAPES) == {"hidden1": 0.5, "hidden2": 0.5, "conv": 0.9}
    shares = targets(PruneSection(sparsity=0.9, allocation="erk", layers={"logits": 0.5}), SHAPES)
    assert shares["logits"] == 0.5 and shares["hidden1"] > 0.9 > shares["hidden2"]
    for section, message in (
        (PruneSection(sparsity=0.98, layers={"logits": 0.999}), "0.999 of the 320 weights of 'logits' leaves none.*at most 0.9969"),
        (PruneSection(allocation="global", layers={"conv": 0.5}), "0.5 for 'conv', and allocation global"),
        (PruneSection(layers={"hiden1": 0.5}), "no layer matches 'hiden1'"),
    ):
        with pytest.raises(ModelError, match=message):
            targets(section, SHAPES)
    assert kept(10, 0.98) == 1 and kept(1000, 0.98) == 20
