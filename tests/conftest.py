"""Fixtures on small real data; TensorFlow is imported only by tests that train."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# no deadlines: shared machines are slow now and then. Continuous integration tries the same examples every time;
# 'pytest --hypothesis-profile=many' looks further.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("many", deadline=None, max_examples=2000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def _seed() -> None:
    """Initial weights without a seed of their own are the same in each whole run, whichever tests ran before."""
    random.seed(1)
    np.random.seed(1)
    if "tf_keras" in sys.modules:
        sys.modules["tf_keras"].utils.set_random_seed(1)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup():
    _seed()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call():
    _seed()


ROOT = Path(__file__).resolve().parent.parent
DEMO_DATA = ROOT / "demos" / "data"


@pytest.fixture(scope="session")
def fashion():
    """4,000 training, 1,000 validation and 1,000 test images of the real Fashion-MNIST."""
    from fpgacompress.data import load

    return load("fashion_mnist", validation=6000, seed=3, data_dir=DEMO_DATA, options={"limit": 4000})


@pytest.fixture(scope="session")
def images(fashion):
    """(x, y, x_val, y_val) preprocessed: float32 ``(n, 28, 28)`` and int labels."""
    apply = fashion.preprocessing.apply
    x, x_val = apply(fashion.train.x), apply(fashion.validation.x)
    return x, fashion.train.y.astype(np.int32), x_val[:2000], fashion.validation.y[:2000]


@pytest.fixture(scope="session")
def trained_mlp(images):
    """A float MLP 784-32-16-10 after a few epochs, and its training data object."""
    from fpgacompress import zoo
    from fpgacompress.keras_stack import seed_everything
    from fpgacompress.train import TrainConfig, TrainingData, fit

    seed_everything(5)
    model = zoo.build("mlp", (28, 28), 10, {"hidden": [32, 16]})
    data = TrainingData(*images)
    fit(model, data, TrainConfig(6, learning_rate=3e-3, batch_size=64, seed=5))
    return model, data
