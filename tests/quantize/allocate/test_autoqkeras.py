import sys

import numpy as np
import pytest

from fpgacompress.quantize.allocate import cost_model
from fpgacompress.train import TrainingData, logits_of

pytest.importorskip("keras_tuner")


def test_trials_of_autoqkeras_are_priced_and_the_best_within_the_budget_is_taken(dense):
    from fpgacompress.quantize.allocate.autoqkeras import autoqkeras

    candidates, model, x, _ = dense
    fixed = candidates.without_input()
    y = logits_of(model, x).argmax(1)
    costs = cost_model(fixed, "ebops")
    keras = sys.modules.get("keras")
    best, trials = autoqkeras(fixed, costs, np.inf, TrainingData(x[:200], y[:200], x[200:], y[200:]), trials=2)
    assert sys.modules.get("keras") is keras
    assert len(trials) == 2 and set(best) == set(costs.options)
    assert max(t["accuracy"] for t in trials) == next(t["accuracy"] for t in trials if t["bits"] == {str(k): b for k, b in best.items()})
    for trial in trials:
        assert trial["cost"] == costs.of({t: trial["bits"][str(t)] for t in costs.options})
