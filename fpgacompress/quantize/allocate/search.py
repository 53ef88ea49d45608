"""Allocation by search: Optuna proposes widths, the network is really run (or trained a little) with them, and the front is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ToolError
from ...run import digest
from ..sensitivity.candidates import Candidates
from ..sensitivity.forward import Forward, Score, score_of
from ..sensitivity.tensors import Choice, Tensor
from .costs import CostModel

Evaluate = Callable[[Choice], Score]
TRIALS = 200


def after_ptq(candidates: Candidates, x: np.ndarray, y: np.ndarray) -> Evaluate:
    """Score of a choice without any training: all tensors quantized at once, on samples ``(n, *input shape)`` of the validation split."""
    forward = Forward(candidates.model)
    reference = forward.logits(x)
    return lambda choice: score_of(forward.logits(x, candidates.change(choice)), y, reference)


def after_training(candidates: Candidates, model: Any, samples: np.ndarray, data: Any, config: Any) -> Evaluate:
    """Score of a choice after a short quantization-aware training, each from the float model's weights.

    Args:
        candidates: the model and its tensors at every width.
        model: the float model that the candidates were made of.
        samples: calibration inputs.
        data: :class:`fpgacompress.train.TrainingData`.
        config: :class:`fpgacompress.train.TrainConfig`, of one or a few epochs.
    """
    from ...train import fit, logits_of
    from ...train.monitor import score
    from ..build import quantized_student

    def trained(choice: Choice) -> Score:
        student = quantized_student(model, candidates.recipe(choice), samples)
        fit(student, data, config)
        told = score(logits_of(student, data.x_val), data.y_val)
        return Score(told["val_loss"], told["val_accuracy"])

    return trained


def search(
    evaluate: Evaluate, costs: CostModel, budget: float, *, trials: int = TRIALS, seed: int = 1, folder: Path | None = None
) -> tuple[dict[Tensor, int], float, list[dict[str, Any]]]:
    """The widths of least loss found within ``budget``, their loss, and the front of loss against cost.

    A multi-objective search (Optuna's ``TPESampler``, a tree-structured Parzen estimator for each tensor by itself, which finds better widths
    here than the multivariate one or NSGA-II) with the budget as a constraint, started with the uniform widths. With a folder every trial
    is on disk as soon as it is done, and the same call goes on behind the last one.

    Args:
        evaluate: score of a choice.
        costs: the cost model.
        budget: at least the cost of the narrowest choice.
        trials: in all, finished ones on disk included.
        seed: of the sampler.
        folder: of ``search.log``; None: nothing is kept.

    Raises:
        ToolError: Optuna is not installed.
    """
    optuna = _optuna()
    names = {str(tensor): tensor for tensor in costs.options}
    storage = None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "search.log")))
    what = digest(
        {"kind": costs.kind, "options": {n: costs.options[t] for n, t in names.items()}, "terms": [t.table.tolist() for t in costs.terms]}
    )
    study = optuna.create_study(
        storage=storage, study_name=f"{costs.kind}-{budget:g}-{what[:12]}", directions=["minimize", "minimize"], load_if_exists=True
    )
    past = _finished(study)
    done = len(past)
    study.sampler = optuna.samplers.TPESampler(seed=seed + done, n_startup_trials=20)
    if not study.trials:
        for at in range(max(len(widths) for widths in costs.options.values())):
            study.enqueue_trial({name: min(at, len(costs.options[t]) - 1) for name, t in names.items()})
    known = {tuple(_choice(t, names, costs).values()): (t.values[0], t.user_attrs["accuracy"]) for t in past}

    def objective(trial: Any) -> tuple[float, float]:
        choice = {t: costs.options[t][trial.suggest_int(name, 0, len(costs.options[t]) - 1)] for name, t in names.items()}
        key = tuple(choice.values())
        if key not in known:
            score = evaluate(choice)
            known[key] = (score.loss, score.accuracy)
        loss, accuracy = known[key]
        cost = costs.of(choice)
        trial.set_constraint("budget", cost / budget - 1)
        trial.set_user_attr("accuracy", accuracy)
        return loss, cost

    study.optimize(objective, n_trials=max(trials - done, 0))
    finished = _finished(study)
    front = [
        {"loss": t.values[0], "accuracy": t.user_attrs["accuracy"], "cost": t.values[1], "bits": _choice(t, names, costs)}
        for t in finished
        if not any(o.values[0] <= t.values[0] and o.values[1] <= t.values[1] and o.values != t.values for o in finished)
    ]
    front = sorted({(p["cost"], p["loss"]): p for p in front}.values(), key=lambda p: p["cost"])
    within = [t for t in finished if t.values[1] <= budget]
    if not within:
        choice = costs.extreme(-1)
        return choice, evaluate(choice).loss, front
    best = min(within, key=lambda t: t.values)
    return {names[name]: bits for name, bits in _choice(best, names, costs).items()}, best.values[0], front


def _finished(study: Any) -> list[Any]:
    """Trials with a result: not those that an interruption cut off, nor those that still wait."""
    return [t for t in study.trials if t.values is not None]


def _choice(trial: Any, names: dict[str, Tensor], costs: CostModel) -> dict[str, int]:
    return {name: costs.options[tensor][trial.params[name]] for name, tensor in names.items()}


def _optuna() -> Any:
    with contextlib.suppress(ImportError):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna
    raise ToolError("the search needs Optuna, which is not installed", do="pip install 'fpgacompress[search]', or take --method exact")
