"""The laws against real synthesis results (a subset of the rows they are checked and calibrated on)."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from fpgacompress.cli.main import main as cli
from fpgacompress.errors import HardwareError
from fpgacompress.hardware import laws
from fpgacompress.hardware.area import HEADS
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.calibrate import DATA, calibrate, main, tables, validate
from fpgacompress.hardware.calibration import FILE, from_json, load_calibration, using
from fpgacompress.hardware.facts import weight_facts
from fpgacompress.hardware.fitting import fit
from fpgacompress.hardware.table import design_rows, layer_rows, predict, predict_layer

ROWS, LAYER_ROWS = tables(DATA)
DESIGNS = [s for s in design_rows(ROWS) if s.dense]
LAYERS = [s for s in layer_rows(LAYER_ROWS) if s.dense and s.design.layers]
SHARED = [s for s in DESIGNS if all(p.shared for p in s.plan.values()) and not s.design.operations]
ONE, TWO = [s for s in SHARED if len(s.layers) == 1][::20], [s for s in SHARED if len(s.layers) == 2][::2]
ALONE = [s for s in DESIGNS + LAYERS if len(s.layers) == 1 and s.strategy == "Latency" and s.layers[0][0].n_weights <= 4096]
UNROLLED, LIMITED = [s for s in ALONE if s.layers[0][1] == 1], [s for s in ALONE if s.layers[0][1] > 1]
TURNS = [s for s in LIMITED if s.layers[0][0].products > laws.multiplier_limit(*s.layers[0])]


def test_the_subset_has_all_kinds_of_rows():
    assert len(ONE) >= 30 and len(TWO) >= 20 and len(UNROLLED) >= 40 and len(LIMITED) >= 80 and len(TURNS) >= 40


@pytest.mark.parametrize("s", ONE + TWO, ids=lambda s: f"{s.group} rf{s.layers[0][1]}")
def test_resource_strategy(s):
    dsp = sum(laws.dsp(f, "Resource", rf, s.setting.backend) for f, rf in s.layers)
    truth = s.truth["dsp_csynth" if len(s.layers) == 1 else "dsp_synth"]
    assert abs(dsp - truth) <= max(2, 0.05 * truth)
    assert abs(laws.resource_latency([rf for _, rf in s.layers]) - s.truth["latency_max"]) <= 1
    if len(s.layers) == 1:
        facts, reuse = s.layers[0]
        assert laws.occupancy(facts, "Resource", reuse) == s.truth["ii_max"]
        assert abs(laws.rom_bram18(facts, "Resource", reuse) - s.truth["bram18_csynth"]) <= 1


@pytest.mark.parametrize("s", UNROLLED, ids=lambda s: f"{s.group} {s.setting.mapping}")
def test_latency_strategy(s):
    facts = s.layers[0][0]
    truth = s.truth["dsp_csynth"]
    dsp = laws.dsp(facts, "Latency", 1, s.setting.backend, s.setting.mapping)
    assert abs(dsp - truth) <= max(2, 0.15 * truth)
    assert abs(laws.latency_depth(facts, s.setting.clock_ns, s.setting.ultrascale) - s.truth["latency_max"]) <= 3


@pytest.mark.parametrize("s", LIMITED, ids=lambda s: f"{s.group} rf{s.layers[0][1]} {s.setting.mapping}")
def test_latency_strategy_with_a_reuse_factor(s):
    facts, reuse = s.layers[0]
    truth = s.truth["dsp_csynth"]
    assert abs(laws.dsp(facts, "Latency", reuse, s.setting.backend, s.setting.mapping) - truth) <= max(2, 0.05 * truth)
    high, low = (laws.latency_cycles(facts, reuse, s.setting.clock_ns, s.setting.ultrascale, spare) for spare in (0, 1))
    assert low - 5 <= s.truth["latency_max"] <= high + 5


def test_a_reuse_factor_limits_the_multipliers_of_latency_strategy():
    # 274 x 8 weights, 924 of them zero, reuse 100: ceil(2192 / 100) - floor(924 / 100)
    facts = next(s.layers[0][0] for s in LIMITED if s.layers[0][0].n_in == 274)
    assert facts.n_weights - facts.nonzeros == 924 and laws.multiplier_limit(facts, 100) == 22 - 9
    assert laws.multiplier_limit(facts, 1000) == 3 and laws.multiplier_limit(facts, 10**6) == 2


@pytest.mark.parametrize(
    ("head", "samples", "column", "median", "p90"),
    [
        ("resource_lut_csynth", ONE, "lut_csynth", 0.02, 0.05),
        ("resource_ff_csynth", ONE, "ff_csynth", 0.1, 0.2),
        ("resource_lut_post-synth", TWO, "lut_synth", 0.04, 0.1),
        ("resource_ff_post-synth", TWO, "ff_synth", 0.1, 0.2),
        ("latency_lut_csynth", UNROLLED, "lut_csynth", 0.1, 0.25),
        ("latency_ff_csynth", UNROLLED, "ff_csynth", 0.15, 0.6),
        ("latency_lut_csynth", LIMITED, "lut_csynth", 0.1, 0.25),
        ("latency-turns_ff_csynth", TURNS, "ff_csynth", 0.15, 0.35),
    ],
)
def test_the_shipped_calibration_predicts_real_rows(head, samples, column, median, p90):
    calibration = load_calibration()
    errors = []
    for s in samples:
        predicted = sum(calibration.area(head, f, rf, s.setting).value for f, rf in s.layers)
        errors.append(abs(predicted - s.truth[column]) / s.truth[column])
    assert np.median(errors) <= median and np.quantile(errors, 0.9) <= p90


def test_calibrating_gives_the_shipped_calibration(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "c.json")]) == 0
    told = capsys.readouterr().out
    assert "families left out" in told and "whole designs" in told
    again, shipped = (json.loads(p.read_text()) for p in (tmp_path / "c.json", FILE))
    assert set(again["heads"]) == set(HEADS) and again["ratios"] == shipped["ratios"]
    for head, content in shipped["heads"].items():
        assert again["heads"][head]["coefficients"] == pytest.approx(content["coefficients"], rel=1e-3), head
        assert bool(again["heads"][head]["residual"]) == bool(content["residual"]), head


def test_errors_on_what_was_left_out_keep_their_aims():
    heads = json.loads(FILE.read_text())["heads"]
    for name, median, p90 in (("latency_lut_csynth", 0.12, 0.4), ("latency_ff_csynth", 0.25, 1.0), ("latency-turns_ff_csynth", 0.25, 1.0)):
        for family, found in heads[name]["families_left_out"].items():
            assert found["with_residual"]["median"] <= median and found["with_residual"]["p90"] <= p90, (name, family)
    for name, median in (
        ("resource_lut_csynth", 0.12),
        ("resource_lut_post-synth", 0.10),
        ("resource_ff_csynth", 0.25),
        ("resource_ff_post-synth", 0.25),
    ):
        assert heads[name]["architectures_left_out"]["with_residual"]["median"] <= median, name
    for name, head in heads.items():
        for family, (_, far) in head["coverage"].items():
            assert 0.85 <= far <= 0.95, (name, family)


def test_designs_elsewhere_are_told_without_their_own_reports():
    """A dense network in Latency strategy by two tools, from other sources than the tables: DSP nearly to the slice, LUT after synthesis within 25 %."""
    content = json.loads(FILE.read_text())
    samples, told = validate(content, ROWS)
    by_id = {s.id: (s, t) for s, t in zip(samples, told)}
    sample, figures = by_id["astitwlathe__KERAS_3layer"]
    for column, most in (("lut_synth", 0.25), ("ff_synth", 0.25), ("lut_csynth", 0.15), ("dsp_csynth", 0.01)):
        assert abs(figures[column].value / sample.truth[column] - 1) <= most, column
    assert figures["lut_synth"].low <= sample.truth["lut_synth"] <= figures["lut_synth"].high
    assert by_id["taitashaw__KERAS_3layer"][1]["dsp_csynth"].value == by_id["taitashaw__KERAS_3layer"][0].truth["dsp_csynth"]
    with using(from_json(content)):
        assert predict(sample)["lut_synth"].value != figures["lut_synth"].value, "with its own report the ratio is another"


def test_own_results_go_in_and_are_used(tmp_path, capsys):
    """Another tool that makes twice as many LUT of everything: calibrated with its rows, its estimates double."""
    own = [
        r | {"design_id": f"own{i}", "family": "own", "tool": "vitis_hls", "lut_csynth": str(2 * float(r["lut_csynth"]))}
        for i, r in enumerate(ROWS)
        if r["strategy"] == "latency" and r["lut_csynth"] and "wa-" in r["family"]
    ]
    table, mine = tmp_path / "own.csv", tmp_path / "mine.json"
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(own[0]))
        writer.writeheader()
        writer.writerows(own)
    assert cli(["calibrate", "--add", str(table), "--output", str(mine)]) == 0
    figures = []
    for extra in ([], ["--calibration", str(mine)]):
        capsys.readouterr()
        assert cli(["estimate", "--table", str(table), "--json", *extra]) == 0
        figures.append(json.loads(capsys.readouterr().out)["designs"][0]["lut_csynth"]["value"])
    assert figures[1] > 1.7 * figures[0]
    assert cli(["estimate", "--table", str(table), "--calibration", str(tmp_path / "none.json")]) == 2


def test_calibration_that_cannot_be_read(tmp_path):
    with pytest.raises(HardwareError, match="cannot be read"):
        load_calibration(tmp_path / "none.json")
    content = json.loads(FILE.read_text())
    turned = {h: v | {"coefficients": dict(reversed(v["coefficients"].items()))} for h, v in content["heads"].items()}
    (tmp_path / "turned.json").write_text(json.dumps(content | {"heads": turned}))
    for head, law in load_calibration(tmp_path / "turned.json").heads.items():
        assert np.array_equal(law.coefficients, load_calibration().heads[head].coefficients), "order in the file does not matter"
    (tmp_path / "old.json").write_text(json.dumps(content | {"heads": {}}))
    with pytest.raises(HardwareError, match="cannot be read"):
        load_calibration(tmp_path / "old.json")
    (tmp_path / "bad.json").write_text('{"heads": []}')
    with pytest.raises(HardwareError, match="cannot be read"):
        load_calibration(tmp_path / "bad.json")
    with pytest.raises(HardwareError, match="table"):
        calibrate(tmp_path)
    (tmp_path / "designs.csv.gz").write_bytes(b"\x1f\x8b broken")
    (tmp_path / "layers.csv.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(HardwareError, match="table"):
        calibrate(tmp_path)


def test_fits_are_not_negative():
    random = np.random.default_rng(0)
    x = random.random((200, 3)) + 0.1
    found = fit(x, x @ np.array([2.0, 0.0, 5.0]) * np.exp(random.normal(0, 0.1, 200)))
    assert (found >= 0).all() and found == pytest.approx([2, 0, 5], abs=0.5)


def test_counts_of_a_kernel_by_hand():
    # row 0: 11 = 16-4-1 (3 digits), 11 again, -11 another signed value; row 1: 3 = 4-1, 6 = 2 x 3 (same odd magnitude), 5 = 4+1; row 2:
    # powers of two
    found = weight_facts([[11, 11, -11], [3, 6, 5], [1, -8, 0]])
    assert found == {
        "nonzeros": 8,
        "products": 2,
        "product_spans": ((4, 2),),
        "two_digit": 3,
        "pairs": 2,
        "span": 4,
    }


def test_block_ram_uses_the_cheapest_shape():
    assert [laws.port_bits(d) for d in (1, 512, 513, 1024, 2048, 4096, 8192, 10_000)] == [36, 36, 18, 18, 9, 4, 2, 1]
    assert laws.memory_blocks(36, 512) == 1 and laws.memory_blocks(36, 1024) == 2 and laws.memory_blocks(4, 100_352) == 4 * 6 + 1
    assert laws.memory_blocks(448, 1280) == 25 + 13, "1024 words 18 bits wide, and 256 words 36 bits wide"


def test_board_families_differ_in_adder_levels():
    assert laws.levels_per_cycle(5, load_board("zcu102").ultrascale) > 2 * laws.levels_per_cycle(5, load_board("pynq-z2").ultrascale)


@pytest.mark.parametrize(
    ("x", "w", "ultrascale", "slices"),
    [(16, 8, True, 1), (27, 18, True, 1), (28, 12, True, 2), (27, 12, False, 2), (53, 16, True, 2), (32, 32, True, 4)],
)
def test_wide_products_take_several_slices(x, w, ultrascale, slices):
    from dataclasses import replace

    assert laws.slices_per_product(replace(UNROLLED[0].layers[0][0], x_bits=x, w_bits=w), ultrascale) == slices


def test_wide_convolutions_of_the_table_have_the_slices_that_were_measured():
    rows = [s for s in layer_rows(LAYER_ROWS, {r["design_id"]: r["io_type"] for r in ROWS}) if s.design.layers and not s.dense]
    wide = [s for s in rows if s.layers[0][0].x_bits == 28]
    assert len(wide) == 3
    for sample in wide:
        assert predict_layer(sample)["dsp"].value == sample.truth["dsp_csynth"]


def test_what_unrolled_rows_do_not_have_is_told_as_outside():
    from dataclasses import replace

    from fpgacompress.hardware.area import outside
    from fpgacompress.hardware.setting import Setting

    for sample in UNROLLED:
        assert outside(*sample.layers[0][:1], "Latency", 1, "csynth", sample.setting) is None, "every row lies inside"
    facts = next(s.layers[0][0] for s in UNROLLED if s.layers[0][0].products and s.setting.ultrascale)
    inside = Setting(True, 5.0, "Vivado")
    for changed, setting, reason in (
        (facts, replace(inside, backend="Vitis"), "back end Vitis"),
        (facts, replace(inside, clock_ns=10.0), "a clock of 10 ns"),
        (replace(facts, x_bits=4), inside, "4-bit inputs"),
        (facts, Setting(False, 5.0, "Vitis"), "places itself"),
    ):
        assert reason in outside(changed, "Latency", 1, "csynth", setting)
