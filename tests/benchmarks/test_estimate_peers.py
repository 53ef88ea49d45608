"""The comparison with rule4ml: what the peer is told, what is left out of our laws, and how errors are read."""

import json

import pytest

from benchmarks import estimate_peers
from benchmarks.estimate_peers import FAMILIES, Tables, built, described, errors, laws_of, ours, peers
from fpgacompress.errors import DataError, ToolError
from fpgacompress.figures import Figure, unavailable
from fpgacompress.hardware.calibrate import DATA
from fpgacompress.hardware.calibrate import tables as read_tables
from fpgacompress.hardware.calibration import from_json, using
from fpgacompress.hardware.table import predict


@pytest.fixture(scope="module")
def tables():
    return Tables(*read_tables(DATA))


def one(tables, design):
    return next((r, s) for r, s in zip(tables.designs, tables.samples) if s.id == design)


def test_the_peer_is_told_the_design_and_its_first_reading_is_the_literal_one(tables):
    told = described(*one(tables, "wahls4ml2L_dense_64-112-80_12b_rf2047"))
    assert (told["board"], told["older_board"], told["strategy"], told["reuse"]) == ("alveo-u250", "alveo-u200", "resource", 2047)
    assert [(layer["type"], layer["n_in"], layer["n_out"]) for layer in told["layers"]] == [("dense", 64, 112), ("dense", 112, 80)]
    assert next(iter(told["readings"].values())) == {"precision": "ap_fixed<16, 6>", "hls4ml": "1.1.0", "tool": "2023.2"}
    assert {r["precision"] for r in told["readings"].values()} == {"ap_fixed<16, 6>", "ap_fixed<12, 1>"}
    older = described(*one(tables, "wahls4ml1L_dense_32_32_2b_rf512_latency"))["readings"]
    assert next(iter(older.values())) == {"precision": "ap_fixed<16, 6>", "hls4ml": "0.8.1", "tool": "2020.1"}
    assert {r["tool"] for r in older.values()} == {"2020.1", "2019.1"} and len(older) == 8


def test_a_part_without_a_board_is_named(tables):
    row, sample = one(tables, "wahls4ml1L_dense_32_32_2b_rf512_latency")
    with pytest.raises(DataError, match="xcvu9p"):
        described({**row, "part": "xcvu9p-flgb2104-2-i"}, sample)


def test_every_design_of_the_families_can_be_told(tables):
    pairs = [(r, s) for r, s in zip(tables.designs, tables.samples) if s.family in FAMILIES and s.dense]
    told = [described(r, s) for r, s in pairs]
    assert {s.family for _, s in pairs} == set(FAMILIES)
    assert len({tuple(t["readings"]) for t in told}) == 1
    assert {layer["type"] for t in told for layer in t["layers"]} <= {"dense", "relu", "softmax", "normalize"}
    json.dumps(told)


def test_no_law_has_seen_the_design_it_is_asked_about(tables):
    for design, left in (
        ("wahls4ml1L_dense_64_32_8b_rf1_latency", {"latency_lut_csynth": "family"}),
        ("wahls4ml1L_dense_64_32_12b_rf512_resource", {"resource_lut_csynth": "architecture"}),
        ("wahls4ml2L_dense_64-112-80_12b_rf2047", {"resource_ff_post-synth": "architecture"}),
        ("ArgyKokk__CARDIO-LUT_reuse1", {"latency_lut_csynth": "family", "softmax_fabric_lut": "architecture", "softmax_lut": "family"}),
        ("ArgyKokk__Breast_cancer-LUT_reuse1", {"normalize_lut": "nothing"}),
    ):
        _, sample = one(tables, design)
        content, held = tables.without(sample)
        assert held | left == held
        for name in laws_of(sample, "lut_csynth") & set(content["heads"]):
            families = content["heads"][name]["families"]
            assert sample.family not in families or held[name] == "architecture"
    _, sample = one(tables, "wahls4ml1L_dense_64_32_8b_rf1_latency")
    content, _ = tables.without(sample)
    with using(from_json(content)):
        left_out = predict(sample)["lut_csynth"]
    assert left_out.value != predict(sample)["lut_csynth"].value


def test_designs_of_the_same_sizes_are_left_out_together(tables):
    _, sample = one(tables, "wahls4ml1L_dense_64_32_12b_rf512_resource")
    content, _ = tables.without(sample)
    same = sum(s.family == sample.family and s.layers[0][0].n_in == 64 and s.layers[0][0].n_out == 32 for s in tables.samples)
    assert content["designs"] == len(tables.designs) - sum(s.family == sample.family for s in tables.samples)
    near, _ = tables.fitted(sample.family, "64-32")
    assert near["designs"] == len(tables.designs) - same and same > 10


def test_laws_behind_a_column(tables):
    _, sample = one(tables, "ArgyKokk__CARDIO-LUT_reuse1")
    assert laws_of(sample, "lut_csynth") == {"latency_lut_csynth", "activation_lut", "softmax_fabric_lut"}
    assert laws_of(sample, "dsp_csynth") == laws_of(sample, "latency_max") == set()
    assert built(sample) == "Latency" and built(one(tables, "wahls4ml1L_dense_32_32_8b_rf1_resource")[1]) == "unrolled"


def test_errors_are_relative_and_absolute_at_zero():
    assert errors([(90, 100), (3, 0), (100, 100)]) == {"rows": 3, "median": 0.1, "p90": pytest.approx(2.42)}
    assert errors([])["median"] is None
    found = ours([(Figure(90, "LUT", 80, 99), 100.0), (Figure(90, "LUT", 80, 100), 100.0), (unavailable("no law", "LUT"), 5.0)])
    assert (found["rows"], found["covered"]) == (2, 0.5)


def test_best_of_the_peer_is_picked_line_by_line(tables):
    _, sample = one(tables, "wahls4ml1L_dense_64_32_12b_rf512_resource")
    truth = sample.truth["bram18_csynth"]
    told = {sample.id: {"v2/gnn": {"a": {"bram": truth / 4}, "b": {"bram": truth / 2}}, "v1/mlp": {"a": {"bram": 3 * truth}}}}
    found = peers([sample], "bram18_csynth", told)
    assert found["default"]["median"] == 0.5 and found["of_csynth"]["median"] == 2.0
    assert (found["best"]["reading"], found["best"]["median"], found["tried"]) == ("b", 0.0, 3)


def test_an_environment_that_cannot_be_made_says_what_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(estimate_peers, "WORK", tmp_path)
    monkeypatch.setattr(estimate_peers.sys, "executable", "/bin/false")
    with pytest.raises(ToolError, match="rule4ml==0.2.0 cannot be installed"):
        estimate_peers.environment()
