"""Finding, checking and downloading files; every failure says what to do."""

import errno
import hashlib
import io
import json
import shutil
import urllib.request
import zipfile
from pathlib import Path

import pytest

from fpgacompress.data import files, load
from fpgacompress.data.download import download
from fpgacompress.data.files import DataFile
from fpgacompress.data.loading import fetch
from fpgacompress.errors import DataError

SHIPPED = Path(__file__).parents[2] / "demos" / "data"


class Answer(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, content, length=None):
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content) if length is None else length)}


@pytest.fixture
def serve(monkeypatch):
    """Let urlopen answer from a dictionary of addresses."""

    def start(pages):
        def urlopen(request, timeout):
            if request.full_url not in pages:
                raise OSError("no such page")
            page = pages[request.full_url]
            return page if isinstance(page, Answer) else Answer(page)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)

    return start


def sha(content):
    return hashlib.sha256(content).hexdigest()


def leftovers(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fashion_mnits", "did you mean 'fashion_mnist'"),
        ("zzzz", "one of breastmnist, drybean"),
        ("", "there is no data source ''"),
        ("npz", "give the path"),
    ],
)
def test_unknown_source(name, said):
    with pytest.raises(DataError, match=said):
        load(name)


def test_missing_paths(tmp_path):
    for path in ("no/such/file.npz", "nothing.csv"):
        with pytest.raises(DataError, match=f"there is no file {path}"):
            load(path)
    (tmp_path / "x.bin").write_bytes(b"1")
    with pytest.raises(DataError, match="must end in .npz, .csv"):
        load(str(tmp_path / "x.bin"))
    with pytest.raises(DataError, match="no data folder"):
        load("fashion_mnist", data_dir=tmp_path / "none")


@pytest.mark.parametrize("options,said", [({"limt": 3}, "did you mean 'limit'"), ({"limit": 0}, "limit is 0"), ({"limit": 9}, "limit is 9"),
                                          ({"limit": {"val": 3}}, "limit is"), ({"input_type": "int8"}, "input_type: 'int8'")])  # fmt: skip
def test_wrong_options(options, said):
    with pytest.raises(DataError, match=said):
        load("fashion_mnist", options=options)


def test_seeds_that_are_none():
    for seed in (-1, 0.5, None):
        with pytest.raises(DataError, match="seed is"):
            load("gamma_neutron", seed=seed)


@pytest.mark.parametrize("validation", [0, 0.0])
def test_no_validation_samples(validation):
    with pytest.raises(DataError, match="0 of 1078 samples.*early stopping.*never on the test split"):
        load("gamma_neutron", validation=validation)


def test_without_network_the_error_says_which_file_to_put_where(empty_machine):
    with pytest.raises(DataError) as caught:
        load("fashion_mnist")
    text = str(caught.value)
    assert "no network in tests" in text and "fashion-mnist/raw/master/data/fashion/train-images-idx3-ubyte.gz" in text
    assert str(empty_machine / "fashion_mnist" / "train-images-idx3-ubyte.gz") in text
    for name in ("ecg", "gamma_neutron"):
        with pytest.raises(DataError, match=f"copy demos/data/{name}/"):
            load(name)
    for name in ("mnist", "pneumoniamnist", "drybean", "magic", "jets"):
        with pytest.raises(DataError, match="could not be downloaded"):
            load(name)
    assert leftovers(empty_machine) == []


def test_truncated_and_swapped_files(empty_machine):
    shutil.copytree(SHIPPED / "fashion_mnist", empty_machine / "fashion_mnist")
    images = empty_machine / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    content = images.read_bytes()
    for damaged in (content[: len(content) // 2], content[:-1] + b"x"):
        images.write_bytes(damaged)
        with pytest.raises(DataError, match="train-images-idx3-ubyte.gz has the wrong checksum .* Do: delete the file and fetch it again"):
            load("fashion_mnist")
    images.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        load("fashion_mnist")


def test_folders_in_order(tmp_path, monkeypatch):
    for name in ("a", "b", "work/demos/data", "home/.keras/datasets", "work/deep"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FPGACOMPRESS_DATA", str(tmp_path / "b"))
    monkeypatch.chdir(tmp_path / "work" / "deep")
    found = files.search_folders(tmp_path / "a")
    named = [tmp_path / n for n in ("a", "b", "work/demos/data")]
    assert found[:3] == named and SHIPPED in found and found[-1] == tmp_path / "home/.keras/datasets"
    assert files.download_folder() == tmp_path / "b" and files.download_folder(tmp_path / "a") == tmp_path / "a"
    monkeypatch.delenv("FPGACOMPRESS_DATA")
    assert files.download_folder() == files.cache_folder()


def test_download(tmp_path, serve, capsys):
    serve({"https://b/f": b"content"})
    path = download("set", DataFile("f", ("sub",), sha(b"content"), urls=("https://a/f", "https://b/f")), tmp_path)
    assert path == tmp_path / "sub" / "f" and path.read_bytes() == b"content" and leftovers(tmp_path) == ["f"]
    out = capsys.readouterr()
    assert out.out == "" and "downloading f" in out.err


def test_a_terminal_gets_a_bar(tmp_path, serve, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    serve({"https://a/f": b"c" * 600_000})
    download("set", DataFile("f", ("",), urls=("https://a/f",)), tmp_path)
    assert "100 % 0.6 MB" in terminal.getvalue() and terminal.getvalue().endswith("\n")


def test_download_takes_a_member_out_of_a_zip(tmp_path, serve):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("m.data", "1,2")
    serve({"https://a/z.zip": archive.getvalue()})
    file = DataFile("m.data", ("",), sha(b"1,2"), urls=("https://a/z.zip#m.data",))
    assert download("set", file, tmp_path).read_bytes() == b"1,2"
    for bad in ("https://a/z.zip#other", "https://a/none.zip#m.data"):
        with pytest.raises(DataError, match="could not be downloaded"):
            download("set", DataFile("n", ("",), urls=(bad,)), tmp_path)


def test_download_asks_openml(tmp_path, serve):
    def describe(md5):
        answer = {"data_set_description": {"url": "https://d/x.arff", "md5_checksum": md5}}
        serve({"https://www.openml.org/api/v1/json/data/42468": json.dumps(answer).encode(), "https://d/x.arff": b"@data"})

    file = DataFile("x.arff", ("jets",), urls=("openml:42468",))
    describe("0" * 32)
    with pytest.raises(DataError, match="wrong checksum"):
        download("jets", file, tmp_path)
    describe(hashlib.md5(b"@data").hexdigest())
    assert download("jets", file, tmp_path).read_bytes() == b"@data"


@pytest.mark.parametrize("answer,said", [(Answer(b"part", 99), "ended after 4 of 99 bytes"), (b"other", "wrong checksum")])
def test_bad_downloads_leave_nothing(tmp_path, serve, answer, said):
    serve({"https://a/f": answer})
    with pytest.raises(DataError, match=said):
        download("set", DataFile("f", ("",), sha(b"content"), urls=("https://a/f",)), tmp_path)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("fails", ["write", "rename"])
def test_a_full_disk_leaves_nothing(tmp_path, serve, monkeypatch, fails):
    serve({"https://a/f": b"content"})

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    if fails == "rename":
        monkeypatch.setattr("os.replace", full)
    else:
        monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match="the disk is full.*--data-dir"):
        download("set", DataFile("f", ("",), urls=("https://a/f",)), tmp_path)
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path, serve):
    serve({"https://a/f": b"content"})
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        download("set", DataFile("f", ("",), urls=("https://a/f",)), tmp_path / "file")


def test_fetch_downloads_once(empty_machine, serve):
    content = (SHIPPED / "medmnist" / "breastmnist.npz").read_bytes()
    serve({"https://zenodo.org/records/10519652/files/breastmnist.npz": content})
    first = fetch("breastmnist")
    serve({})
    assert fetch("breastmnist") == first and len(load("breastmnist").train) == 546
