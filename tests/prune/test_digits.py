"""Digits go, not weights only: as many as asked for, on the grid, and they do not come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import seed_everything
from fpgacompress.metrics.csd import csd_digits
from fpgacompress.prune import prune
from fpgacompress.prune.methods.digits import mantissas, with_digits
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, fit
from fpgacompress.train.loop import shaped, steps_of


def count(values):
    return int(csd_digits(mantissas(np.asarray(values, np.float64))).sum())


@given(st.lists(st.lists(st.integers(-127, 127), min_size=3, max_size=3), min_size=1, max_size=12), st.integers(-9, 3), st.floats(0, 1))
def test_at_most_so_many_digits_are_left_and_no_value_leaves_the_grid(rows, power, share):
    values = np.array(rows, np.float64) * 2.0**power
    total = int(share * count(values))
    fewer = with_digits(values, total)
    assert count(fewer) <= total and (count(fewer) > total - 4 or total == 0)
    whole = fewer / 2.0**power
    assert np.array_equal(whole, np.round(whole)) and np.all(np.abs(fewer).max(0) <= np.abs(values).max(0))
    assert np.array_equal(with_digits(values, count(values)), values)


def test_the_cheapest_digit_goes_first():
    values = np.array([[7.0, 5.0], [64.0, 1.0], [96.0, 80.0]])  # 8 - 1, 4 + 1, 64, 1, 64 + 32 (or 128 - 32), 64 + 16
    assert np.array_equal(with_digits(values, count(values) - 1), [[8.0, 5.0], [64.0, 1.0], [96.0, 80.0]]) or np.array_equal(
        with_digits(values, count(values) - 1), [[7.0, 4.0], [64.0, 1.0], [96.0, 80.0]]
    )
    weight = np.ones(values.shape)
    weight[0] = 1e6
    assert with_digits(values, count(values) - 1, weight)[1, 1] == 0.0
    assert not np.any(with_digits(values, 0))


@pytest.mark.parametrize("value", ["magnitude", "fisher"])
def test_a_training_ends_with_so_many_digits(trained_mlp, value):
    model, data = trained_mlp
    seed_everything(4)
    student = quantized_student(model, QuantizeSection(preset="int8"), shaped(model, data.x[:256]))
    config = TrainConfig(3, batch_size=64, learning_rate=2e-3, select_from=0.7)
    section = PruneSection(method="digits", sparsity=0.6, end=0.6, frequency=10, options={"value": value})
    pruning, told = prune(student, section, steps_of(len(data.x), config)), []

    def look(*_):
        told.append({layer.name: count(quantized_kernel(layer)) for layer in student.layers if hasattr(layer, "kernel")})

    rows = fit(student, data, config, pruning=pruning, progress=look)
    for name, digits in told[-1].items():
        assert digits <= np.ceil(0.4 * int(pruning.first[name])) and digits == told[-2][name], name
    assert max(r["val_accuracy"] for r in rows[2:]) > 0.7
    assert rows[-1]["sparsity"] < 0.6, "weights of two digits keep one"
    alive = pruning.alive()
    assert all(not np.any(quantized_kernel(student.get_layer(n))[~a]) for n, a in alive.items())


def test_refusals(trained_mlp):
    model, _ = trained_mlp
    with pytest.raises(ModelError, match="value is 'luck'"):
        prune(model, PruneSection(method="digits", options={"value": "luck"}), 10)
    for method in ("digits", "hardware"):
        with pytest.raises(ModelError, match="'hidden1' has no quantizer"):
            prune(model, PruneSection(method=method), 31)
    with pytest.raises(ModelError, match="levels is 0"):
        prune(model, PruneSection(method="clusters", options={"levels": 0}), 10)
