"""Resources against latency: plans that nothing beats, and the cheapest that is quick enough."""

from __future__ import annotations

import json

import pytest

from fpgacompress.cli.main import main
from fpgacompress.errors import HardwareError
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.reuse import check_plan, plan
from fpgacompress.hardware.trade import cheapest, trade
from fpgacompress.integer import store

from .networks import cnn, mlp

PYNQ = load_board("pynq-z2")
NETWORK = mlp((64, 32, 16, 5), (6, 6, 6), 0.5, x_bits=16)


@pytest.fixture(scope="module")
def points():
    return trade(NETWORK, board=PYNQ, clock_ns=5.0)


def test_each_plan_is_cheaper_than_every_quicker_one(points):
    assert len(points) >= 8
    for quick, slow in zip(points, points[1:]):
        assert quick.cycles.value < slow.cycles.value and quick.share > slow.share
    for point in points:
        check_plan(NETWORK, point.plan)


def test_the_automatic_plan_does_not_beat_the_trade(points):
    from fpgacompress.hardware.estimate import estimate

    told = estimate(NETWORK, board=PYNQ, clock_ns=5.0, plan=plan(NETWORK, board=PYNQ, clock_ns=5.0)).total
    quick = [p for p in points if p.cycles.value <= told["latency_cycles"].value]
    share = max(told[f"{k}_post_synth" if k in ("lut", "ff") else k].value / PYNQ.capacity(k) for k in ("lut", "ff", "dsp", "bram18"))
    assert min(p.share for p in quick) <= share


def test_the_cheapest_plan_keeps_a_budget_by_its_upper_end(points):
    for budget in (40, 200, 2000):
        found = cheapest(points, budget)
        assert found.cycles.high <= budget
        assert all(p.share >= found.share or p.estimate.fits is False for p in points if p.cycles.high <= budget)
    with pytest.raises(HardwareError, match="the quickest takes"):
        cheapest(points, 1)


def test_a_smaller_share_takes_less():
    network = mlp((128, 64, 10), (6, 6), 0.3, x_bits=16)
    from fpgacompress.hardware.estimate import estimate

    luts = [
        estimate(network, board=PYNQ, plan=plan(network, board=PYNQ, share=share)).total["lut_post_synth"].value for share in (0.7, 0.35)
    ]
    assert luts[1] < luts[0] <= 0.7 * PYNQ.lut and luts[1] <= 0.35 * PYNQ.lut


def test_a_share_that_no_plan_keeps_is_refused():
    network = mlp((128, 64, 10), (6, 6), 0.3, x_bits=16)
    with pytest.raises(HardwareError, match="no plan keeps to 1 % of TUL PYNQ-Z2.*a share of at least"):
        plan(network, board=PYNQ, share=0.01)


def test_convolutions_are_traded_by_what_is_known():
    found = trade(cnn(), board=PYNQ, io="io_stream")
    assert len(found) >= 2 and all(p.estimate.fits is None for p in found)


def test_command_line(tmp_path, capsys):
    path, picture = store.save(NETWORK, tmp_path / "n.npz"), tmp_path / "trade.png"
    assert main(["plan", str(path), "--board", "pynq-z2", "--latency-us", "1", "--plot", str(picture), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["layers"]) == {"fc1", "fc2", "fc3"} and told["chosen"]["total"]["latency_us"]["high"] <= 1.0
    assert all(row["ii"] >= 1 for rows in told["layers"].values() for row in rows) and len(told["trade"]) >= 8
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["plan", str(path), "--board", "pynq-z2", "--share", "0.4"]) == 0
    out = capsys.readouterr().out
    assert "plans that nothing beats" in out and "firmware:" in out and "fits: " in out
    assert main(["plan", str(path), "--board", "pynq-z2", "--share", "0.01"]) == 2
    many = (["--share", "0"], ["--clock-ns", "0"], ["--latency-cycles", "1"], ["--latency-us", "-1"], ["--latency-us", "nan"])
    for wrong in (*many, ["--plot", "x.pdf"], ["--plot", str(tmp_path)], ["--plot", "/proc/none/x.png"]):
        assert main(["plan", str(path), "--board", "pynq-z2", *wrong]) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith("fpgacompress plan: ")
