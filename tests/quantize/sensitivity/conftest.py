"""The trained MLP with each tensor at 8, 4 and 2 bits."""

import pytest

from fpgacompress.quantize.sensitivity import Candidates
from fpgacompress.train.loop import shaped


@pytest.fixture(scope="session")
def candidates(trained_mlp, fashion):
    model, data = trained_mlp
    return Candidates(model, shaped(model, data.x[:256]), fashion.preprocessing.input_type, bits=(4, 8, 2))


@pytest.fixture(scope="session")
def samples(trained_mlp):
    model, data = trained_mlp
    return shaped(model, data.x_val[:600]), data.y_val[:600]
