import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import ModelError
from fpgacompress.integer.emulate import run
from fpgacompress.lower import lower
from fpgacompress.quantize.allocate import CostModel, after_ptq, after_training, allocate, cost_model, searched
from fpgacompress.quantize.allocate.costs import Term
from fpgacompress.quantize.allocate.exact import exact
from fpgacompress.quantize.allocate.greedy import greedy
from fpgacompress.quantize.allocate.search import search
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.sensitivity import Score, Tensor, measure
from fpgacompress.train import TrainConfig, TrainingData, logits_of


def problem(seed):
    """Random losses that rise and random costs that fall with fewer bits: pairs share a tensor, one term has three tensors."""
    rng = np.random.default_rng(seed)
    options = {Tensor(name, "kernel"): (8, 5, 4, 2)[: int(rng.integers(2, 5))] for name in "abcd"}
    names = list(options)
    losses = {t: dict(zip(widths, [0.0, *np.cumsum(rng.exponential(1, len(widths) - 1))])) for t, widths in options.items()}

    def table(*tensors):
        shape = [len(options[t]) for t in tensors]
        falls = rng.exponential(1, shape)
        for axis in range(len(shape)):
            falls = np.flip(np.cumsum(np.flip(falls, axis), axis), axis)
        return Term(tensors, 10 * falls)

    groups = [names[:1], names[:2], names[1:3], names[1:4]]
    return losses, CostModel("ebops", options, tuple(table(*g) for g in groups))


def best_of_all(losses, costs, budget):
    found = []
    for widths in itertools.product(*costs.options.values()):
        choice = dict(zip(costs.options, widths))
        if costs.of(choice) <= budget:
            found.append(sum(losses[t][b] for t, b in choice.items()))
    return min(found)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_exact_finds_the_best_of_all_choices_and_greedy_stays_within_the_budget(seed, share):
    losses, costs = problem(seed)
    least, most = costs.of(costs.extreme(-1)), costs.of(costs.extreme(0))
    budget = least + share * (most - least)
    best, nearly = best_of_all(losses, costs, budget), best_of_all(losses, costs, max(budget * (1 - 2e-5), least))

    def loss(choice):
        return sum(losses[t][b] for t, b in choice.items())

    solved, quick = exact(losses, costs, budget), greedy(losses, costs, budget)
    assert costs.of(solved) <= budget and best - 1e-9 <= loss(solved) <= nearly + 1e-4
    assert costs.of(quick) <= budget and loss(quick) >= best - 1e-9


def test_a_budget_below_the_narrowest_widths_is_refused_with_the_least_possible(dense):
    candidates, _, x, _ = dense
    costs = cost_model(candidates, "bits")
    table = measure(candidates, x, np.zeros(len(x), int))
    with pytest.raises(ModelError, match="at least 480"):  # 2 bits x (10 x 12 + 12 x 8 + 8 x 3)
        allocate(table, costs, 479)
    assert allocate(table, costs, 480).choice == costs.extreme(-1) | {
        t: b for t, b in allocate(table, costs, 480).choice.items() if t.kind != "kernel"
    }


@pytest.mark.parametrize("method", ["greedy", "exact"])
def test_the_student_of_an_allocation_meets_the_budget_and_is_exact(dense, method):
    candidates, model, x, kind = dense
    y = logits_of(model, x).argmax(1)
    costs = cost_model(candidates, "ebops")
    budget = 1.5 * costs.of(candidates.uniform(3))
    table = measure(candidates, x, y)
    found = allocate(table, costs, budget, method, by="divergence")
    assert found.cost <= budget
    student = quantized_student(model, candidates.recipe(found.choice), x)
    network = lower(student, kind)
    integers = run(network, kind.quantize(x))
    np.testing.assert_array_equal(network.output.out.to_float(integers), logits_of(student, x))
    uniform = sum(table.losses(t, costs.options[t], "divergence")[b] for t, b in candidates.uniform(3).items())
    assert found.loss < uniform


def test_all_tensors_at_once_are_scored_against_the_float_model(dense):
    candidates, model, x, _ = dense
    y = logits_of(model, x).argmax(1)
    evaluate = after_ptq(candidates, x, y)
    wide, narrow = evaluate(candidates.uniform(8)), evaluate(candidates.uniform(2))
    assert 0 < wide.divergence < narrow.divergence and wide.accuracy > narrow.accuracy


def test_each_choice_is_trained_from_the_float_weights_and_scored_on_validation_data(dense):
    candidates, model, x, _ = dense
    y = logits_of(model, x).argmax(1)
    before = [w.copy() for w in model.get_weights()]
    data = TrainingData(x[:200], y[:200], x[200:], y[200:])
    evaluate = after_training(candidates, model, x, data, TrainConfig(2, batch_size=20, learning_rate=1e-3, seed=1))
    wide, narrow = evaluate(candidates.uniform(8)), evaluate(candidates.uniform(2))
    assert wide.loss < narrow.loss and wide.accuracy > narrow.accuracy
    assert evaluate(candidates.uniform(8)) == wide  # nothing of one training is left for the next
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before))


def test_a_search_that_was_interrupted_makes_up_for_the_trials_it_lost(tmp_path):
    optuna = pytest.importorskip("optuna")
    losses, costs = problem(3)
    budget = costs.of(costs.extreme(0))

    def evaluate(choice):
        return Score(sum(losses[t][b] for t, b in choice.items()), 0.5)

    left = iter(range(2))

    def interrupted(choice):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return evaluate(choice)

    def finished():
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "search.log")))
        (name,) = optuna.get_all_study_names(storage)
        return sum(t.values is not None for t in optuna.load_study(study_name=name, storage=storage).trials)

    with pytest.raises(KeyboardInterrupt):
        search(interrupted, costs, budget, trials=12, folder=tmp_path)
    assert finished() == 2
    for _ in range(2):  # goes on to what was asked for, then has nothing left to do
        search(evaluate, costs, budget, trials=12, folder=tmp_path)
        assert finished() == 12


def test_search_finds_the_optimum_of_a_small_problem_and_goes_on_where_it_stopped(tmp_path):
    pytest.importorskip("optuna")
    losses, costs = problem(3)
    budget = 0.5 * (costs.of(costs.extreme(0)) + costs.of(costs.extreme(-1)))
    asked = []

    def evaluate(choice):
        asked.append(choice)
        return Score(sum(losses[t][b] for t, b in choice.items()), 0.5)

    first = searched(evaluate, costs, budget, trials=30, folder=tmp_path)
    before = len(asked)
    again = searched(evaluate, costs, budget, trials=30, folder=tmp_path)
    assert len(asked) == before and again.choice == first.choice and again.loss == first.loss
    more = searched(evaluate, costs, budget, trials=120, folder=tmp_path)
    assert more.cost <= budget and more.loss <= first.loss
    assert more.loss == pytest.approx(best_of_all(losses, costs, budget), rel=0.15)
    assert len(asked) == len({tuple(choice.values()) for choice in asked})  # nothing is trained twice
    losses_along, costs_along = [p["loss"] for p in more.front], [p["cost"] for p in more.front]
    assert losses_along == sorted(losses_along, reverse=True) and costs_along == sorted(costs_along)
