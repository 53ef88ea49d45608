"""Run folders: reuse by content, nothing half written, one process at a time."""

import json

import pytest

from fpgacompress.errors import RunError
from fpgacompress.run import RunFolder, digest, load_figures, read_json, write_json


def silent(text: str) -> None:
    pass


def test_step_is_reused_until_an_input_changes(tmp_path):
    folder, calls = RunFolder(tmp_path / "r", message=silent), []

    def make(where):
        calls.append(where)
        (where / "x").write_text("1")

    a = folder.step("s", {"k": 1}, make)
    assert folder.step("s", {"k": 1}, make) == a and len(calls) == 1
    b = folder.step("s", {"k": 2}, make)
    assert b != a and len(calls) == 2 and (a / "x").exists()


def test_an_interrupted_step_finds_its_unfinished_work(tmp_path):
    folder = RunFolder(tmp_path / "r", message=silent)

    def stops(where):
        (where / "half").write_text("work")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.step("s", {}, stops)
    found = []
    done = folder.step("s", {}, lambda where: found.append((where / "half").read_text()))
    assert found == ["work"] and done.name.startswith("s-") and not list(done.parent.glob("*.part"))


def test_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    from pathlib import Path

    path = write_json(tmp_path / "a.json", {"v": 1})

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunError, match="No space left"):
        write_json(path, {"v": 2})
    monkeypatch.undo()
    assert json.loads(path.read_text()) == {"v": 1} and list(tmp_path.iterdir()) == [path]


def test_lock_refuses_a_second_process(tmp_path):
    folder = RunFolder(tmp_path / "r", message=silent)
    with folder.lock(), pytest.raises(RunError, match="another process"), RunFolder(tmp_path / "r", message=silent).lock():
        pass


def test_broken_json_and_missing_run(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(RunError, match="no figures.json"):
        load_figures(tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_digest_ignores_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
