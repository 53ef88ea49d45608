"""One line that is rewritten on a terminal, a line every so often elsewhere."""

import io

from firmware.vendor.standin import behave, install, project
from fpgacompress.firmware.vendor import build
from fpgacompress.firmware.vendor.progress import Progress, clock


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_clock():
    assert [clock(s) for s in (0, 61.9, 3600 * 12 + 5)] == ["0:00:00", "0:01:01", "12:00:05"]


def test_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    progress = Progress(stream)
    progress.show("csynth", 1, "INFO: [HLS 200-10] Analyzing design file")
    progress.show("csynth", 1.4, "INFO: [HLS 200-10] Analyzing design file")
    progress.show("csynth", 2, "x" * 200)
    progress.clear()
    shown = stream.getvalue().split("\r")[1:]
    assert shown[0] == "  csynth  0:00:01  INFO: [HLS 200-10] A\x1b[K" and len(shown) == 3 and shown[2] == "\x1b[K"
    assert "\n" not in stream.getvalue() and max(map(len, shown)) <= 39 + len("\x1b[K")


def test_no_terminal():
    stream = io.StringIO()
    progress = Progress(stream, every=60)
    for seconds in range(0, 200):
        progress.show("vsynth", seconds, f"line {seconds}")
    progress.clear()
    assert stream.getvalue().splitlines() == [f"  vsynth  0:0{m}:00  line {60 * m}" for m in (1, 2, 3)]
    progress.show("next", 5, "too early")
    assert stream.getvalue().count("\n") == 3


def test_a_closed_stream_ends_nothing():
    stream = Terminal()
    stream.close()
    Progress(stream).show("csynth", 1, "line")


def test_shown_while_the_tool_runs(bench, tmp_path):
    install(bench, "vitis-run", "2023.2")
    behave(bench, delay=0.1)
    stream, told = Terminal(), []
    folder = project(tmp_path / "p")
    build(folder, progress=Progress(stream), message=told.append)
    assert "Analyzing design file" in stream.getvalue() and "Implementing module 'dense_latency'" in stream.getvalue()
    assert told[0].startswith("  csynth: C-synthesis with Vitis HLS 2023.2, log ") and told[1].startswith("  csynth: done in 0:00:0")
