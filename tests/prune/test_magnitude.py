"""Zeros are counted in the quantized weights, at the end and all along."""

import numpy as np
import pytest

from fpgacompress.errors import FpgaCompressError, ModelError
from fpgacompress.keras_stack import load, load_tfmot, unwrapped
from fpgacompress.prune import Wrapped, prune, strip
from fpgacompress.prune.schedules import bounds
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, fit, logits_of
from fpgacompress.train.loop import shaped, steps_of

SECTION = PruneSection(sparsity=0.8, layers={"logits": 0.5}, end=0.5, frequency=20)
CONFIG = TrainConfig(4, batch_size=64, learning_rate=2e-3, select_from=0.5)


def student_of(trained_mlp):
    model, data = trained_mlp
    return quantized_student(model, QuantizeSection(), shaped(model, data.x[:512]))


@pytest.fixture(scope="module")
def pruned(trained_mlp):
    student, data, seen = student_of(trained_mlp), trained_mlp[1], []
    pruning = prune(student, SECTION, steps_of(len(data.x), CONFIG))

    def look(*_):
        seen.append([kernel.numpy() for kernel, _ in pruning.pairs])

    return student, fit(student, data, CONFIG, pruning=pruning, progress=look), seen, pruning


@pytest.mark.parametrize(("layer", "wanted"), [("hidden1", 0.8), ("hidden2", 0.8), ("logits", 0.5)])
def test_quantized_weights_reach_the_sparsity(pruned, layer, wanted):
    kernel = quantized_kernel(pruned[0].get_layer(layer))
    assert np.mean(kernel == 0) >= wanted - 1 / kernel.size


def test_sparsity_grows_and_arrives_at_the_end_of_the_schedule(pruned):
    row = [r["sparsity"] for r in pruned[1]]
    assert row == sorted(row) and row[1] == pytest.approx(row[-1]) and row[-1] > 0.78


def test_pruned_weights_are_exactly_zero_after_every_epoch(pruned):
    final = list(pruned[3].masks.arrays().values())
    for kernels in pruned[2][1:]:  # from the end of the schedule on
        for kernel, mask in zip(kernels, final):
            assert not np.any(kernel[~mask])


@pytest.mark.parametrize("schedule", ["polynomial", "constant"])
def test_masks_are_those_of_the_wrappers_on_the_same_schedule(trained_mlp, schedule):
    """tensorflow-model-optimization's wrappers and schedules in the same training: every weight is the same afterwards, to the bit."""
    tfmot, data, student = load_tfmot(), trained_mlp[1], student_of(trained_mlp)
    steps = steps_of(len(data.x), CONFIG)
    section = PruneSection(sparsity=0.8, begin=0.1, end=0.5, frequency=10, schedule=schedule)
    begin, end, frequency = bounds(section, steps)
    kinds = {
        "polynomial": lambda: tfmot.schedules.PolynomialDecay(0.0, 0.8, begin, end, power=3, frequency=frequency),
        "constant": lambda: tfmot.schedules.ConstantSparsity(0.8, begin, end, frequency),
    }

    def wrapping(layer):
        copy = type(layer).from_config(layer.get_config())
        return tfmot.prune_low_magnitude(copy, pruning_schedule=kinds[schedule]()) if hasattr(layer, "kernel") else copy

    wrapped = load().keras.models.clone_model(student, clone_function=wrapping)
    for layer in student.layers:
        if layer.weights:
            next(w for w in wrapped.layers if unwrapped(w).name == layer.name).set_weights(layer.get_weights())
    there = fit(wrapped, data, CONFIG)
    pruning = prune(student, section, steps)
    here = fit(student, data, CONFIG, pruning=pruning)
    assert [row["loss"] for row in here] == [row["loss"] for row in there] and here[-1]["sparsity"] > 0.79
    for (kernel, mask), (other, its) in zip(pruning.pairs, Wrapped(wrapped).pairs, strict=True):
        assert np.array_equal(mask, its) and np.array_equal(kernel, other)
    stripped = strip(wrapped)
    assert np.array_equal(logits_of(stripped, data.x_val), logits_of(student, data.x_val))


def test_impossible_requests(trained_mlp):
    model, _ = trained_mlp
    with pytest.raises(ModelError, match=r"leaves none"):
        prune(model, PruneSection(sparsity=0.999), 100)
    with pytest.raises(ModelError, match="no layer matches 'hiden1'"):
        prune(model, PruneSection(layers={"hiden1": 0.5}), 100)
    with pytest.raises(FpgaCompressError, match="did you mean 'magnitude'"):
        prune(model, PruneSection(method="magnitud"), 100)
