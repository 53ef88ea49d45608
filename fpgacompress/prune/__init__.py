"""Pruning: which weights become zero, and when. A method is one file in ``methods`` that registers a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..options import checked_options
from ..recipe import PruneSection
from ..registry import Registry
from .held import Held, Rule, Score, by_layer, by_network
from .masks import Masks, check_quantizers, check_zeros, kernels_of, read_masks, save_masks
from .pruning import Nothing, Pruning
from .schedules import schedule_of
from .sensed import Sensed
from .targets import shapes_of, targets
from .wrapped import Wrapped, strip

Method = Callable[[Any, PruneSection, int, int], Pruning]
"""(model, section of the recipe, updates of the training, seed) -> what prunes the model in that training."""
METHODS: Registry[Method] = Registry("pruning method", "fpgacompress.prune.methods", "fpgacompress.prune")


def prune(model: Any, section: PruneSection, steps: int, seed: int = 0) -> Pruning:
    """What will prune ``model`` as ``section`` says in a training of ``steps`` updates; the model itself stays as it is.

    Args:
        model: QKeras or Keras model, whose kernels are looked at for their shapes only.
        section: recipe section ``prune``.
        steps: number of updates of the whole training.
        seed: of what the method draws.

    Raises:
        ModelError: what cannot be done: a pattern that matches no layer, a sparsity that leaves a layer without weights, a pattern of zeros
            that does not fit a layer, weights that cannot be zero (binary ones), an unknown option.
        FpgaCompressError: no such method.
    """
    method = METHODS.get(section.method)
    wanted = section.method == "fixed" or targets(section, shapes_of(kernels_of(model)))
    if not wanted:
        return Nothing()
    pruning = method(model, section, steps, seed)
    check_zeros(model, pruning.masks.kernels)
    return pruning


def options_of(section: PruneSection, **defaults: Any) -> dict[str, Any]:
    """A method's options with their defaults; see :func:`fpgacompress.options.checked_options`."""
    return checked_options("prune.options", section.method, section.options, defaults)


def held_by(rule: Rule, model: Any, section: PruneSection, steps: int, seed: int) -> Held:
    """Pruning by a rule, on the recipe's schedule and with its sparsity for each layer."""
    kernels = kernels_of(model)
    kind = Sensed if section.allocation == "sensitivity" else Held
    return kind(kernels, schedule_of(section, steps), targets(section, shapes_of(kernels)), rule, seed)


def scored(score: Score, model: Any, section: PruneSection, steps: int, seed: int) -> Held:
    """Pruning of the weights with the smallest scores, of each layer or of the network, as ``allocation`` says."""
    rule = by_network(score) if section.allocation == "global" else by_layer(score)
    return held_by(rule, model, section, steps, seed)


__all__ = [
    "METHODS",
    "Held",
    "Masks",
    "Method",
    "Nothing",
    "Pruning",
    "Wrapped",
    "check_quantizers",
    "held_by",
    "kernels_of",
    "options_of",
    "prune",
    "read_masks",
    "save_masks",
    "scored",
    "strip",
]
