"""Outside tools: what is said when they are missing, and when they fail."""

import sys

import pytest

from fpgacompress.errors import ToolError
from fpgacompress.hardware import toolchains


def test_vendor_tools_are_known():
    assert set(toolchains.VENDOR) <= set(toolchains.TOOLS)
    for tool in toolchains.TOOLS.values():
        assert tool.package and tool.needed_for and tool.without


def test_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="vivado is not there .*logic synthesis, place and route.*AMD Vivado.*[.] Or copy it"):
        toolchains.require("vivado", instead="Or copy it")
    (tmp_path / "vivado").write_text("#!/bin/sh\n")
    (tmp_path / "vivado").chmod(0o755)
    assert toolchains.require("vitis-run", "vivado") == tmp_path / "vivado"


def test_run(tmp_path):
    log = tmp_path / "log"
    assert toolchains.run([sys.executable, "-c", "print('well')"], cwd=tmp_path, log=log) == "well\n" and "well" in log.read_text()
    with pytest.raises(ToolError, match="failed: ERROR: first"):
        toolchains.run([sys.executable, "-c", "print('ERROR: first\\nmore'); raise SystemExit(1)"], cwd=tmp_path, log=log)
    with pytest.raises(ToolError, match="did not finish in 0 s"):
        toolchains.run(["sleep", "5"], cwd=tmp_path, log=log, timeout=0.1)
    with pytest.raises(ToolError, match="could not be started"):
        toolchains.run([str(tmp_path / "nothing")], cwd=tmp_path, log=log)
