"""``fpgacompress budget``: exit status, text and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fpgacompress.cli.main import main
from fpgacompress.integer import store
from tests.hardware.networks import mlp

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "network.npz"
    store.save(mlp((16, 8, 4), (6, 6), 0.5), path)
    return str(path)


def call(capsys, *argv):
    status = main(["budget", *argv])
    out, err = capsys.readouterr()
    return status, out, err


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from fpgacompress.cli.main import main\ntry: main(['budget', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'tensorflow') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert "--preprocess" in out and out.strip().endswith("[]")


def test_times_alone(capsys):
    status, out, err = call(
        capsys, "--inference", "9us", "--preprocess", "2ms", "--transfer", "150us", "--postprocess", "100us", "--class", "hard"
    )
    assert status == 0 and not err
    assert "ok  hard real time holds: 2.259 ms is under 10 ms" in out and "preprocess dominates with 89 % of the worst case" in out
    assert "inference may rise to 7.75 ms" in out and "energy of an inference: n/a (neither --watts nor a board is given)" in out


def test_a_limit_that_does_not_hold(capsys):
    status, out, _ = call(capsys, "--inference", "9us", "--class", "trigger")
    assert status == 1 and "NO  trigger does not hold" in out and "must fall from 9 us to under 1 us" in out


def test_an_interval_across_the_limit(capsys):
    status, out, _ = call(capsys, "--inference", "5-20ms", "--class", "hard", "--json")
    told = json.loads(out)
    assert status == 1 and told["holds"] is False and told["best_class"] == "soft" and "does not surely hold" in told["limits"][0]["text"]


def test_no_limit_asked_holds(capsys):
    status, out, _ = call(capsys, "--inference", "2s", "--json")
    assert status == 0 and json.loads(out)["best_class"] is None


def test_a_model_on_a_board(capsys, model):
    status, out, _ = call(
        capsys, model, "--board", "pynq-z1", "--bandwidth", "24MB/s", "--class", "soft", "--profile", "wearable", "--json"
    )  # fmt: skip
    told = json.loads(out)
    assert status == 0 and told["holds"] and [limit["name"] for limit in told["limits"]][:2] == ["soft real time", "model size"]
    inference = told["stages"]["inference"]
    assert inference["stage"] == "csynth" and told["stages"]["transfer"]["value"] == pytest.approx(1.0), "16 inputs of 1 byte, 4 sums of 2"
    assert told["energy"]["provenance"].startswith("estimated from published board power")
    assert told["energy"]["high"] == pytest.approx(9.93 * inference["high"])
    assert told["sizes"]["model_bytes"]["value"] == 100 and told["sizes"]["ram_bytes"]["unit"] == "bytes"
    assert 0 < told["energy_index"]["index"]["value"] < 1 and told["battery"] is None
    assert any("preprocess" in note for note in told["notes"]) and any("course" in note for note in told["notes"])


def test_power_and_battery_of_the_user(capsys, model):
    battery = ("--battery-mah", "1000", "--volts", "3.6", "--per-second", "10", "--sleep", "100mW")
    status, out, _ = call(capsys, model, "--inference", "10ms", "--watts", "2", *battery, "--json")
    told = json.loads(out)
    assert status == 0 and told["energy"]["value"] == 20_000 and told["energy"]["provenance"].startswith("power given by the user")
    assert told["battery"]["value"] == pytest.approx(3.6 / 0.29)
    _, out, _ = call(capsys, "--inference", "10ms", "--watts", "2", *battery)
    assert "energy of an inference: 20 mJ" in out and "battery lasts: 12.41 h" in out


def test_a_board_without_published_power(capsys, model):
    status, out, _ = call(capsys, model, "--board", "pynq-z2", "--back-to-back")
    assert status == 0 and "energy of an inference: n/a (no typical power of TUL PYNQ-Z2" in out
    _, out, _ = call(capsys, model, "--board", "pynq-z2", "--back-to-back", "--watts", "2-3")
    assert "power given by the user, over the initiation interval" in out


def test_a_limit_that_cannot_be_judged(capsys):
    status, out, _ = call(capsys, "--inference", "9us", "--profile", "wearable")
    assert status == 1 and "?   model size cannot be judged: no model is given" in out and "ok  response time holds" in out


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ((), "the time of inference is missing"),
        (("MODEL",), "the time of inference is missing"),
        (("--inference", "5 parsecs"), "--inference is '5 parsecs'"),
        (("--inference=-3ms",), "--inference is '-3ms'"),
        (("--inference", "1us", "--watts", "2 volts"), "--watts is '2 volts'"),
        (("--inference", "1us", "--transfer", "1us", "--bandwidth", "1MB/s"), "--transfer and --bandwidth"),
        (("--inference", "1us", "--transfer-bytes", "10B"), "--transfer-bytes without --bandwidth"),
        (("--inference", "1us", "--bandwidth", "1MB/s"), "--bandwidth without a size"),
        (("--inference", "1us", "--bandwidth", "0MB/s", "--transfer-bytes", "1kB"), "a bandwidth above 0"),
        (("--inference", "1us", "--bandwidth", "1MB/s", "--transfer-bytes", "1-2kB"), "one number"),
        (("--inference", "1us", "--back-to-back"), "--back-to-back with --inference"),
        (("--inference", "1us", "--battery-mah", "100"), "battery life without --volts, --per-second, --sleep"),
        (("--inference", "1us", "--profile", "watch"), "there is no profile 'watch'"),
        (("--inference", "1us", "--board", "pynk-z2"), "did you mean 'pynq-z2'"),
        (("MODEL", "--board", "icebreaker"), "fpgacompress rtl"),
        (("MODEL", "--board", "pynq-z2", "--clock-ns", "0"), "--clock-ns 0"),
    ],
)
def test_wrong_input(capsys, model, argv, text):
    status, out, err = call(capsys, *(model if a == "MODEL" else a for a in argv))
    assert status == 2 and text in err and not out


def test_bytes_over_a_bandwidth(capsys):
    status, out, _ = call(capsys, "--inference", "1us", "--bandwidth", "115200bit/s", "--transfer-bytes", "144", "--json")
    assert status == 0 and json.loads(out)["stages"]["transfer"]["value"] == pytest.approx(10_000)


def test_estimate_and_open_boards(capsys, model):
    """What no HLS flow reaches has no estimate, whichever command asks."""
    assert main(["estimate", model, "--board", "ulx3s-85f"]) == 2
    assert "no HLS flow reaches Radiona ULX3S 85F" in capsys.readouterr().err
