"""Models by name and from files; every one ends in logits."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, save_model
from fpgacompress.train import logits_of
from fpgacompress.zoo.files import from_file


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", (28, 28)),
        ("cnn", (28, 28)),
        ("resnet8", (28, 28)),
        ("resnet", (12, 10, 3)),
        ("mobilenet", (28, 28)),
        ("mobilenet", (9, 12, 3)),
        ("cnn1d", (128,)),
        ("cnn1d", (161,)),
    ],
)
def test_ends_in_logits(name, shape):
    model = zoo.build(name, shape, 5)
    out = logits_of(model, np.random.default_rng(0).uniform(size=(6, *shape)).astype(np.float32))
    assert out.shape == (6, 5) and getattr(model.layers[-1].activation, "__name__", "linear") == "linear"


def names(model):
    return [layer.name for layer in model.layers if layer.weights and not layer.name.startswith("bn")]


def test_resnet8_is_a_resnet_of_one_block_a_stage_and_keeps_its_names_and_weights():
    small = zoo.build("resnet8", (28, 28), 10)
    assert names(small) == "conv0 conv1a conv1b conv2a conv2b conv2s conv3a conv3b conv3s logits".split()
    same = zoo.build("resnet", (28, 28), 10, {"filters": [8, 16, 32], "blocks": 1})
    assert [(w.name, w.shape) for w in same.weights] == [(w.name, w.shape) for w in small.weights] and small.name == "resnet8"


def test_resnet_has_blocks_in_stages():
    model = zoo.build("resnet", (28, 28), 10, {"dropout": 0.3})
    assert len([name for name in names(model) if not name.endswith("s") or name == "logits"]) == 20  # ResNet-20
    assert [model.get_layer(f"add{i}").output_shape[1:] for i in (3, 4, 7, 9)] == [(28, 28, 16), (14, 14, 32), (7, 7, 64), (7, 7, 64)]
    assert model.get_layer("dropout").rate == 0.3 and [name for name in names(model) if name.endswith("s")] == [
        "conv4s",
        "conv7s",
        "logits",
    ]
    uneven = zoo.build("resnet", (28, 28), 10, {"filters": [4, 8], "blocks": [1, 2]})
    assert uneven.get_layer("add3").output_shape[1:] == (14, 14, 8) and "add4" not in names(uneven)
    with pytest.raises(ModelError, match="blocks has 2 numbers for 3 stages"):
        zoo.build("resnet", (28, 28), 10, {"blocks": [1, 2]})


def test_mobilenet_has_linear_bottlenecks():
    model = zoo.build("mobilenet", (28, 28), 10, {"dropout": 0.2})
    assert model.get_layer("expand1").output_shape[1:] == (28, 28, 32) and model.get_layer("depthwise1").output_shape[1:] == (14, 14, 32)
    kinds = {layer.name: type(layer).__name__ for layer in model.layers}
    assert [name for name in kinds if name.startswith("add")] == ["add2", "add4"] and kinds["pool"] == "MaxPooling2D" and "dropout" in kinds
    assert "relu_project1" not in kinds and kinds["bn_project1"] == "BatchNormalization"
    thin = zoo.build("mobilenet", (28, 28), 10, {"first": 4, "filters": [4, 6], "expansion": 1})
    assert names(thin) == ["conv", "depthwise1", "project1", "depthwise2", "project2", "last", "logits"]
    with pytest.raises(ModelError, match="cannot be built for input"):
        zoo.build("mobilenet", (28,), 10)


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
