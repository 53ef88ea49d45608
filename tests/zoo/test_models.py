"""Models by name and from files; every one ends in logits."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, save_model
from fpgacompress.train import logits_of
from fpgacompress.zoo.files import from_file


@pytest.mark.parametrize(
    ("name", "shape"), [("mlp", (28, 28)), ("cnn", (28, 28)), ("resnet8", (28, 28)), ("cnn1d", (128,)), ("cnn1d", (161,))]
)
def test_ends_in_logits(name, shape):
    model = zoo.build(name, shape, 5)
    out = logits_of(model, np.random.default_rng(0).uniform(size=(6, *shape)).astype(np.float32))
    assert out.shape == (6, 5) and getattr(model.layers[-1].activation, "__name__", "linear") == "linear"


def test_wrong_option_and_wrong_shape():
    with pytest.raises(ModelError, match="did you mean 'hidden'"):
        zoo.build("mlp", (4,), 2, {"hiden": [3]})
    with pytest.raises(ModelError, match=r"'hidden' of model 'mlp' is \[8, 0\].*at least 1"):
        zoo.build("mlp", (4,), 2, {"hidden": [8, 0]})
    with pytest.raises(ModelError, match="'dropout'.*below 1"):
        zoo.build("mlp", (4,), 2, {"dropout": 1.0})
    with pytest.raises(ModelError, match="cannot be built for input"):
        zoo.build("cnn", (4,), 2)


@pytest.mark.parametrize("inside", [True, False])
def test_a_final_softmax_is_removed(tmp_path, inside):
    keras = load().keras
    layers = [keras.layers.Dense(3, activation="softmax" if inside else None)] + ([] if inside else [keras.layers.Softmax()])
    model = keras.Sequential([keras.Input((4,)), *layers])
    logits, notes = from_file(save_model(model, tmp_path / "t.h5"), (2, 2), 3)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    raw = logits_of(logits, x)
    assert "softmax" in notes[0].lower()
    assert np.allclose(np.exp(raw) / np.exp(raw).sum(1, keepdims=True), model(x).numpy(), atol=1e-6)
    assert not np.allclose(raw.sum(1), 1)


def test_files_that_do_not_fit(tmp_path):
    keras = load().keras
    path = save_model(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), tmp_path / "t.h5")
    with pytest.raises(ModelError, match="3 outputs"):
        from_file(path, (4,), 10)
    with pytest.raises(ModelError, match="5 values"):
        from_file(path, (5,), 3)
    with pytest.raises(ModelError, match="no model file"):
        from_file(tmp_path / "none.h5", (4,), 3)
    (tmp_path / "broken.h5").write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="could not be read as a Keras model"):
        from_file(tmp_path / "broken.h5", (4,), 3)
