"""A folder on PATH for stand-ins, and nothing of the machine's own tools."""

import os

import pytest

from fpgacompress.firmware.vendor import choice, installs


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder first on PATH for stand-ins; no variable, usual folder or module file of this machine is looked at."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in (*installs.VARIABLES, "MODULEPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installs, "ROOTS", ())
    monkeypatch.setattr(choice, "ROOTS", ("/tools/Xilinx",))
    return folder
