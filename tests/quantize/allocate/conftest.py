"""A small dense network and a convolutional one, each with its tensors at a few widths."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.integer.types import FixedType
from fpgacompress.keras_stack import seed_everything
from fpgacompress.quantize.sensitivity import Candidates
from fpgacompress.train.loop import shaped


@pytest.fixture(scope="session")
def dense():
    """(candidates, float model, samples, input type) of a 10-12-8-3 MLP."""
    seed_everything(2)
    kind = FixedType(10, 2, True, "RND_CONV", "SAT")
    x = kind.to_float(kind.quantize(np.random.default_rng(2).normal(0, 0.6, (300, 10)))).astype(np.float32)
    model = zoo.build("mlp", (10,), 3, {"hidden": [12, 8]})
    return Candidates(model, x, kind, bits=(8, 5, 3, 2)), model, x, kind


@pytest.fixture(scope="session")
def convolutional():
    """The same of a small CNN on 12 x 12 pixels."""
    seed_everything(2)
    kind = FixedType(8, 0, False, "RND_CONV", "SAT")
    model = zoo.build("cnn", (12, 12), 4, {"filters": [3, 4], "hidden": [6]})
    x = shaped(model, np.random.default_rng(2).integers(0, 256, (64, 12, 12)) / 256)
    return Candidates(model, x, kind, bits=(6, 3)), model, x, kind
