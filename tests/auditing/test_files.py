"""What lies in and beside a model file: the loss without compiling, preprocessing, configuration; data files."""

import json

import numpy as np
import pytest

from fpgacompress import keras_stack
from fpgacompress.auditing import audit
from fpgacompress.auditing.files import open_model, read_hls_config
from fpgacompress.data import Preprocessing
from fpgacompress.errors import DataError, ModelError
from fpgacompress.integer import FixedType

stack = keras_stack.load()
keras, qkeras = stack.keras, stack.qkeras


def tiny(loss=None):
    q = "quantized_bits(8,0,alpha=1)"
    net = keras.Sequential([keras.Input((4,)), qkeras.QDense(3, name="fc", kernel_quantizer=q, bias_quantizer=q)])
    if loss is not None:
        net.compile("sgd", loss)
    return net


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved"])
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), ("SparseCategoricalCrossentropy", True)),
        ("categorical_crossentropy", ("categorical_crossentropy", False)),
    ],
)
def test_the_stored_loss_is_read_without_compiling(tmp_path, name, loss, expected):
    net = tiny(loss)
    path = tmp_path / name
    net.save(str(path), **({"save_format": "tf"} if name == "saved" else {}))
    found = open_model(path)
    assert (found.loss.name, found.loss.from_logits) == expected
    assert np.array_equal(found.model.get_layer("fc").kernel, net.get_layer("fc").kernel)


def test_a_file_without_training_configuration_has_no_loss(tmp_path):
    found = open_model(keras_stack.save_model(tiny(), tmp_path / "m.h5"))
    assert found.loss is None and "no training configuration" in found.notes[-1]


def test_the_preprocessing_beside_the_model_gives_the_input_type(tmp_path):
    path = keras_stack.save_model(tiny(), tmp_path / "student.h5")
    Preprocessing(0.5, 0.0, (0.0, 1.0), FixedType(6, 0, False, "RND_CONV", "SAT")).save(tmp_path)
    for given in (path, tmp_path):
        assert audit(given).input_type == "ufixed<6,0,RND_CONV,SAT>"


@pytest.mark.parametrize("broken", ["missing.h5", "empty_folder", "broken.h5"])
def test_what_is_no_model_is_refused(tmp_path, broken):
    (tmp_path / "empty_folder").mkdir()
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    with pytest.raises(ModelError):
        open_model(tmp_path / broken)
    with pytest.raises(ModelError, match="Keras model"):
        open_model(3)


def test_hls_configurations_in_both_formats_with_and_without_the_project_around(tmp_path):
    inner = {"Model": {"Precision": "fixed<16,6>"}, "LayerName": {"fc": {"Precision": {"weight": "fixed<8,1>"}}}}
    (tmp_path / "a.json").write_text(json.dumps(inner))
    (tmp_path / "b.yml").write_text(
        "KerasModel: !keras_model firmware.h5\nHLSConfig:\n  Model: {Precision: 'fixed<16,6>'}\n"
        "  LayerName:\n    fc:\n      Precision: {weight: 'fixed<8,1>'}\n"
    )
    assert read_hls_config(tmp_path / "a.json") == read_hls_config(tmp_path / "b.yml") == read_hls_config({"HLSConfig": inner}) == inner
    (tmp_path / "c.yml").write_text("a: [1,")
    for name in ("c.yml", "none.yml"):
        with pytest.raises(DataError, match=name):
            read_hls_config(tmp_path / name)
