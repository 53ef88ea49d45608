"""One binary point per channel, ternary and binary weights: C simulation = emulation, every bit."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType
from fpgacompress.lower import lower
from fpgacompress.quantize.build import build_student
from fpgacompress.recipe import QuantizeSection

from .exact import assert_exact

pytestmark = [pytest.mark.slow, pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")]
MODELS = {"dense": ("mlp", (12,), {"hidden": [10]}), "conv": ("cnn", (8, 8), {"filters": [3], "hidden": [6]})}


def spread(model: object) -> None:
    """Channels of very different size, so that each needs its own binary point."""
    for layer in model.layers:
        if layer.get_weights():
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 2.0 ** -(np.arange(kernel.shape[-1]) ** 0.5), bias])


@pytest.mark.parametrize("preset", ["int4", "ternary", "binary"])
@pytest.mark.parametrize("name", MODELS)
def test_channel_scales_are_exact_in_c_simulation(name, preset, tmp_path):
    kind, shape, options = MODELS[name]
    model = zoo.build(kind, shape, 4, options)
    spread(model)
    x = np.random.default_rng(0).uniform(0, 1, (64, *model.input_shape[1:])).astype(np.float32)
    student = build_student(model, QuantizeSection(preset=preset, scales="channel"), x).model
    assert len(set(student.layers[-1].kernel_quantizer_internal.integer)) > 1
    assert_exact(lower(student, FixedType(6, 0, False)), tmp_path, "io_parallel")
