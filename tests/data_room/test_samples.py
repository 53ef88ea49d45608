"""Samples for audit and verify: which arrays of a file are taken, which split of a data set, and what is done to them."""

from pathlib import Path

import numpy as np
import pytest

from fpgacompress.data import Preprocessing, load
from fpgacompress.data.samples import read_samples
from fpgacompress.errors import DataError
from fpgacompress.integer import FixedType

DEMO_DATA = Path(__file__).resolve().parents[2] / "demos" / "data"


def read(data, shape=(4,), split="validation", **more):
    return read_samples(data, shape, split=split, **more)


def test_a_test_split_is_taken_only_when_asked_for(tmp_path):
    x = np.arange(8.0).reshape(2, 4)
    np.savez(tmp_path / "a.npz", x_test=x + 1, x_train=x, y_train=[2, 0])
    np.save(tmp_path / "b.npy", x)
    np.savez(tmp_path / "c.npz", x_test=x)
    found = read(str(tmp_path / "a.npz"))
    assert np.array_equal(found.x, x) and found.y.tolist() == [2, 0] and found.type is None
    assert np.array_equal(read(tmp_path / "a.npz", split="test").x, x + 1)
    assert np.array_equal(read(tmp_path / "b.npy").x, x)
    with pytest.raises(DataError, match="test split"):
        read(tmp_path / "c.npz")


def test_tables_with_and_without_labels(tmp_path):
    (tmp_path / "plain.csv").write_text("1,2,3,4\n5,6,7,8\n")
    (tmp_path / "labelled.csv").write_text("a,b,c,d,class\n1,2,3,4,yes\n5,6,7,8,no\n")
    (tmp_path / "text.csv").write_text("a,b,c,class\n1,2,3,yes\n5,6,7,no\n")
    assert read(tmp_path / "plain.csv").x.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    found = read(tmp_path / "labelled.csv")
    assert found.x.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and found.y.tolist() == [1, 0]
    with pytest.raises(DataError, match="one of them text"):
        read(tmp_path / "text.csv")


def test_bytes_are_pixels_only_when_asked_for():
    x = np.arange(8, dtype=np.uint8).reshape(2, 4)
    assert np.array_equal(read(x).x, x) and "as they are" in read(x).origin
    found = read((x, [1, 0]), bytes_as_pixels=True)
    assert np.array_equal(found.x, x / 256) and found.y.tolist() == [1, 0] and "divided by 256" in found.origin


def test_named_data_come_with_the_models_preprocessing_where_it_has_one():
    dataset = load("gamma_neutron", data_dir=DEMO_DATA)
    own = read("gamma_neutron", (161,), data_dir=DEMO_DATA)
    assert np.array_equal(own.x, dataset.preprocessing.apply(dataset.validation.x)) and own.type == dataset.preprocessing.input_type
    other = Preprocessing(1.0, 0.0, (0.0, 1023.0), FixedType(10, 10, False, "RND_CONV", "SAT"))
    assert np.array_equal(read("gamma_neutron", (161,), preprocessing=other, data_dir=DEMO_DATA).x, dataset.validation.x)
    test = read("gamma_neutron", (161,), split="test", data_dir=DEMO_DATA)
    assert np.array_equal(test.x, dataset.preprocessing.apply(dataset.read_test("a test of its own").x))
