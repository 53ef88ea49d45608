"""What laws leave over: the law itself far from all rows, real errors beside them, and intervals that cover what they have not seen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fpgacompress.hardware.area import features
from fpgacompress.hardware.calibrate import DATA, tables
from fpgacompress.hardware.calibration import FILE, from_json, load_calibration
from fpgacompress.hardware.coverage import GRAIN, bounds, conformal, covered, half_width
from fpgacompress.hardware.learning import learned_rows
from fpgacompress.hardware.residual import Residual, Rows, axes, choose, log_error, position
from fpgacompress.hardware.table import design_rows

DESIGNS = [s for s in design_rows(tables(DATA)[0]) if s.dense]
SHARED = [s for s in DESIGNS if len(s.layers) == 1 and all(p.shared for p in s.plan.values()) and not s.design.operations][::5]
KEPT = [name for name, head in load_calibration().heads.items() if head.residual]


def value(head, sample, facts=None, reuse=None, setting=None):
    """LUT or FF that the law alone, and the shipped calibration, tell of a layer of a row, changed or not."""
    own, factor = sample.layers[0]
    facts, reuse, setting = facts or own, reuse or factor, setting or sample.setting
    calibration = load_calibration()
    law = float(features(head, facts, reuse, setting) @ calibration.heads[head].coefficients)
    return law, calibration.area(head, facts, reuse, setting)


def test_a_head_without_gain_has_no_residual():
    assert "resource_ff_csynth" in KEPT and "resource_ff_post-synth" not in KEPT
    two = next(s for s in DESIGNS if len(s.layers) == 2 and s.strategy == "Resource")
    law, area = value("resource_ff_post-synth", two)
    assert area.value == law


@pytest.mark.parametrize("head", ["resource_lut_csynth", "resource_ff_csynth"])
def test_far_from_all_rows_the_law_speaks_alone(head):
    sample = SHARED[0]
    facts, reuse = sample.layers[0]
    law, near = value(head, sample)
    assert near.value != law
    for changes in (
        {"facts": replace(facts, x_bits=4)},
        {"facts": replace(facts, n_in=100_000)},
        {"setting": replace(sample.setting, ultrascale=False)},
        {"setting": replace(sample.setting, backend="Vitis")},
        {"setting": replace(sample.setting, clock_ns=25.0)},
    ):
        law, area = value(head, sample, **changes)
        assert area.value == law, changes
        assert area.high / area.value > near.high / near.value, "and its interval is the wide one"


def test_beside_rows_it_is_nearer_to_what_was_measured():
    errors = {"law": [], "told": []}
    for sample in SHARED:
        law, area = value("resource_ff_csynth", sample)
        errors["law"].append(abs(np.log(sample.truth["ff_csynth"] / law)))
        errors["told"].append(abs(np.log(sample.truth["ff_csynth"] / area.value)))
    assert np.mean(errors["told"]) < 0.5 * np.mean(errors["law"])


def test_the_smoother_by_hand():
    head = "resource_ff_csynth"
    place = position(head, SHARED[0].layers[0][0], 64, SHARED[0].setting)
    centres = np.stack([place, place, place])
    centres[2, list(axes(head)).index("part")] += 1
    smoother = Residual(centres, np.array([1.0, 0.5, 1.0]), np.array([0.2, -0.4, 9.0]), np.array(list(axes(head).values())), 0.15, 0.5)
    logs, support = smoother.at(place[None])
    assert support[0] == pytest.approx(1.5 / 2.0) and abs(logs[0]) < 1e-12, "0.2 and half of -0.4 cancel; another part never counts"
    away = place.copy()
    away[0] += 0.15 * 0.5 * np.sqrt(2 * len(place))  # one unit of the kernel's exponent away
    _, less = smoother.at(away[None])
    weight = 1.5 * np.exp(-1)
    assert less[0] == pytest.approx(weight / (0.5 + weight))
    again = Residual.from_json(head, smoother.to_json(head))
    assert again.at(place[None])[1][0] == pytest.approx(0.75, abs=1e-3)


def _rows(bend):
    """Sixty designs of ten groups whose truth is the law times a smooth function of the position, and some noise."""
    random = np.random.default_rng(1)
    groups = np.tile(np.arange(10), 6)
    places = np.zeros((60, len(axes("resource_ff_csynth"))))
    places[:, 0] = 10 * random.random(60)
    law = random.uniform(500, 5000, 60)
    y = law * np.exp(bend * np.sin(places[:, 0]) + random.normal(0, 0.05, 60))
    return Rows(places, np.arange(60), law, y), groups


def test_what_is_chosen_helps_groups_left_out_and_noise_is_left_alone():
    rows, groups = _rows(0.4)
    width, prior = choose("resource_ff_csynth", rows, groups)
    inner, outer = rows.only(groups != 4), rows.only(groups == 4)
    logs, support = inner.residual("resource_ff_csynth", width, prior).at(outer.places)
    assert log_error(outer.corrected(logs), outer.y) < 0.7 * log_error(outer.law, outer.y) and (support > 0.3).all()
    shuffled, groups = _rows(0.0)
    chosen = choose("resource_ff_csynth", shuffled, groups)
    logs = shuffled.residual("resource_ff_csynth", *chosen).at(shuffled.places)[0] if chosen else np.zeros(60)
    assert np.abs(logs).max() < 0.15


def test_layers_of_one_design_share_its_error_by_their_part_in_it():
    rows = Rows(np.zeros((2, 8)), np.array([0, 0]), np.array([300.0, 100.0]), np.array([800.0]))
    smoother = rows.residual("resource_ff_csynth", 0.4, 1.0)
    assert smoother.shares.tolist() == [0.75, 0.25] and smoother.errors == pytest.approx(np.log(2))
    assert rows.corrected(np.log([1.0, 3.0])).tolist() == pytest.approx([600.0])
    assert rows.per_design(np.array([1.0, 0.0])).tolist() == [0.75]


def test_architectures_that_are_left_out_do_not_teach():
    """Nothing of a design's architecture is in what is said of it: its measured value may be anything."""
    head = "resource_ff_csynth"
    _, rows = learned_rows(head, SHARED)
    keys = rows.groups
    out = keys == keys[0]
    before = rows.left_out(keys)
    changed = replace(rows, y=np.where(out, 10 * rows.y, rows.y)).left_out(keys)
    assert np.array_equal(before.told[out], changed.told[out]) and not np.array_equal(before.told, changed.told)


def test_intervals_cover_what_they_were_not_made_of():
    random = np.random.default_rng(2)
    assert conformal(np.arange(1.0, 100.0)) == 90 and conformal(np.arange(3.0)) == 2, "too few: the largest"
    groups, support = np.repeat(np.arange(50), 8), random.random(400)
    far = random.normal(0, 0.3, 400)
    near = random.normal(0, 1, 400) * (0.3 * (1 - support) + 0.05 * support)
    wide, narrow = bounds(far, near, support)
    assert 0.4 < wide < 0.6 and 0.03 < narrow < 0.15 and half_width(wide, narrow, 0.0) == wide
    inside = covered(far, near, support, np.zeros(400, int), groups)
    assert all(0.85 <= np.mean(i) <= 0.95 for i in inside)
    assert bounds(far, far, np.zeros(400)) == (wide, wide), "without support there is one width"


def test_ends_of_an_interval_are_those_of_its_half_width():
    law, area = value("resource_ff_csynth", SHARED[0], setting=replace(SHARED[0].setting, ultrascale=False, backend="Vitis"))
    far, _ = load_calibration().heads["resource_ff_csynth"].intervals["all"]
    assert area.high == pytest.approx((law + GRAIN) * np.exp(far) - GRAIN) and area.low == pytest.approx(
        (law + GRAIN) / np.exp(far) - GRAIN
    )


def test_a_smoother_with_other_axes_is_not_read():
    content = json.loads(FILE.read_text())
    del content["heads"]["resource_ff_csynth"]["residual"]["scale"]["reuse"]
    with pytest.raises(KeyError):
        from_json(content)
