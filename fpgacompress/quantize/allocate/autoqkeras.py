"""Allocation by QKeras' own AutoQKeras, for comparison (Coelho et al., arXiv 2006.10159): a Keras Tuner search with a few epochs per trial.

Three defects of QKeras 0.9 with today's libraries are gone round here: Keras Tuner must see ``tf_keras`` as ``keras`` when it is imported;
``tf_keras`` does not find QKeras' classes while a model is made from JSON; and the one optimizer that AutoQKeras hands to every trial must
be a legacy one, since new ones refuse a second model. AutoQKeras knows bits of parameters and activations but no EBOPs and no budget, so
the budget is applied to its finished trials.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

from ...errors import ToolError
from ...keras_stack import custom_objects, load, seed_everything
from ..sensitivity.candidates import Candidates
from ..sensitivity.tensors import ACTIVATION, INPUT, KERNEL, Tensor
from .costs import CostModel

_QUANTIZERS = {KERNEL: ("kernel", "quantized_bits({},0,1,alpha=1)"), ACTIVATION: ("activation", "quantized_relu({},2)")}
_BIAS = "quantized_bits(10,3,1,alpha=1)"
_GOAL = {"delta_p": 8.0, "delta_n": 8.0, "rate": 2.0, "stress": 1.0, "input_bits": 8, "output_bits": 8, "ref_bits": 8}
"""AutoQKeras' own default goal: the accuracy may fall by 8 % each time the bits of parameters and activations halve."""


def autoqkeras(
    candidates: Candidates,
    costs: CostModel,
    budget: float,
    data: Any,
    *,
    trials: int,
    widest: int | None = None,
    epochs: int = 1,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    seed: int = 1,
) -> tuple[dict[Tensor, int] | None, list[dict[str, Any]]]:
    """The trial of best validation accuracy within the budget, and all trials.

    Args:
        candidates: the model (which the trials start from) and its tensors at every width, without the input.
        costs: the cost model, in which the trials are priced.
        budget: in its unit.
        data: :class:`fpgacompress.train.TrainingData`, samples shaped as the model reads them.
        trials: of a Bayesian search.
        widest: widths beyond this are not offered to it; all are by default.
        epochs, batch_size, learning_rate: of each trial's training.
        seed: of the search.

    Returns:
        The choice (None when no trial keeps the budget), and for every trial its validation accuracy, cost and widths.

    Raises:
        ToolError: Keras Tuner is not installed.
    """
    stack = load()
    keras = stack.keras
    seed_everything(seed)
    model = keras.models.clone_model(candidates.model)
    model.set_weights(candidates.model.get_weights())
    model.compile(
        keras.optimizers.legacy.Adam(learning_rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["acc"]
    )
    names = {t: f"{t.layer}_{t.kind}_quantizer" for t in costs.options if t.kind != INPUT}
    offered = [b for b in candidates.bits if widest is None or b <= widest]
    texts = {part: {form.format(b): b for b in offered} for part, form in _QUANTIZERS.values()}
    top = offered[0]
    limit = dict.fromkeys(("Dense", "Conv1D", "Conv2D"), [top, 16, top]) | {"Activation": [top]}
    with _patched() as maker, tempfile.TemporaryDirectory(prefix="fpgacompress_") as scratch:
        tuner = maker(
            model,
            metrics=["acc"],
            custom_objects=custom_objects(),
            goal={"type": "bits", "params": {**_GOAL, "config": {"default": ["parameters", "activations"]}}},
            output_dir=f"{scratch}/trials",
            mode="bayesian",
            transfer_weights=True,
            quantization_config={**texts, "bias": {_BIAS: 10}, "linear": {"quantized_bits(16,8,1,alpha=1)": top}},
            limit=limit,
            tune_filters="none",
            tune_filters_exceptions="^$",
            max_trials=trials,
            seed=seed,
        )
        tuner.fit(data.x, data.y, validation_data=(data.x_val, data.y_val), batch_size=batch_size, epochs=epochs, verbose=0)
        found = []
        for trial in tuner.tuner.oracle.get_best_trials(trials):
            values = trial.hyperparameters.values
            choice = {t: _bits(values[name]) for t, name in names.items()}
            accuracy = float(trial.metrics.get_best_value("val_acc"))
            found.append({"accuracy": accuracy, "cost": costs.of(choice), "bits": {str(t): b for t, b in choice.items()}, "choice": choice})
    within = [t for t in found if t["cost"] <= budget]
    best = max(within, key=lambda t: t["accuracy"])["choice"] if within else None
    return best, [{k: v for k, v in t.items() if k != "choice"} for t in found]


def _bits(text: str) -> int:
    return int(re.search(r"\((\d+)", text).group(1))  # type: ignore[union-attr]


def _maker() -> Any:
    """The class AutoQKeras on a Keras Tuner of its own that took ``tf_keras`` for ``keras``; other users of Keras Tuner keep theirs.

    Raises:
        ToolError: it cannot be imported.
    """
    load()
    import tf_keras

    found = "qkeras.autoqkeras"
    if found in sys.modules:
        return sys.modules[found].AutoQKeras
    others = {name: module for name, module in sys.modules.items() if name == "keras" or name.split(".")[0] == "keras_tuner"}
    for name in others:
        del sys.modules[name]
    sys.modules["keras"] = tf_keras
    try:
        return importlib.import_module(found).AutoQKeras
    except ImportError as error:
        raise ToolError(f"AutoQKeras cannot be imported ({error})", do="pip install keras-tuner") from None
    finally:
        del sys.modules["keras"]
        for name in [name for name in sys.modules if name.split(".")[0] == "keras_tuner"]:
            del sys.modules[name]
        sys.modules.update(others)


@contextlib.contextmanager
def _patched() -> Iterator[Any]:
    """The class AutoQKeras, usable inside the ``with`` block; its prints are swallowed."""
    maker = _maker()
    from tf_keras.src.saving import serialization_lib

    known, original = custom_objects(), serialization_lib._retrieve_class_or_fn

    def find(name: str, *args: Any, **kwargs: Any) -> Any:
        return known[name] if name in known else original(name, *args, **kwargs)

    with mock.patch.object(serialization_lib, "_retrieve_class_or_fn", find), contextlib.redirect_stdout(None):
        yield maker
