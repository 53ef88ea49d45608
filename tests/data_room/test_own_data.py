"""Your own .npz, .csv and image folders, good and bad."""

import numpy as np
import pytest

from fpgacompress.data import load
from fpgacompress.data.preprocessing import standardised
from fpgacompress.errors import DataError


def test_npz_with_x_and_y(save, table):
    x, y = table
    dataset = load(save(x=x, y=y), validation=0.25)
    assert len(dataset.train) == 36 and len(dataset.validation) == 12 and dataset.classes == ("0", "1", "2")
    test = dataset.read_test("count")
    assert len(test) == 12 and test.counts(3) == [4, 4, 4]
    rows = {tuple(r) for s in (dataset.train, dataset.validation, test) for r in s.x.tolist()}
    assert len(rows) == 60 and dataset.preprocessing.features == 3
    assert load(save(x=x, y=y), validation=0.25, seed=5).read_test("same test split").x.tolist() == test.x.tolist()


def test_npz_with_all_splits_and_named_classes(save, table):
    x, y = table
    names = np.array(["cat", "dog", "eel"])
    dataset = load(save(x_train=x[:30], y_train=names[y[:30]], x_val=x[30:45], y_val=names[y[30:45]], x_test=x[45:], y_test=names[y[45:]]))
    assert dataset.classes == ("cat", "dog", "eel") and len(dataset.validation) == 15
    assert dataset.read_test("count").y.tolist() == y[45:].tolist()


def test_features_are_scaled_by_the_samples_of_the_classes_that_stay(save, table):
    x, y = table
    x = np.where(y[:, None] == 1, 1000 * x, x).astype(np.float32)
    dataset = load(save(x=x, y=y), validation=0.25, options={"classes": [2, 0]})
    assert dataset.classes == ("2", "0") and dataset.preprocessing == standardised(dataset.train.x)
    assert dataset.read_test("count").counts(2) == [4, 4]


def test_npz_medmnist_keys_and_column_labels(save):
    x = np.zeros((40, 8, 8), np.uint8)
    y = (np.arange(40) % 2)[:, None]
    dataset = load(save(train_images=x, train_labels=y, val_images=x, val_labels=y, test_images=x, test_labels=y))
    assert len(dataset.train) == 40 and str(dataset.preprocessing.input_type).startswith("ufixed<8,0")


def test_npz_groups_stay_whole(save, table):
    x, y = table
    groups = np.repeat(np.arange(10), 6)
    dataset = load(save(x=x, y=y, groups=groups), validation=0.2)
    parts = [set(s.groups.tolist()) for s in (dataset.train, dataset.validation, dataset.read_test("groups"))]
    assert all(parts) and sum(map(len, parts)) == len(set.union(*parts)) == 10


def test_a_signal_has_one_scale(save):
    x = np.random.default_rng(0).integers(-900, 900, (40, 16, 2)).astype(np.int16)
    assert load(save(x=x, y=np.arange(40) % 2)).preprocessing.features is None


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (lambda x, y: {"x": x, "y": y[:-1]}, "60 samples but 59 labels"),
        (
            lambda x, y: {"x": np.where(x > 2.5, np.nan, x), "y": y},
            r"\d+ of 180 values are NaN or infinite, the first is nan in sample \d+, position",
        ),
        (lambda x, y: {"x": np.where(x == x.max(), np.inf, x), "y": y}, "1 of 180 values are NaN or infinite"),
        (lambda x, y: {"x": x, "y": y * 2}, "no training sample of class 1, 3"),
        (lambda x, y: {"x": x, "y": y + 1}, "no training sample of class 0"),
        (lambda x, y: {"x": x, "y": y - 1}, "20 labels out of range, the first is -1 in sample 0"),
        (lambda x, y: {"x": x, "y": y + 0.5}, "60 labels that are not whole numbers, the first is 0.5 in sample 0"),
        (lambda x, y: {"x": x, "y": np.eye(3)[y]}, "np.argmax"),
        (lambda x, y: {"x": x, "y": y, "classes": np.array(["a", "b"])}, "labels out of range"),
        (lambda x, y: {"x": x, "y": y * 0}, "only one class"),
        (lambda x, y: {"x": x[:0], "y": y[:0]}, "x has shape"),
        (lambda x, y: {"x": x[:, 0], "y": y}, "x has shape"),
        (lambda x, y: {"x": x.astype(str), "y": y}, "expected|Expected: numbers"),
        (lambda x, y: {"x": x, "y": np.array([str(i) + "a" for i in range(60)])}, "60 different labels"),
        (lambda x, y: {"x": np.array([[1], [1, 2]] * 30, object), "y": y}, "holds Python objects"),
        (lambda x, y: {"a": x, "b": y}, "has arrays a, b"),
        (lambda x, y: {}, r"has arrays \(none\)"),
        (lambda x, y: {"x": x, "y": y, "groups": y[:5]}, "5 groups"),
        (
            lambda x, y: {"x_train": x, "y_train": y, "x_val": x[:, :2], "y_val": y, "x_test": x, "y_test": y},
            "validation: samples have shape",
        ),
    ],
)
def test_bad_npz(save, table, arrays, said):
    with pytest.raises(DataError, match=said):
        load(save(**arrays(*table)))


def test_bad_test_split_is_found_when_it_is_read(save, table):
    x, y = table
    for test, labels, said in ((x[:, :2], y, "samples have shape"), (x, y + 1, "out of range"), (x * np.nan, y, "NaN")):
        dataset = load(save(x_train=x, y_train=y, x_test=test, y_test=labels))
        with pytest.raises(DataError, match=said):
            dataset.read_test("evaluate")


def test_damaged_npz(save, table, tmp_path):
    from pathlib import Path

    path = Path(save(x=table[0], y=table[1]))
    content = path.read_bytes()
    for damage in (content[: len(content) // 2], b"", b"PK nothing", content[:200] + bytes(80) + content[280:]):
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"own\.npz"):
            load(str(path))
    np.save(tmp_path / "one.npy", table[0])
    path.write_bytes((tmp_path / "one.npy").read_bytes())
    with pytest.raises(DataError, match="one array without a name"):
        load(str(path))


CSV = {
    "name last": ("a,b,kind\n1,2,up\n3,4,down\n5,6,up\n7,8,down\n9,1,up\n8,2,down\n7,3,up\n1,4,down\n", {}),
    "named label first": ("label;a;b\n0;1;2\n1;3;4\n0;5;6\n1;7;8\n0;9;1\n1;8;2\n0;7;3\n1;1;4\n", {}),
    "no header": ("1,2,0\n3,4,1\n5,6,0\n7,8,1\n9,1,0\n8,2,1\n7,3,0\n1,4,1\n", {}),
    "numbered label, tabs": ("0\t1\t2\n1\t3\t4\n0\t5\t6\n1\t7\t8\n0\t9\t1\n1\t8\t2\n0\t7\t3\n1\t1\t4\n", {"label": 0}),
    "option": ("a,k,b\n1,n,2\n3,y,4\n5,n,6\n7,y,8\n9,n,1\n8,y,2\n7,n,3\n1,y,4\n", {"label": "k", "header": True}),
}


@pytest.mark.parametrize("text,options", CSV.values(), ids=CSV)
def test_csv(tmp_path, text, options):
    path = tmp_path / "table.csv"
    path.write_text(text)
    dataset = load(str(path), validation=2, options={**options, "test": 2})
    parts = (dataset.train, dataset.validation, dataset.read_test("count"))
    assert [len(s) for s in parts] == [4, 2, 2] and len(dataset.classes) == 2
    rows = sorted(r for s in parts for r in s.x.tolist())
    assert rows == [[1, 2], [1, 4], [3, 4], [5, 6], [7, 3], [7, 8], [8, 2], [9, 1]]


def test_csv_group_column(tmp_path):
    rows = [f"{i % 7},{i},{'ab'[i % 2]},p{i // 6}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["u,v,class,patient", *rows]))
    dataset = load(str(tmp_path / "t.csv"), validation=0.2, options={"group": "patient"})
    parts = [set(s.groups.tolist()) for s in (dataset.train, dataset.validation, dataset.read_test("groups"))]
    assert all(parts) and sum(map(len, parts)) == 10 and dataset.input_shape == (2,)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "empty"),
        (" \n\n", {}, "empty"),
        ("a,b,label\n", {}, "no rows"),
        ("a,b,label\n1,red,0\n2,blue,1\n", {}, "line 2: column 'b' holds the text 'red'"),
        ("a,b,label\n1,2,0\n2,,1\n", {}, "line 3: column 'b' is empty"),
        ("a,b,label\n1,2,0\n2,1\n", {}, "line 3: 2 columns"),
        ("1\n2\n", {}, "1 columns"),
        ("a,b,label\n" + "1,nan,0\n2,3,1\n" * 9, {}, "9 of 36 values are NaN"),
        ("a,b,label\n" + "1,2,0.5\n2,3,1\n" * 9, {}, "not whole numbers"),
        ("a,b,label\n1,2,0\n", {"label": "kind"}, "no column 'kind'"),
        ("a,b,label\n1,2,0\n", {"label": 7}, "no column 7"),
        ("a,b,label\n1,2,0\n", {"header": "yes"}, "header is 'yes'"),
        ("a,b,label\n1,2,0\n", {"lable": "b"}, "did you mean 'label'"),
        ("a,b,label\n" + "1,2,0\n2,3,1\n" * 9, {"test": 0}, "test is 0"),
    ],
)
def test_bad_csv(tmp_path, text, options, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load(str(path), options=options)


def _images(folder, count, mode="L", size=(6, 5)):
    from PIL import Image

    folder.mkdir(parents=True)
    for i in range(count):
        Image.new(mode, size, i if mode == "L" else (i, 0, 0)).save(folder / f"{i:03}.png")


def test_folder_of_classes(tmp_path):
    for name in ("ant", "bee"):
        _images(tmp_path / name, 10)
    dataset = load(str(tmp_path), validation=0.25)
    assert dataset.classes == ("ant", "bee") and dataset.input_shape == (5, 6) and dataset.train.x.dtype == np.uint8
    assert [len(s) for s in (dataset.train, dataset.validation, dataset.read_test("count"))] == [12, 4, 4]


def test_folder_with_splits_and_colours(tmp_path):
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        for name in ("ant", "bee"):
            _images(tmp_path / part / name, count, "RGB")
    dataset = load(str(tmp_path), options={"size": [4, 3]})
    assert dataset.input_shape == (4, 3, 3) and [len(dataset.train), len(dataset.validation)] == [12, 4]
    assert len(dataset.read_test("count")) == 6
    assert load(str(tmp_path), options={"color": "grey"}).input_shape == (5, 6)


def test_bad_folders(tmp_path):
    with pytest.raises(DataError, match="no sub-folders"):
        load(str(tmp_path))
    (tmp_path / "ant").mkdir()
    with pytest.raises(DataError, match="no images"):
        load(str(tmp_path))
    _images(tmp_path / "bee", 9)
    with pytest.raises(DataError, match="no training sample of class 0 \\(ant\\)"):
        load(str(tmp_path))
    _images(tmp_path / "cow", 9, size=(9, 9))
    (tmp_path / "ant").rmdir()
    with pytest.raises(DataError, match="option size"):
        load(str(tmp_path))
    (tmp_path / "bee" / "000.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(DataError, match="not a readable image"):
        load(str(tmp_path))
    for options, said in (({"size": 28}, "size is 28"), ({"color": "blue"}, "color is 'blue'")):
        with pytest.raises(DataError, match=said):
            load(str(tmp_path), options=options)
