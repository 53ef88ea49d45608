"""Zeros are counted in the quantized weights, at the end and all along."""

import numpy as np
import pytest

from fpgacompress.errors import FpgaCompressError, ModelError
from fpgacompress.prune import prune
from fpgacompress.prune.masks import Masks, strip
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, fit
from fpgacompress.train.loop import shaped, steps_of


@pytest.fixture(scope="module")
def pruned(trained_mlp):
    model, data = trained_mlp
    student = quantized_student(model, QuantizeSection(), shaped(model, data.x[:512]))
    config = TrainConfig(4, batch_size=64, learning_rate=2e-3, select_from=0.5)
    section = PruneSection(sparsity=0.8, layers={"logits": 0.5}, end=0.5, frequency=20)
    wrapped = prune(student, section, steps_of(len(data.x), config))
    seen = []
    history = fit(
        wrapped, data, config, progress=lambda e, n, row, left: seen.append([w.pruning_vars[0][0].numpy() for w in Masks(wrapped).wrappers])
    )
    return strip(wrapped), history, seen, wrapped


@pytest.mark.parametrize(("layer", "wanted"), [("hidden1", 0.8), ("hidden2", 0.8), ("logits", 0.5)])
def test_quantized_weights_reach_the_sparsity(pruned, layer, wanted):
    kernel = quantized_kernel(pruned[0].get_layer(layer))
    assert np.mean(kernel == 0) >= wanted - 1 / kernel.size


def test_sparsity_grows_and_arrives_at_the_end_of_the_schedule(pruned):
    row = [r["sparsity"] for r in pruned[1]]
    assert row == sorted(row) and row[1] == pytest.approx(row[-1]) and row[-1] > 0.78


def test_pruned_weights_are_exactly_zero_after_every_epoch(pruned):
    final = [w.pruning_vars[0][1].numpy() for w in Masks(pruned[3]).wrappers]
    for kernels in pruned[2][1:]:  # from the end of the schedule on
        for kernel, mask in zip(kernels, final):
            assert not np.any(kernel[mask == 0])


def test_stripping_changes_nothing(pruned, images):
    from fpgacompress.train import logits_of

    x_val = images[2][:300]
    assert np.array_equal(logits_of(pruned[0], x_val), logits_of(pruned[3], x_val))


def test_impossible_requests(trained_mlp):
    model, _ = trained_mlp
    with pytest.raises(ModelError, match=r"leaves none"):
        prune(model, PruneSection(sparsity=0.999), 100)
    with pytest.raises(ModelError, match="no layer matches 'hiden1'"):
        prune(model, PruneSection(layers={"hiden1": 0.5}), 100)
    with pytest.raises(FpgaCompressError, match="did you mean 'magnitude'"):
        prune(model, PruneSection(method="magnitud"), 100)
