"""Formats: idx, the official forms of the tables, Keras' MNIST."""

import gzip
import struct

import numpy as np
import pytest

from fpgacompress.data import load
from fpgacompress.data.files import DataFile
from fpgacompress.data.formats import arff, idx
from fpgacompress.errors import DataError


def test_idx_reader_finds_damage():
    good = bytes([0, 0, 8, 2]) + struct.pack(">II", 2, 3) + bytes(range(6))
    assert idx(good, "f").tolist() == [[0, 1, 2], [3, 4, 5]] == idx(gzip.compress(good), "f").tolist()
    for bad, said in (
        (gzip.compress(good)[:-9], "truncated or damaged gzip"),
        (gzip.compress(good)[:15] + b"\xff\xff" + gzip.compress(good)[17:], "truncated or damaged gzip"),
        (good[:-1], "holds 5 bytes for shape"),
        (b"\0\0\x0d\x01" + good[4:], "not an idx file"),
        (b"\0\0\x08", "not an idx file"),
    ):
        with pytest.raises(DataError, match=said):
            idx(bad, "f")


def _arff(rows, features, classes):
    head = ["@relation r", *(f"@ATTRIBUTE {name} REAL" for name in features), f"@attribute class {{{','.join(classes)}}}", "", "@DATA"]
    return "\n".join([*head, "% a comment", *rows, ""]).encode()


@pytest.fixture
def official(empty_machine):
    """Small files in the official forms of drybean (ARFF), magic (data) and jets (ARFF)."""
    from fpgacompress.data.sources import drybean, jets

    rng = np.random.default_rng(0)

    def rows(classes, width, count, quote=""):
        return [",".join([*(f"{v:.4f}" for v in rng.normal(size=width)), quote + classes[i % len(classes)] + quote]) for i in range(count)]

    beans = rows(drybean.CLASSES, 16, 700)
    beans[5] = beans[12] = beans[19]
    (empty_machine / "Dry_Bean_Dataset.arff").write_bytes(_arff(beans, [f"f{i}" for i in range(16)], drybean.CLASSES))
    (empty_machine / "hls4ml_lhc_jets_hlf.arff").write_bytes(
        _arff(rows(jets.CLASSES, 16, 501, "'"), ["'a b'", *(f"f{i}" for i in range(15))], jets.CLASSES)
    )
    (empty_machine / "magic04.data").write_text("\n".join(rows(("g", "h"), 10, 200)))
    return empty_machine


def test_official_table_forms(official, monkeypatch):
    from fpgacompress.data.sources import magic

    beans = load("drybean", seed=3)
    assert len(beans.train) + len(beans.validation) == 560 and beans.read_test("count").counts(7) == [20] * 7
    parts = [{tuple(r) for r in s.x.tolist()} for s in (beans.train, beans.validation, beans.read_test("rows"))]
    assert sum(map(len, parts)) == len(set.union(*parts))  # equal rows are on one side
    assert load("drybean").read_test("same").x.tolist() == beans.read_test("same").x.tolist()
    with pytest.raises(DataError, match="wrong checksum"):
        load("magic")
    monkeypatch.setattr(DataFile, "check", lambda *args: None)
    showers = load("magic")
    assert showers.classes == ("gamma", "hadron") and showers.read_test("count").counts(2) == [20, 20]
    assert magic.CLASSES == showers.classes


def test_jets_use_the_tutorial_test_split(official):
    dataset = load("jets")
    test = dataset.read_test("count")
    assert len(test) == 101 and len(dataset.train) + len(dataset.validation) == 400 and dataset.classes == ("g", "q", "t", "w", "z")
    sklearn = pytest.importorskip("sklearn.model_selection")
    expected = sklearn.train_test_split(np.arange(501), test_size=0.2, random_state=42)[1]
    assert np.array_equal(np.sort(expected) % 5, test.y)


def test_arff_damage():
    for content, said in (
        (b"hello", "not an ARFF"),
        (_arff(["1,2,a"], ["u"], ["a"])[:-8], "not an ARFF"),
        (_arff(["x,a"], ["u"], ["a"]), "could not convert"),
    ):
        with pytest.raises(DataError, match=said):
            arff(content, "f")


def test_keras_mnist(empty_machine, monkeypatch):
    monkeypatch.setattr(DataFile, "check", lambda *args: None)
    y = np.arange(200) % 10
    np.savez(
        empty_machine / "mnist.npz",
        x_train=np.zeros((200, 28, 28), np.uint8),
        y_train=y.astype(np.uint8),
        x_test=np.zeros((20, 28, 28), np.uint8),
        y_test=y[:20],
    )
    dataset = load("mnist")
    assert len(dataset.train) == 180 and len(dataset.read_test("count")) == 20
