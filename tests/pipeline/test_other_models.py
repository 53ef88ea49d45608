"""Convolutional students through io_stream, to the last bit."""

import pytest

from fpgacompress.pipeline import compress

JOBS = {
    "ecg": {
        "data": {"source": "ecg", "limit": 1500},
        "teacher": {"model": "cnn1d", "options": {"filters": [8, 16]}, "epochs": 2},
        "student": {"model": "cnn1d", "options": {"filters": [4, 8], "hidden": [8]}},
    },
    "residual": {
        "data": {"source": "breastmnist"},
        "teacher": {"model": "cnn", "options": {"filters": [8]}, "epochs": 2},
        "student": {"model": "resnet8", "options": {"filters": [2, 2, 4]}},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_every_bit_of_every_test_sample(name, tmp_path):
    recipe = {
        "name": name,
        "prune": {"sparsity": 0.4, "frequency": 2},
        "train": {"pretrain_epochs": 2, "epochs": 3, "batch_size": 32, "class_weights": "balanced", "monitor": "macro_f1"},
        "firmware": {"io": "io_stream"},
        "compare": [],
        **JOBS[name],
    }
    run = compress(recipe, run_dir=tmp_path / "r", projects=tmp_path / "p", message=lambda line: None)
    verify = run.figures["verify"]
    assert verify["differing_bits"] == 0 and "hls" in verify["executors"] and verify["samples"] == run.figures["data"]["test"]
    assert run.problems == [] and run.figures["estimate"]["fits"] is None  # no estimate of convolutions: said, not guessed
    assert any("cannot be judged" in text for text in run.figures["warnings"])
