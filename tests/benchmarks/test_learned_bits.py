"""What the benchmark of learned bits says of its rows: the student within a budget, the peer beside it, the goals."""

import numpy as np

from benchmarks.learned_bits_rows import against_peer, cells_of, goals, peer, spans, within
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor


def row(method, seed, ebops, test, loss, **more):
    return {
        "task": "t",
        "method": method,
        "seed": seed,
        "ebops": ebops,
        "test": test,
        "validation_loss": loss,
        "differing": 0,
        "seconds": 60,
    } | more


ROWS = [
    row("learned", 1, 90, 0.70, 0.5),
    row("learned", 1, 300, 0.80, 0.4, verified={"differing_bits": {"hls": 3, "keras": 0}}),
    row("learned", 1, 350, 0.99, 0.6),  # lucky on the test split, but not on validation data
    row("learned", 2, 100, 0.72, 0.5),
    row("learned", 2, 380, 0.82, 0.4),
    row("uniform 4", 1, 400, 0.78, 0.4),
    row("uniform 4", 2, 380, 0.80, 0.4),
]
PEER = [{"task": {"task": "t"}, "points": [{"ebops": 95, "accuracy_validation": 0.7, "accuracy_test": 0.75}]}]


def test_the_student_within_a_budget_is_picked_on_validation_data_in_each_seed():
    assert np.isclose(within(ROWS, "t", "ebops", 400), 0.81)
    assert np.isclose(within(ROWS, "t", "ebops", 100), 0.71)
    assert np.isnan(within(ROWS, "t", "ebops", 95))  # one seed has none
    assert np.isnan(within(ROWS, "t", "cells", 400))


def test_the_peer_stands_beside_it_where_both_have_a_student():
    assert peer(PEER, "t", "ebops", 100) == 0.75 and np.isnan(peer(PEER, "t", "ebops", 50)) and np.isnan(peer(PEER, "u", "ebops", 100))
    first = against_peer(ROWS, PEER)[0]
    assert (first["within"], first["HGQ2"]) == (100, 0.75) and np.isclose(first["learned"], 0.71)


def test_goals_hold_the_worst_of_the_rows():
    found = {g["goal"]: g for g in goals(ROWS, against_peer(ROWS, PEER))}
    fixed = found["t: learned minus fixed bits at equal EBOPs, worst of 1 (uniform 4)"]
    assert np.isclose(fixed["reached"], 0.81 - 0.79) and fixed["holds"]
    assert not found["t: learned minus HGQ2 at equal ebops, worst budget"]["holds"]
    assert found["t: points of one run"]["reached"] == 2
    differing = next(g for text, g in found.items() if text.startswith("differing logits"))
    assert differing["reached"] == 3 and not differing["holds"]


def test_goals_of_fixed_bits_alone():
    assert not [g for g in goals([r for r in ROWS if r["method"] != "learned"], []) if "points of one run" in g["goal"]]


def test_bits_that_are_read_are_counted_of_a_small_network():
    """Two inputs, three hidden values of which the last is read by nothing, two logits."""
    kind, sums, hidden = FixedType(4, 2), FixedType(12, 6), FixedType(3, 1, False, "TRN", "SAT")
    weights, biases = FixedType(4, 1), FixedType(6, 2)
    first = Node("fc0", "dense", ("x",), sums, (3,), Tensor([[1, 2, 3], [0, 5, 1]], weights), Tensor([6, 0, 7], biases))
    last = Node("fc1", "dense", ("relu",), sums, (2,), Tensor([[1, 0], [0, 3], [0, 0]], weights), Tensor([0, 5], biases))
    nodes = (Node("x", "input", (), kind, (2,)), first, Node("relu", "quantize", ("fc0",), hidden, (3,)), last)
    assert spans(IntegerNetwork("n", nodes)) == {"bias_bits": 2 + 3, "value_bits": 3 + 3}


def test_what_cells_are_made_of_is_found():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(30):
        ebops, bias, value = (int(v) for v in rng.integers([100, 10, 10], [2000, 100, 100]))
        cells = ebops + 1.3 * bias + 1.7 * value
        rows.append(row("learned", 1, ebops, 0.8, 0.4, task="magic", cells=cells, bias_bits=bias, value_bits=value))
    rows.append(rows[0] | {"task": "ecg_beats", "cells": 2 * rows[0]["cells"]})
    told = cells_of(rows)
    assert np.isclose(told["bias"], 1.3) and np.isclose(told["value"], 1.7)
    assert told["error"] < 1e-9 < 0.01 < told["error_of_ebops_alone"]
    assert cells_of(rows[:5]) == {}
