"""The data sets in demos/data, as they are."""

import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from fpgacompress.data import load, sources
from fpgacompress.data.dataset import content_sha256
from fpgacompress.errors import DataError

SHIPPED = Path(__file__).parents[2] / "demos" / "data"


@pytest.fixture(scope="module")
def fashion():
    return load("fashion_mnist")


def test_fashion_mnist(fashion):
    assert fashion.train.x.shape == (54000, 28, 28) and fashion.train.x.dtype == np.uint8 and fashion.train.y.dtype == np.int64
    assert fashion.train.counts(10) == [5400] * 10 and fashion.validation.counts(10) == [600] * 10
    whole = np.concatenate([fashion.train.x.reshape(-1, 784), fashion.validation.x.reshape(-1, 784)])
    assert round(whole.mean() / 255, 4) == 0.2860 and round(whole.std() / 255, 4) == 0.3530
    assert fashion.classes[9] == "Ankle boot" and "MIT" in fashion.licence
    test = fashion.read_test("check the counts")
    assert test.counts(10) == [1000] * 10


def test_labels_belong_to_their_images(fashion):
    x, held = (fashion.preprocessing.apply(s.x).reshape(-1, 784) for s in (fashion.train, fashion.validation))
    centres = np.stack([x[fashion.train.y == k].mean(0) for k in range(10)])
    guess = np.argmin((centres**2).sum(1) - 2 * held @ centres.T, axis=1)
    assert (guess == fashion.validation.y).mean() > 0.65  # nearest class mean


def test_images_are_exact_on_the_input_type(fashion):
    x = fashion.preprocessing.apply(fashion.validation.x)
    assert x.dtype == np.float32 and np.array_equal(x * 256, fashion.validation.x)


def test_loading_is_quick_and_repeatable(fashion):
    start = time.process_time()
    again = load("fashion_mnist")
    assert time.process_time() - start < 3.0  # 0.5 s on an idle core; the rest is room for busy machines
    assert again.sha256 == fashion.sha256


def test_the_seed_fixes_the_split():
    first, again, other = (load("gamma_neutron", seed=seed) for seed in (0, 0, 1))
    assert again.sha256 == first.sha256 != other.sha256
    assert content_sha256(first.train, first.validation) == first.sha256
    assert other.train.counts(2) == first.train.counts(2)
    assert other.read_test("compare").x.tolist() == first.read_test("compare").x.tolist()


def test_the_test_split_is_read_once_and_recorded():
    dataset = load("breastmnist")
    loads, inner = [], dataset.load_test
    dataset.load_test = lambda: loads.append(1) or inner()
    assert dataset.test_reads == [] and loads == []
    with pytest.raises(DataError, match="without a reason"):
        dataset.read_test(" ")
    first = dataset.read_test("evaluate")
    assert dataset.read_test("report") is first and loads == [1]
    assert [r.reason for r in dataset.test_reads] == ["evaluate", "report"]
    assert dataset.test_reads[0].samples == 156 and dataset.test_reads[0].when.endswith("+00:00")
    assert dataset.test_reads[0].sha256 == content_sha256(first)
    assert dataset.to_json()["test_reads"][0]["reason"] == "evaluate"


def test_loading_does_not_open_the_test_files(tmp_path, empty_machine):
    folder = empty_machine / "fashion-mnist"  # Keras' own layout
    folder.mkdir()
    for file in (SHIPPED / "fashion_mnist").glob("*.gz"):
        (folder / file.name).symlink_to(file)
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    labels.unlink()
    labels.write_bytes(b"not the labels")
    dataset = load("fashion_mnist")
    with pytest.raises(DataError, match="test split of fashion_mnist: .*wrong checksum"):
        dataset.read_test("evaluate")
    assert dataset.test_reads == []


def test_breastmnist_keeps_its_official_split():
    dataset = load("breastmnist", validation=0)
    assert dataset.train.counts(2) == [147, 399] and dataset.validation.counts(2) == [21, 57]
    assert dataset.read_test("count").counts(2) == [42, 114] and "official validation split" in dataset.notes


def test_gamma_neutron_is_lossless():
    dataset = load("gamma_neutron")
    assert len(dataset.train) + len(dataset.validation) == 1078 and dataset.input_shape == (161,)
    assert np.array_equal(dataset.preprocessing.apply_integer(dataset.train.x), dataset.train.x)
    assert dataset.read_test("count").counts(2) == [167, 193]


@pytest.mark.parametrize("seed", range(3))
def test_no_patient_is_on_two_sides(seed):
    dataset = load("ecg", seed=seed)
    test = dataset.read_test("count")
    train, held, tested = (set(s.groups.tolist()) for s in (dataset.train, dataset.validation, test))
    assert not train & held and not train & tested and not held & tested
    assert 202 in tested and 201 not in train | held  # one person
    assert len(dataset.train) + len(dataset.validation) == 16112 and test.counts(4) == [13021, 1588, 2070, 341]
    assert min(dataset.validation.counts(4)) > 0 and min(dataset.train.counts(4)) > 300
    assert dataset.input_shape == (128, 1) and dataset.train.x.dtype == np.int16
    stored = dataset.preprocessing.apply_integer(dataset.train.x)
    assert np.abs(stored).max() < 512  # no training beat saturates


def test_ecg_with_rr_intervals():
    dataset = load("ecg", options={"input": "beats+rr", "limit": 400})
    assert dataset.input_shape == (130,) and dataset.preprocessing.features == 130
    alone = load("ecg", options={"limit": 400})
    assert np.array_equal(dataset.preprocessing.apply(dataset.train.x)[:, :128, None], alone.preprocessing.apply(alone.train.x))
    with pytest.raises(DataError, match="beats\\+rr"):
        load("ecg", options={"input": "rr"})


def test_ecg_split_beat_by_beat():
    dataset = load("ecg", options={"split": "beats"})
    test = dataset.read_test("count")
    every = np.concatenate([dataset.train.x, dataset.validation.x, test.x])
    assert len(every) == 17105 + 17020 and len(test) == round(len(every) / 4)
    shares = [np.bincount(s.y) / len(s) for s in (dataset.train, dataset.validation, test)]
    assert np.allclose(shares[0], shares[2], atol=2e-3) and np.allclose(shares[0], shares[1], atol=2e-3)
    assert "beats of each patient are in all splits" in " ".join(dataset.notes)
    again = load("ecg", options={"split": "beats"}).read_test("count")
    assert np.array_equal(again.x, test.x)
    with pytest.raises(DataError, match="split is 'random'.*\n?.*patients, beats"):
        load("ecg", options={"split": "random"})


def test_limit_keeps_the_first_of_each_class(fashion):
    small = load("fashion_mnist", options={"limit": {"train": 200, "validation": 50, "test": 100}})
    assert small.train.counts(10) == [20] * 10 and small.validation.counts(10) == [5] * 10
    first = np.concatenate([np.flatnonzero(fashion.train.y == k)[:20] for k in range(10)])
    assert np.array_equal(small.train.x, fashion.train.x[np.sort(first)])
    assert small.read_test("count").counts(10) == [10] * 10
    same = load("gamma_neutron", options={"limit": 30})
    assert [len(s) for s in (same.train, same.validation, same.read_test("count"))] == [30, 30, 30]


def test_some_classes_numbered_anew(fashion):
    pair = load("fashion_mnist", options={"classes": [9, 1]})
    assert pair.classes == ("Ankle boot", "Trouser") and "of 10 classes only Ankle boot, Trouser" in pair.notes
    assert pair.train.counts(2) == [5400, 5400] and pair.validation.counts(2) == [600, 600]
    whole, test = fashion.read_test("compare"), pair.read_test("compare")
    stays = (whole.y == 9) | (whole.y == 1)
    assert np.array_equal(test.x, whole.x[stays]) and np.array_equal(test.y, whole.y[stays] == 1)
    first = load("fashion_mnist", options={"classes": [9, 1], "limit": 20})
    assert np.array_equal(first.train.x, pair.train.x[np.sort(np.concatenate([np.flatnonzero(pair.train.y == k)[:10] for k in (0, 1)]))])


def test_some_classes_of_an_official_split_and_of_patients():
    both = load("breastmnist", options={"classes": [1, 0]})
    assert both.validation.counts(2) == [57, 21] and both.read_test("count").counts(2) == [114, 42]
    beats, two = load("ecg"), load("ecg", options={"classes": [0, 2]})
    held, test = set(two.validation.groups.tolist()), two.read_test("count")
    assert not held & set(two.train.groups.tolist()) and test.counts(2) == [13021, 2070]
    rows = [{r.tobytes() for s in (d.train, d.validation) for r in s.x[np.isin(s.y, k)]} for d, k in ((beats, (0, 2)), (two, (0, 1)))]
    assert rows[0] == rows[1]
    assert np.array_equal(beats.read_test("compare").x[np.isin(beats.read_test("compare").y, (0, 2))], test.x)


@pytest.mark.parametrize("classes", [[1], [1, 1], [1, 10], [-1, 2], ["Sneaker", 1], 3, [True, 0]])
def test_wrong_classes_name_those_there_are(classes):
    with pytest.raises(DataError, match="class") as caught:
        load("fashion_mnist", options={"classes": classes})
    assert "7 (Sneaker)" in str(caught.value) or "at least two class numbers, each once" in str(caught.value)


def test_input_type_option():
    dataset = load("breastmnist", options={"input_type": "ufixed<4,0>"})
    assert str(dataset.preprocessing.input_type) == "ufixed<4,0,RND_CONV,SAT>"
    assert dataset.preprocessing.apply_integer(np.array([0, 8, 24, 255])).tolist() == [0, 0, 2, 15]


def test_a_dataset_travels_to_other_processes():
    dataset = pickle.loads(pickle.dumps(load("breastmnist")))
    assert len(dataset.read_test("count")) == 156


def test_every_shipped_file_is_as_listed():
    import hashlib

    for line in (SHIPPED / "SHA256SUMS").read_text().splitlines():
        checksum, name = line.split()
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == checksum, name


def test_every_source_states_licence_and_citation():
    named = [sources.get(n) for n in sources.names() if not sources.get(n).by_path]
    assert len(named) == 10 and all(s.licence and s.citation and s.alternatives and s.sizes[2] and s.input for s in named)


def test_no_tensorflow():
    import subprocess
    import sys

    heavy = ("tensorflow", "PIL", "sklearn")
    code = f"import sys, fpgacompress.data as d; d.load('breastmnist'); sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=SHIPPED.parents[1], timeout=60).returncode == 0
