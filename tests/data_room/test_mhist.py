"""MHIST on a small folder in the form in which it comes; the real images need a signed form."""

import numpy as np
import pytest

from fpgacompress.data import load
from fpgacompress.data.loading import fetch
from fpgacompress.data.sources._images import area_mean
from fpgacompress.errors import DataError

HEAD = "Image Name,Majority Vote Label,Number of Annotators who Selected SSA (Out of 7),Partition\n"
SIDE = 224


@pytest.fixture
def folder(empty_machine):
    """10 images of each class for training and 3 for the test, in blocks of 8 x 8 random colours; the folder of annotations.csv."""
    from PIL import Image

    rng = np.random.default_rng(0)
    home = empty_machine / "mhist"
    (home / "images").mkdir(parents=True)
    rows = []
    for i in range(26):
        label, part = ("HP", "SSA")[i % 2], "train" if i < 20 else "test"
        blocks = rng.integers(0, 256, (SIDE // 8, SIDE // 8, 3)).astype(np.uint8)
        Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(home / "images" / f"MHIST_{i:03}.png")
        rows.append(f"MHIST_{i:03}.png,{label},{i % 2 * 6},{part}\n")
    (home / "annotations.csv").write_text(HEAD + "".join(rows))
    return home


def pixels(folder, name):
    from PIL import Image

    return np.asarray(Image.open(folder / "images" / name))


def test_splits_labels_and_pixels(folder):
    dataset = load("mhist", validation=0.2)
    assert dataset.classes == ("HP", "SSA") and dataset.input_shape == (56, 56, 3) and dataset.train.x.dtype == np.uint8
    assert [s.counts(2) for s in (dataset.train, dataset.validation, dataset.read_test("count"))] == [[8, 8], [2, 2], [3, 3]]
    test = dataset.read_test("look")
    assert test.y.tolist() == [0, 1, 0, 1, 0, 1]
    assert np.array_equal(test.x[2], pixels(folder, "MHIST_022.png")[::4, ::4])  # blocks of one colour keep it
    assert str(dataset.preprocessing.input_type).startswith("ufixed<8,0") and "56x56 by area mean" in " ".join(dataset.notes)


@pytest.mark.parametrize(
    ("options", "shape"), [({"size": 28}, (28, 28, 3)), ({"size": 14, "gray": True}, (14, 14)), ({"size": 224}, (224, 224, 3))]
)
def test_sizes_and_gray(folder, options, shape):
    image = load("mhist", options=options).read_test("look").x[1]
    assert image.shape == shape
    whole = pixels(folder, "MHIST_021.png").astype(float)
    if options.get("gray"):
        assert np.abs(image - whole.mean(2).reshape(14, 16, 14, 16).mean((1, 3))).max() < 60  # the weights of the colours differ
    else:
        step = SIDE // shape[0]
        mean = whole.reshape(shape[0], step, shape[0], step, 3).mean((1, 3))
        assert np.array_equal(image, np.rint(mean))


def test_area_means_of_sizes_that_do_not_divide():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 2)).astype(np.uint8)
    small = area_mean(image, 4)
    fine = image.repeat(4, 0).repeat(4, 1).astype(float)  # 36 x 28 in 4 x 4 parts
    assert np.array_equal(small, np.rint(fine.reshape(4, 9, 4, 7, 2).mean((1, 3)))) and small.dtype == np.uint8
    assert area_mean(image[..., 0], 1).tolist() == [[round(float(image[..., 0].mean()))]]
    assert np.array_equal(area_mean(image[:7], 7), image[:7])


def test_without_the_files_the_error_says_where_the_form_is(empty_machine):
    for ask in (load, fetch):
        with pytest.raises(DataError) as caught:
            ask("mhist")
        text = str(caught.value)
        assert "https://bmirds.github.io/MHIST/" in text and "annotations.csv" in text and "images.zip" in text
        assert str(empty_machine / "mhist") in text and "demos/data" not in text


def test_images_that_are_missing_or_damaged(folder):
    (folder / "images" / "MHIST_004.png").unlink()
    with pytest.raises(DataError, match=r"1 of 20 train images are not in .*images, the first is MHIST_004.png"):
        load("mhist")
    (folder / "images" / "MHIST_004.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(DataError, match="MHIST_004.png is not a readable image"):
        load("mhist")


def test_missing_test_images_are_found_when_the_test_split_is_read(folder):
    (folder / "images" / "MHIST_025.png").unlink()
    dataset = load("mhist")
    with pytest.raises(DataError, match="1 of 6 test images"):
        dataset.read_test("evaluate")


def test_images_that_are_too_small(folder):
    from PIL import Image

    Image.new("RGB", (40, 60)).save(folder / "images" / "MHIST_000.png")
    assert load("mhist", options={"size": 40}).input_shape == (40, 40, 3)
    with pytest.raises(DataError, match="MHIST_000.png has 60x40 pixels.*at least 56x56"):
        load("mhist")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("MHIST_003.png,SSA", "MHIST_003.png,SSL", "line 5: Majority Vote Label is 'SSL'.*one of HP, SSA"),
        ("6,train", "6,val", "line 3: Partition is 'val'"),
        ("MHIST_002.png,", ",", "line 4: Image Name is empty"),
        ("Majority Vote Label", "Label", "no column 'Majority Vote Label'"),
        (HEAD, "", "no column 'Image Name'"),
    ],
)
def test_bad_annotations(folder, old, new, said):
    file = folder / "annotations.csv"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=said):
        load("mhist")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": 225}, "from 1 to 224"),
        ({"size": [28, 28]}, "size is"),
        ({"gray": 1}, "gray is 1"),
        ({"grey": True}, "did you mean 'gray'"),
    ],
)
def test_wrong_options(folder, options, said):
    with pytest.raises(DataError, match=said):
        load("mhist", options=options)
