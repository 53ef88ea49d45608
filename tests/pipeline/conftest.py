"""One small finished job on real images that the tests of this folder share."""

import pytest

from fpgacompress.pipeline import compress

RECIPE = {
    "name": "small",
    "seed": 4,
    "data": {"source": "fashion_mnist", "limit": 3000},
    "teacher": {"model": "cnn", "options": {"filters": [8], "hidden": [32]}, "epochs": 3},
    "student": {"model": "mlp", "options": {"hidden": [24, 16]}},
    "quantize": {"default": {"kernel": 5, "activation": 5}, "layers": {"logits": {"kernel": 6}, "hidden2": {"kernel": 4}}},
    "prune": {"sparsity": 0.6, "frequency": 5, "layers": {"logits": 0.3}},
    "train": {"pretrain_epochs": 3, "epochs": 4, "batch_size": 64},
    "seeds": [5],
}


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    base = tmp_path_factory.mktemp("job")
    return {"run_dir": base / "run", "projects": base / "projects"}


@pytest.fixture(scope="session")
def said():
    return []


@pytest.fixture(scope="session")
def job(places, said):
    return compress(RECIPE, **places, message=said.append)
