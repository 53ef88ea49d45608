"""One preprocessing for float training and for integers: equal, always."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fpgacompress.data import Preprocessing
from fpgacompress.data.preprocessing import PIXEL_TYPE, pixels, standardised
from fpgacompress.errors import DataError
from fpgacompress.integer.types import FixedType

numbers = st.floats(-1e4, 1e4, allow_nan=False)
types = st.builds(
    lambda width, integer, signed, overflow: FixedType(width, integer, signed, "RND_CONV", overflow),
    st.integers(1, 24),
    st.integers(-4, 12),
    st.booleans(),
    st.sampled_from(["SAT", "SAT_SYM"]),
)


@st.composite
def preprocessings(draw, features=None):
    def one(values=numbers):
        return draw(values if features is None else st.lists(values, min_size=features, max_size=features))

    low = draw(st.floats(-100, 99))
    return Preprocessing(one(numbers.filter(bool)), one(), (low, draw(st.floats(low, 1e3, exclude_min=True))), draw(types))


def raws(features):
    dtypes = st.sampled_from([np.uint8, np.int16, np.int64, np.float32, np.float64])
    shape = st.tuples(st.integers(0, 5), st.just(features))
    return dtypes.flatmap(lambda d: hnp.arrays(d, shape, elements={"allow_nan": False} if np.dtype(d).kind == "f" else None))


@given(preprocessings(), raws(4))
@settings(max_examples=150, deadline=None)
def test_float_equals_integer_and_is_on_the_grid(preprocessing, raw):
    stored, values = preprocessing.apply_integer(raw), preprocessing.apply(raw)
    kind = preprocessing.input_type
    assert stored.dtype == np.int64 and values.dtype == np.float32 and stored.shape == values.shape == raw.shape
    assert np.array_equal(values.astype(np.float64), stored * kind.lsb)
    assert np.array_equal(kind.quantize(values), stored)
    assert ((stored >= kind.low) & (stored <= kind.high)).all()


@given(preprocessings(features=3), raws(3))
@settings(max_examples=60, deadline=None)
def test_per_feature_equals_one_feature_at_a_time(preprocessing, raw):
    together = preprocessing.apply_integer(raw)
    for j in range(3):
        alone = Preprocessing(preprocessing.scale[j], preprocessing.offset[j], preprocessing.clip, preprocessing.input_type)
        assert np.array_equal(together[:, j], alone.apply_integer(raw[:, j]))


@given(preprocessings(), st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, ">i2"]))
@settings(max_examples=40, deadline=None)
def test_the_table_of_many_small_integers_changes_nothing(preprocessing, dtype):
    info = np.iinfo(dtype)
    raw = np.resize(np.arange(info.min, info.max + 1).astype(dtype), (4 << 8 * np.dtype(dtype).itemsize) + 1)
    assert np.array_equal(preprocessing.apply_integer(raw)[:70000], preprocessing.apply_integer(raw[:70000].astype(np.int64)))


@given(preprocessings(), preprocessings(features=2))
@settings(max_examples=60, deadline=None)
def test_json_round_trip_is_exact(one, many):
    for preprocessing in (one, many):
        again = Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
        assert again == preprocessing and again.sha256 == preprocessing.sha256 and hash(again) == hash(preprocessing)


def test_pixels_are_their_own_stored_integers():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(pixels().apply_integer(every), np.arange(256))
    assert np.array_equal(pixels().apply(every), np.arange(256, dtype=np.float32) / 256)
    assert str(PIXEL_TYPE) == "ufixed<8,0,RND_CONV,SAT>"


def test_standardised_uses_powers_of_two_and_grid_offsets():
    x = np.random.default_rng(0).normal([5.0, -3e4, 1e-3], [2.0, 9e3, 4e-4], (4000, 3)).astype(np.float32)
    preprocessing = standardised(x)
    assert all(np.log2(s).is_integer() for s in preprocessing.scale)
    assert all((o / preprocessing.input_type.lsb).is_integer() for o in preprocessing.offset)
    out = preprocessing.apply(x)
    assert np.abs(out.mean(0)).max() < 0.02 and (out.std(0) > 0.68).all() and (out.std(0) < 1.45).all()
    assert standardised(np.ones((9, 2))).apply(np.ones((1, 2))).tolist() == [[0.0, 0.0]]


def test_save_and_load(tmp_path):
    preprocessing = standardised(np.arange(12.0).reshape(4, 3))
    path = preprocessing.save(tmp_path)
    assert path.name == "preprocessing.json" and Preprocessing.load(tmp_path) == preprocessing == Preprocessing.load(path)
    assert [p.name for p in tmp_path.iterdir()] == ["preprocessing.json"]


def test_infinity_saturates_and_nan_is_refused():
    assert pixels().apply(np.array([np.inf, -np.inf])).tolist() == [255 / 256, 0.0]
    with pytest.raises(DataError, match="NaN"):
        pixels().apply(np.array([1.0, np.nan]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scale": float("nan")}, "scale"),
        ({"scale": [[1.0]]}, "scale"),
        ({"scale": [1.0, 0.0]}, "scale is 0"),
        ({"clip": (1.0, 1.0)}, "clip"),
        ({"clip": (0.0, 1.0, 2.0)}, "clip"),
        ({"scale": [1.0, 2.0], "offset": [0.0]}, "1 and 2 entries"),
        ({"input_type": FixedType(8, 0)}, "RND_CONV"),
        ({"input_type": FixedType(25, 1, True, "RND_CONV", "SAT")}, "24 bits"),
    ],
)
def test_wrong_preprocessing_is_refused(change, said):
    with pytest.raises(DataError, match=said):
        Preprocessing(**{"scale": 1.0, "offset": 0.0, "clip": (0.0, 1.0), "input_type": PIXEL_TYPE, **change})


def test_wrong_arrays_and_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="2 features"):
        Preprocessing([1.0, 2.0], 0.0, (0.0, 1.0), PIXEL_TYPE).apply(np.zeros((4, 3)))
    with pytest.raises(DataError, match="expected|Expected"):
        pixels().apply(np.array(["a"]))
    with pytest.raises(DataError, match="cannot be read"):
        Preprocessing.load(tmp_path)
    (tmp_path / "preprocessing.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        Preprocessing.load(tmp_path)
    with pytest.raises(DataError, match="'offset'"):
        Preprocessing.from_json({"scale": 1.0})
    with pytest.raises(DataError, match="cannot be read"):
        Preprocessing.from_json({"scale": 1.0, "offset": 0, "clip": None, "input_type": "ufixed<8,0>"})


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    from pathlib import Path

    pixels().save(tmp_path)
    before = (tmp_path / "preprocessing.json").read_text()

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DataError, match="No space left"):
        standardised(np.arange(4.0).reshape(2, 2)).save(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "preprocessing.json").read_text() == before and len(list(tmp_path.iterdir())) == 1
