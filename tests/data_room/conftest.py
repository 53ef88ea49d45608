"""Small inputs for the tests of the data room; no test here needs a network."""

import json
import urllib.request

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_machine(tmp_path_factory, monkeypatch):
    """No data folders of the person who runs the tests, and no network."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.delenv("FPGACOMPRESS_DATA", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)

    def no_network(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)


@pytest.fixture
def empty_machine(tmp_path, monkeypatch):
    """A machine whose only data folder is the returned one (empty), given as FPGACOMPRESS_DATA."""
    from fpgacompress.data import files

    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("FPGACOMPRESS_DATA", str(folder))
    monkeypatch.setattr(files, "search_folders", lambda data_dir=None: [folder])
    return folder


@pytest.fixture
def save(tmp_path):
    """Write an .npz file of the given arrays and return its path as text."""

    def write(**arrays):
        path = tmp_path / "own.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


@pytest.fixture
def table():
    """60 samples of 3 features in 3 classes, every class 20 times."""
    rng = np.random.default_rng(1)
    y = np.arange(60) % 3
    return rng.normal(size=(60, 3)).astype(np.float32) + y[:, None], y


@pytest.fixture
def parsed():
    """What json.loads makes of a text, which must be exactly one JSON object."""
    return json.loads
